"""Fragments tile documents; streams are cut where a walk and known answers cut them."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from core.anchors import load
from core.oracle import as_lengths, histogram_of, refinedweb_like
from core.test_best_fit import skip_if_another_stream
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.fragments import (
    count_fragments,
    cut_documents,
    cut_stream,
    kept_lengths,
    stable_order,
)

POLICIES = ("split", "truncate", "drop")
LENGTHS = st.lists(st.integers(1, 300), max_size=50)
SEQ_LEN = st.integers(1, 100)


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("split", [5, 4, 3, 9]), ("truncate", [4, 4, 3, 4]), ("drop", [0, 4, 3, 0])],
)
def test_a_document_within_seq_len_is_kept_whole_by_every_policy(
    policy: Any, kept: list[int]
) -> None:
    assert kept_lengths(as_lengths([5, 4, 3, 9]), 4, policy).tolist() == kept


def test_documents_are_cut_at_multiples_of_seq_len() -> None:
    cut = cut_documents(as_lengths([5, 0, 3, 8]), 4)
    assert cut.document.tolist() == [0, 0, 2, 3, 3]
    assert cut.start.tolist() == [0, 4, 0, 0, 4]
    assert cut.length.tolist() == [4, 1, 3, 4, 4]


@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 40))
def test_documents_that_keep_nothing_leave_the_stream_as_it_is(
    kept: list[int], seq_len: int
) -> None:
    cut, sequence = cut_stream(as_lengths(kept), seq_len)
    whole = [number for number, length in enumerate(kept) if length]
    without, same_sequence = cut_stream(as_lengths(kept[number] for number in whole), seq_len)
    assert cut.document.tolist() == [whole[number] for number in without.document]
    assert cut.start.tolist() == without.start.tolist()
    assert cut.length.tolist() == without.length.tolist()
    assert sequence.tolist() == same_sequence.tolist()
    assert len(np.unique(sequence)) == -(-sum(kept) // seq_len)


def test_the_rows_of_trls_wrapped_packing_are_as_known() -> None:
    cases = load("small_cases.json")["cases"]
    (case,) = [case for case in cases if "concat_row_lengths" in case]
    cut, sequence = cut_stream(as_lengths(case["lengths"]), case["seq_len"])
    rows = np.bincount(sequence, weights=cut.length).astype(int)
    assert rows.tolist() == case["concat_row_lengths"] == [3, 3, 2]


@pytest.mark.parametrize(
    "known", load("refinedweb_like.json")["exact"], ids=lambda known: str(known["num_documents"])
)
def test_concatenation_cuts_lengths_like_refinedweb_as_known(known: dict[str, Any]) -> None:
    lengths = refinedweb_like(known["num_documents"], known["seed"])
    skip_if_another_stream(lengths, known["check"])
    assert len(known["expected"]) == 2
    for expected in known["expected"]:
        cut, sequence = cut_stream(lengths, expected["seq_len"])
        cuts = np.bincount(cut.document) - 1
        assert int(cuts.sum()) == expected["num_cuts_concat"]
        assert int((cuts > 0).sum()) == expected["num_cut_documents_concat"]
        assert int(sequence[-1]) + 1 == expected["lower_bound"]


def test_fragments_of_many_documents_are_counted_in_64_bits() -> None:
    many = 5 * 10**9
    counted = count_fragments(as_lengths([3, 7, 8]), as_lengths([many, many, 2 * many]), 4, "split")
    assert counted.tolist() == [0, 0, 0, 2 * many, 5 * many]


def test_lengths_that_leave_the_same_remainder_are_counted_together() -> None:
    counted = count_fragments(as_lengths([1, 5, 9]), as_lengths([1, 10, 100]), 4, "split")
    assert counted.tolist() == [0, 111, 0, 0, 210]


@given(LENGTHS, SEQ_LEN, st.sampled_from(POLICIES))
def test_fragments_tile_what_is_kept_and_only_long_documents_are_cut(
    lengths: list[int], seq_len: int, policy: Any
) -> None:
    kept = kept_lengths(as_lengths(lengths), seq_len, policy)
    cut = cut_documents(kept, seq_len)
    pieces: dict[int, list[tuple[int, int]]] = {}
    for document, start, length in zip(cut.document, cut.start, cut.length, strict=True):
        pieces.setdefault(int(document), []).append((int(start), int(length)))
    for document, length in enumerate(lengths):
        expected = {"split": length, "truncate": min(length, seq_len), "drop": length}[policy]
        if policy == "drop" and length > seq_len:
            assert document not in pieces
            continue
        own = pieces[document]
        assert [start for start, _ in own] == list(range(0, expected, seq_len))
        assert sum(size for _, size in own) == expected
        assert length > seq_len or own == [(0, length)]


@given(LENGTHS, SEQ_LEN, st.sampled_from(POLICIES))
def test_counting_fragments_equals_cutting_documents(
    lengths: list[int], seq_len: int, policy: Any
) -> None:
    kept = kept_lengths(as_lengths(lengths), seq_len, policy)
    expected = Counter(cut_documents(kept, seq_len).length.tolist())
    found = histogram_of(lengths)
    counted = count_fragments(found.values, found.counts, seq_len, policy)
    assert {n: int(counted[n]) for n in np.flatnonzero(counted)} == dict(expected)


@given(LENGTHS, SEQ_LEN)
def test_the_stream_is_cut_where_a_token_by_token_walk_cuts_it(
    lengths: list[int], seq_len: int
) -> None:
    walked: dict[tuple[int, int], list[int]] = {}
    place = 0
    for document, length in enumerate(lengths):
        for token in range(length):
            walked.setdefault((place // seq_len, document), []).append(token)
            place += 1
    cut, sequence = cut_stream(as_lengths(lengths), seq_len)
    found = {
        (int(s), int(d)): list(range(int(start), int(start + length)))
        for s, d, start, length in zip(sequence, cut.document, cut.start, cut.length, strict=True)
    }
    assert found == walked


@pytest.mark.parametrize("case", load("small_cases.json")["cases"], ids=lambda c: c["name"])
def test_concatenation_cuts_the_small_cases_as_known(case: dict[str, Any]) -> None:
    lengths = as_lengths(length for length in case["lengths"] if length)
    cut, sequence = cut_stream(lengths, case["seq_len"])
    expected = case["expected"]["concat"]
    assert len(np.unique(sequence)) == expected["num_sequences"]
    assert len(cut.document) - len(lengths) == expected["num_cuts"]
    pieces = np.bincount(cut.document, minlength=len(lengths))
    assert int((pieces > 1).sum()) == expected["num_cut_documents"]


@pytest.mark.parametrize("largest", [0, 1, 255, 256, 65_535, 65_536, 2**31, 2**40])
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_an_order_is_stable_at_every_width_of_the_keys(largest: int, kind: type) -> None:
    some = np.minimum(np.random.default_rng(0).integers(0, 40, 500) * (largest // 30 + 1), largest)
    keys = some[some <= np.iinfo(kind).max].astype(kind)
    assert stable_order(keys).tolist() == sorted(range(len(keys)), key=keys.tolist().__getitem__)
    assert stable_order(keys[:0]).tolist() == []
