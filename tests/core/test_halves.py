"""Ids are their low 16 bits and what is above, and nothing is lost between."""

import halves
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.halves import join_ids, num_high_bytes, split_ids


@pytest.mark.parametrize(
    ("vocabulary_size", "num_high"),
    [(1, 0), (65_536, 0), (65_537, 1), (128_000, 1), (2**24, 1), (2**24 + 1, 2), (2**31 - 1, 2)],
)
def test_the_largest_id_of_a_vocabulary_fits_and_no_byte_is_spared(
    vocabulary_size: int, num_high: int
) -> None:
    assert num_high_bytes(vocabulary_size) == num_high
    largest = np.array([vocabulary_size - 1], dtype=np.int32)
    assert join_ids(*split_ids(largest, num_high)).tolist() == largest.tolist()
    if num_high:
        with pytest.raises(AssertionError, match="is not of this vocabulary"):
            split_ids(largest, num_high - 1)


@given(st.lists(st.integers(0, 2**31 - 1)), st.sampled_from([1, 2]))
def test_ids_come_back_as_they_were(numbers: list[int], step: int) -> None:
    ids = np.array(numbers, dtype=np.int32)[::step]
    low, high = split_ids(ids, 2)
    assert low.tobytes() == halves.low(ids)
    assert high is not None
    assert high.tolist() == [number // 65536 for number in ids.tolist()]
    assert join_ids(low, high).tolist() == ids.tolist()


def test_an_id_that_has_no_room_is_never_cut_off() -> None:
    for wrong in (65_536, -1, 2**31 - 1):
        with pytest.raises(AssertionError, match="is not of this vocabulary"):
            split_ids(np.array([5, wrong, 7], dtype=np.int32), 0)
    with pytest.raises(AssertionError, match="is not of this vocabulary"):
        split_ids(np.array([2**24], dtype=np.int32), 1)
