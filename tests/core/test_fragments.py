"""Cuts of documents that keep nothing, and of streams whose cuts are known."""

from typing import Any

import numpy as np
import pytest
from core.anchors import load
from core.oracle import as_lengths, refinedweb_like
from core.test_best_fit import skip_if_another_stream
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.fragments import count_fragments, cut_documents, cut_stream, kept_lengths


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


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 40))
def test_every_row_of_the_stream_is_full_but_the_last(lengths: list[int], seq_len: int) -> None:
    cut, sequence = cut_stream(as_lengths(lengths), seq_len)
    *full, last = np.bincount(sequence, weights=cut.length).astype(int).tolist()
    assert full == [seq_len] * len(full)
    assert last == sum(lengths) - seq_len * len(full)
    assert 1 <= last <= seq_len


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
