"""Expectations against the mean over every start that a stream of documents can have."""

from collections import Counter

import pytest
from core.oracle import as_lengths
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.expectations import expected_cut, expected_truncations


def pieces_of(length: int, seq_len: int, start: int) -> list[int]:
    """A document whose first token is token `start` of a sequence, token by token."""
    return list(Counter((start + token) // seq_len for token in range(length)).values())


@given(st.integers(1, 60), st.integers(1, 25))
def test_expectations_are_means_over_every_start(length: int, seq_len: int) -> None:
    every = [pieces_of(length, seq_len, start) for start in range(seq_len)]
    mean_cut = sum(len(pieces) > 1 for pieces in every) / seq_len
    mean_truncations = sum(len(pieces) - 1 for pieces in every) / seq_len
    own = as_lengths([length])
    assert expected_cut(own, seq_len).tolist() == [pytest.approx(mean_cut)]
    assert expected_truncations(own, seq_len).tolist() == [pytest.approx(mean_truncations)]
