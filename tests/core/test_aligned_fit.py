"""Fragments that begin at multiples of a number, and rows of padding behind the last sequence."""

from collections import Counter
from typing import Any

from core.oracle import as_lengths, histogram_of, rules, whole_plan
from core.test_limited_fit import limited_best_fit
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.accounting import account, counts_of
from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.rules import Rules
from bfpack_spark.core.sequence_counts import count_sequences

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=40)
RULES = st.builds(
    lambda blocks, align, limit, bos, overlap: rules(
        blocks * align,
        align=align,
        max_documents=limit,
        bos_at="fragment" if bos and blocks * align > 1 else "document",
        overlap=min(overlap, max(blocks * align - 2, 0)),
        long_documents="slide" if min(overlap, max(blocks * align - 2, 0)) else "split",
    ),
    st.integers(1, 8),
    st.integers(1, 6),
    st.sampled_from([None, 1, 3]),
    st.booleans(),
    st.integers(0, 3),
)


def up(length: int, align: int) -> int:
    while length % align:
        length += 1
    return length


def aligned_best_fit(lengths: list[int], chosen: Rules) -> list[int]:
    """The bin of each fragment, the longest first; each takes its length, rounded up."""
    order = sorted(range(len(lengths)), key=lambda at: -lengths[at])
    sizes = [up(lengths[at], chosen.align) for at in order]
    bins = limited_best_fit(sizes, chosen.seq_len, chosen.max_documents or 10**9)
    bin_of = [-1] * len(lengths)
    for at, number in zip(order, bins, strict=True):
        bin_of[at] = number
    return bin_of


def test_a_row_by_eye() -> None:
    """Lengths [3, 5, 2] at 8 and multiples of 4: 3 + 1 | 2 + 2, and 5 + 3."""
    chosen = rules(8, align=4)
    _, places = whole_plan([3, 5, 2], chosen)
    rows = Counter(places.sequence_id.tolist())
    assert sorted(rows.values()) == [1, 2]
    assert places.offset[places.position == 1].tolist() == [4]
    assert account(histogram_of([3, 5, 2]), chosen).num_padding == 6
    counted = count_sequences(histogram_of([3, 5, 2]), chosen)
    assert counted.by_padding.values.tolist() == [3]
    assert counted.by_padding.counts.tolist() == [2]


@given(LENGTHS, RULES)
def test_each_fragment_goes_where_the_oracle_puts_it(lengths: list[int], chosen: Rules) -> None:
    own = [min(length, chosen.seq_len) for length in lengths]
    bin_of, _ = pack(as_lengths(own), chosen.seq_len, chosen.max_documents, chosen.align)
    assert bin_of.tolist() == aligned_best_fit(own, chosen)


@given(LENGTHS, RULES)
def test_fragments_lie_at_multiples_and_padding_is_counted(
    lengths: list[int], chosen: Rules
) -> None:
    _, places = whole_plan(lengths, chosen)
    assert (places.offset % chosen.align == 0).all()
    rows: dict[int, list[tuple[int, int]]] = {}
    for row, offset, length in zip(
        places.sequence_id.tolist(), places.offset.tolist(), places.length.tolist(), strict=True
    ):
        reached = rows.setdefault(row, [])
        assert offset == (up(sum(reached[-1]), chosen.align) if reached else 0)
        assert offset + length <= chosen.seq_len
        reached.append((offset, length))
    padding = [chosen.seq_len - sum(length for _, length in row) for row in rows.values()]
    found = account(histogram_of(lengths), chosen)
    assert found.num_padding == sum(padding)
    counted = count_sequences(histogram_of(lengths), chosen).by_padding
    both = zip(counted.values.tolist(), counted.counts.tolist(), strict=True)
    assert {n: c for n, c in both if c} == Counter(padding)


@given(LENGTHS, st.integers(1, 20), st.integers(1, 12), st.sampled_from(["best_fit", "concat"]))
def test_rows_of_padding_fill_up_to_a_multiple(
    lengths: list[int], seq_len: int, multiple: int, packing: Any
) -> None:
    documents = histogram_of(lengths)
    plain = account(documents, rules(seq_len, packing=packing))
    chosen = rules(seq_len, packing=packing, num_sequences_multiple=multiple)
    found = account(documents, chosen)
    assert found.num_sequences % multiple == 0
    assert 0 <= found.num_sequences - plain.num_sequences < multiple
    assert found.num_padding_sequences == found.num_sequences - plain.num_sequences
    added = found.num_padding_sequences * seq_len
    assert found.num_padding == plain.num_padding + added
    assert ("num_padding_sequences" in counts_of(found)) == (added > 0)
    if packing == "best_fit":
        counted = count_sequences(documents, chosen)
        assert counted.by_padding.count == found.num_sequences
        assert counted.by_padding.total == found.num_padding
        assert counted.by_fragments.count == found.num_sequences
        assert counted.per_group.sum() == plain.num_sequences
