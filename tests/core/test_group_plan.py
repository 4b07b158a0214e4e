"""The plan of a group: every kept token in one place, in the sequences that the counts foretell."""

import itertools

import numpy as np
import pytest
from core.oracle import as_lengths, best_fit_decreasing, histogram_of, rules, whole_plan
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.accounting import account
from bfpack_spark.core.fragments import Int64, kept_lengths
from bfpack_spark.core.group_plan import Places, SequenceNumbers, plan_group
from bfpack_spark.core.groups import sequences_per_group
from bfpack_spark.core.rules import Rules

RULES = st.builds(
    Rules,
    seq_len=st.integers(1, 12),
    packing=st.sampled_from(["best_fit", "concat"]),
    long_documents=st.sampled_from(["split", "truncate", "drop"]),
    group_documents_max=st.just(1000),
    seed=st.integers(0, 3),
)
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=30).map(as_lengths)


def places_of(lengths: Int64, rules: Rules, first: int = 0, others: int = 0) -> Places:
    return whole_plan(lengths, rules, first, others)[1]


@given(LENGTHS, RULES)
def test_fragments_tile_what_is_kept_of_each_document(lengths: Int64, rules: Rules) -> None:
    places = places_of(lengths, rules)
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    for document in range(len(lengths)):
        own = np.flatnonzero(places.document == document)
        own = own[np.argsort(places.start[own])]
        ends = np.cumsum(places.length[own])
        assert places.start[own].tolist() == [0, *ends[:-1].tolist()][: len(own)]
        assert places.length[own].sum() == kept[document]
    assert (places.length > 0).all()


@given(LENGTHS, RULES)
def test_documents_in_pieces_or_truncated_are_counted(lengths: Int64, rules: Rules) -> None:
    plan, places = whole_plan(lengths, rules)
    longest = dict.fromkeys(places.document.tolist(), 0)
    for number, length in zip(places.document.tolist(), places.length.tolist(), strict=True):
        longest[number] = max(longest[number], length)
    cut = sum(longest[number] < lengths[number] for number in longest)
    assert plan.num_documents_cut == cut
    if rules.packing == "best_fit":
        assert cut == account(histogram_of(lengths), rules).num_documents_cut


@given(LENGTHS, RULES)
def test_fragments_fill_each_sequence_from_its_first_token(lengths: Int64, rules: Rules) -> None:
    places = places_of(lengths, rules)
    rows = list(zip(places.sequence_id, places.position, places.offset, places.length, strict=True))
    assert [row[:2] for row in rows] == sorted(row[:2] for row in rows)
    for _, fragments in itertools.groupby(rows, key=lambda row: row[0]):
        reached = 0
        for rank, (_, position, offset, length) in enumerate(fragments):
            assert (position, offset) == (rank, reached)
            reached += length
        assert reached <= rules.seq_len


@given(LENGTHS, RULES)
def test_best_fit_makes_the_sequences_of_the_oracle(lengths: Int64, rules: Rules) -> None:
    places = places_of(lengths, rules)
    fills = np.bincount(places.sequence_id, places.length).astype(int)
    if rules.packing == "best_fit":
        expected = best_fit_decreasing(places.length.tolist(), rules.seq_len)
        assert sorted(fills.tolist(), reverse=True) == expected
    else:
        assert (np.sort(fills)[1:] == rules.seq_len).all()


@given(LENGTHS, RULES, st.integers(0, 9), st.integers(0, 9))
def test_the_groups_of_a_dataset_share_its_numbers(
    lengths: Int64, rules: Rules, before: int, behind: int
) -> None:
    """No number twice, none beyond the total, whatever groups lie before and behind."""
    own = set(places_of(lengths, rules, before, before + behind).sequence_id.tolist())
    (group,) = sequences_per_group(histogram_of(lengths), rules).tolist()
    assert len(own) == group
    assert own <= set(range(group + before + behind))
    one = as_lengths([rules.seq_len])
    ranks = (*range(before), *range(before + group, before + group + behind))
    others = [places_of(one, rules, rank, before + behind + group - 1) for rank in ranks]
    numbers = [int(other.sequence_id[0]) for other in others]
    assert len(set(numbers)) == before + behind
    assert not own & set(numbers)


def small(seed: int = 0) -> Rules:
    return rules(4, seed=seed)


def test_a_tiny_group_by_eye() -> None:
    """Lengths [5, 3] at 4: [4] alone, [1] and [3] together."""
    places = places_of(as_lengths([5, 3]), small())
    names = zip(places.document, places.start, places.length, places.sequence_id, strict=True)
    by_sequence: dict[int, set[tuple[int, int, int]]] = {}
    for document, start, length, sequence in names:
        by_sequence.setdefault(int(sequence), set()).add((int(document), int(start), int(length)))
    assert sorted(by_sequence.values(), key=len) == [{(0, 0, 4)}, {(0, 4, 1), (1, 0, 3)}]


def test_a_part_of_the_places_is_that_part() -> None:
    plan, whole = whole_plan(range(1, 20), small())
    part = plan.places(3, 7)
    assert len(plan) > 7
    for name in vars(whole):
        assert getattr(part, name).tolist() == getattr(whole, name)[3:7].tolist()


def test_another_seed_moves_sequences_and_keeps_them() -> None:
    lengths = as_lengths(range(1, 20))
    one, two = (contents(places_of(lengths, small(seed))) for seed in (0, 1))
    assert one != two
    assert sorted(one) == sorted(two)


def test_hashes_order_the_fragments_of_a_sequence() -> None:
    lengths, numbers = as_lengths([1] * 4), SequenceNumbers(first=0, group=1, total=1)
    orders = set()
    for seed in range(8):
        hashes = np.random.default_rng(seed).integers(0, 1 << 62, 4)
        plan = plan_group(lengths, hashes, small(), numbers)
        orders.add(tuple(plan.places(0, 4).document.tolist()))
    assert len(orders) > 1


def contents(places: Places) -> list[list[tuple[int, int]]]:
    """Document and start of the fragments in each sequence."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(int(places.sequence_id.max()) + 1)]
    for document, start, sequence in zip(
        places.document, places.start, places.sequence_id, strict=True
    ):
        found[sequence].append((int(document), int(start)))
    return found


def test_a_group_of_other_sequences_than_foretold_fails() -> None:
    numbers = SequenceNumbers(first=0, group=3, total=3)
    with pytest.raises(AssertionError, match="2 sequences, 3 by its counts"):
        plan_group(as_lengths([5, 3]), as_lengths([0, 1]), small(), numbers)
