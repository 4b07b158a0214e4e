"""Fragments that begin with BOS or with tokens repeated, against cutting one by one."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pytest
from core.oracle import as_lengths, histogram_of, rules, whole_plan
from core.test_limited_fit import limited_best_fit
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.accounting import account, counts_of
from bfpack_spark.core.context import attention, context, pairs_together
from bfpack_spark.core.fragments import count_fragments, cut_documents
from bfpack_spark.core.groups import sequences_per_group
from bfpack_spark.core.rules import Rules
from bfpack_spark.core.sequence_counts import count_sequences
from bfpack_spark.explore.per_document import num_fragments

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=30)


class Cut(NamedTuple):
    """A fragment: BOS before it, its first token, its first new token, and its end."""

    bos: int
    start: int
    new: int
    end: int

    @property
    def length(self) -> int:
        return self.bos + self.end - self.start


def cut_slowly(length: int, seq_len: int, overlap: int, bos: int) -> list[Cut]:
    cuts = [Cut(0, 0, 0, min(length, seq_len))]
    while cuts[-1].end < length:
        new = cuts[-1].end
        end = new
        while end < length and bos + overlap + (end - new) < seq_len:
            end += 1
        cuts.append(Cut(bos, new - overlap, new, end))
    return cuts


@st.composite
def rules_drawn(draw: Any) -> Rules:
    seq_len = draw(st.integers(2, 20))
    bos = draw(st.booleans()) and seq_len > 1
    overlap = draw(st.integers(0, seq_len - 1 - bos))
    limit = draw(st.sampled_from([None, 1, 2, 5]))
    policy = "slide" if overlap else "split"
    chosen = {"bos_at": "fragment" if bos else "document", "overlap": overlap}
    made = rules(seq_len, long_documents=policy, max_documents=limit, **chosen)
    made.check()
    return made


def cuts_of(lengths: list[int], chosen: Rules) -> list[list[Cut]]:
    return [cut_slowly(n, chosen.seq_len, chosen.overlap, chosen.bos) for n in lengths]


@pytest.mark.parametrize(
    ("n", "stored"), [(8, [8]), (17, [8, 8, 3]), (15, [8, 8]), (16, [8, 8, 2])]
)
def test_bos_before_each_fragment_takes_a_token_of_each_later_one(
    n: int, stored: list[int]
) -> None:
    """At 8, 17 tokens: 0 to 8, then BOS and 7, then BOS and 2."""
    cut = cut_documents(as_lengths([n]), 8, bos=1)
    assert cut.length.tolist() == stored
    assert cut.start.tolist() == [0, 8, 15][: len(stored)]


def test_overlap_repeats_the_tokens_before_each_later_fragment() -> None:
    """At 8 with 3 repeated: what is stored of 8, 9, 13 and 17 tokens, and the context seen."""
    lengths = as_lengths([8, 9, 13, 17])
    chosen = rules(8, long_documents="slide", overlap=3)
    cut = cut_documents(lengths, 8, overlap=3)
    assert np.bincount(cut.document, cut.length).tolist() == [8, 12, 16, 23]
    assert cut.start.tolist() == [0, 0, 5, 0, 5, 0, 5, 10]
    assert context(lengths, chosen).tolist() == [28, 31, 53, 71]


@given(LENGTHS, rules_drawn())
def test_fragments_are_those_that_are_cut_one_by_one(lengths: list[int], chosen: Rules) -> None:
    expected = cuts_of(lengths, chosen)
    cut = cut_documents(as_lengths(lengths), chosen.seq_len, chosen.overlap, chosen.bos)
    found = list(zip(cut.document, cut.start, cut.length, strict=True))
    each = [(d, one.start, one.length) for d, own in enumerate(expected) for one in own]
    assert found == each
    documents = histogram_of(lengths)
    counts = count_fragments(
        documents.values, documents.counts, chosen.seq_len, chosen.long_documents, chosen.prefix
    )
    assert dict(enumerate(counts.tolist())) == {
        length: sum(one.length == length for own in expected for one in own)
        for length in range(chosen.seq_len + 1)
    }


@given(LENGTHS, rules_drawn())
def test_accounts_count_what_is_repeated_and_inserted(lengths: list[int], chosen: Rules) -> None:
    cuts = [one for own in cuts_of(lengths, chosen) for one in own]
    found = account(histogram_of(lengths), chosen)
    assert found.num_tokens_repeated == sum(one.new - one.start for one in cuts)
    assert found.num_bos_at_fragments == sum(one.bos for one in cuts)
    assert found.num_tokens_packed == sum(one.length for one in cuts)
    whole = found.num_tokens + found.num_tokens_repeated + found.num_bos_at_fragments
    assert found.num_tokens_packed == whole
    assert (found.num_tokens_truncated, found.num_tokens_dropped) == (0, 0)
    assert found.num_padding == found.num_sequences * chosen.seq_len - whole
    optional = {"num_tokens_repeated", "num_bos_at_fragments"}
    assert optional & counts_of(found).keys() == {n for n in optional if getattr(found, n)}


@given(LENGTHS, rules_drawn(), st.integers(1, 12))
def test_what_tokens_see_is_counted_pair_by_pair(
    lengths: list[int], chosen: Rules, distance: int
) -> None:
    own = cuts_of(lengths, chosen)
    seen = [[p - one.start for one in cuts for p in range(one.new, one.end)] for cuts in own]
    array = as_lengths(lengths)
    assert context(array, chosen).tolist() == [sum(each) for each in seen]
    near = [sum(before >= distance for before in each) for each in seen]
    assert pairs_together(array, distance, chosen).tolist() == near
    squares = [sum(one.length * (one.length + 1) / 2 for one in cuts) for cuts in own]
    assert attention(array, chosen).tolist() == squares
    assert num_fragments(array, chosen).tolist() == [len(cuts) for cuts in own]


@given(LENGTHS, rules_drawn())
def test_the_plan_packs_these_fragments_as_the_oracle_does(
    lengths: list[int], chosen: Rules
) -> None:
    documents = histogram_of(lengths)
    _, places = whole_plan(lengths, chosen)
    pieces = [one.length for own in cuts_of(lengths, chosen) for one in own]
    bin_of = limited_best_fit(pieces, chosen.seq_len, chosen.max_documents or 10**9)
    expected: Counter[int] = Counter()
    for piece, number in zip(pieces, bin_of, strict=True):
        expected[number] += piece
    filled = np.bincount(places.sequence_id, places.length).astype(int)
    assert sorted(filled.tolist()) == sorted(expected.values())
    each = zip(places.sequence_id, places.document, strict=True)
    assert max(Counter(each).values()) == 1  # a document is once in a row at most
    begun = count_sequences(documents, chosen).begun_inside
    assert 0 <= begun <= sequences_per_group(documents, chosen).sum()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"long_documents": "slide"}, "give --long-documents slide --overlap N"),
        ({"overlap": 3}, "--long-documents split, --overlap 3: slide and the tokens"),
        ({"long_documents": "slide", "overlap": 8}, "it can be 7 at most"),
        ({"long_documents": "slide", "overlap": 7, "bos_at": "fragment"}, "it can be 6 at most"),
        ({"bos_at": "fragment", "long_documents": "drop"}, "makes no later fragments"),
        ({"bos_at": "fragment", "packing": "concat"}, "--bos-at fragment: --packing concat"),
        (
            {"long_documents": "slide", "overlap": 2, "packing": "concat"},
            "--long-documents slide: --packing concat",
        ),
        ({"align": 3}, "--align 3: does not divide --seq-len 8; .* is 2"),
        ({"align": 16}, "--align 16: does not divide --seq-len 8; .* is 8"),
        ({"align": 10**15}, "--align 1000000000000000: does not divide --seq-len 8; .* is 8"),
        ({"align": 4, "packing": "concat"}, "--align 4: --packing concat"),
    ],
)
def test_options_that_contradict_are_refused(options: dict[str, Any], says: str) -> None:
    chosen = rules(8, **options)
    with pytest.raises(ValueError, match=says):  # noqa: PT012  either of them refuses
        chosen.check()
        chosen.check_seq_len()
