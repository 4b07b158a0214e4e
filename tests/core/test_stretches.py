"""Stretches of the row of documents, against the row itself."""

from collections import Counter

import numpy as np
import pytest
from core.oracle import histogram_of
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.stretches import stretches_of

DOCUMENTS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=80
)


@given(DOCUMENTS, st.integers(1, 12), st.integers(1, 4))
def test_stretches_follow_each_other_in_the_row(
    documents: list[tuple[int, int]], at_once: int, num_files: int
) -> None:
    row = sorted(documents, key=lambda document: (-document[0], document[1]))
    length, doc_hash = (np.array(column, dtype=np.int64) for column in zip(*row, strict=True))
    stretches = stretches_of(histogram_of(length.tolist()), at_once)
    numbers = stretches.of(length, doc_hash)
    assert (np.diff(numbers) >= 0).all()
    assert 0 <= numbers.min() <= numbers.max() < len(stretches)
    own = numbers[stretches.in_parts(length)].tolist()
    assert (stretches.within is None) == bool(own)
    files = [Counter(map(str, own[n::num_files])) for n in range(num_files)]
    ahead = stretches.counted(files).ahead_of(length, doc_hash)
    assert ahead.tolist() == np.searchsorted(numbers, numbers).tolist()


def test_the_example_by_eye() -> None:
    """Two of length 5, one of 4 and six of 2, about two in a stretch."""
    stretches = stretches_of(histogram_of([5, 5, 4] + [2] * 6), 2)
    third = 2**64 // 3
    hashes = np.array([-(2**63), -(2**63) + third + 2**33, 2**63 - 1])
    assert stretches.of(np.array([5, 4]), hashes[:2]).tolist() == [0, 1]
    assert stretches.of(np.array([2, 2, 2]), hashes).tolist() == [2, 3, 4]
    counted = stretches.counted([{"2": 1, "3": 2}, {"3": 1, "4": 2}])
    assert counted.ahead_of(np.array([4, 2, 2, 2]), hashes[[0, 0, 1, 2]]).tolist() == [2, 3, 4, 7]


def test_many_documents_of_one_length_are_sorted_by_several_workers() -> None:
    stretches = stretches_of(histogram_of([7] * 1000 + [3]), 10)
    hashes = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 1000)
    sizes = np.bincount(stretches.of(np.full(1000, 7), hashes))
    assert len(sizes) == 100
    assert sizes.max() < 30


def test_what_is_not_counted_is_not_used() -> None:
    stretches = stretches_of(histogram_of([7] * 5), 2)
    with pytest.raises(AssertionError, match="not counted"):
        stretches.ahead_of(np.array([7]), np.array([0]))
