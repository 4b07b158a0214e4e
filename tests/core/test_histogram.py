"""How many things have each value."""

import numpy as np
import pytest
from core.oracle import as_lengths, histogram_of
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.histogram import Histogram

VALUES = st.lists(st.integers(0, 50), max_size=40)


@given(VALUES)
def test_counts_and_totals_are_those_of_the_values(values: list[int]) -> None:
    histogram = Histogram.of_counts(np.bincount(as_lengths(values), minlength=1))
    assert np.repeat(histogram.values, histogram.counts).tolist() == sorted(values)
    assert (histogram.count, histogram.total) == (len(values), sum(values))


@given(st.lists(VALUES, max_size=4))
def test_merged_histograms_count_all_values(parts: list[list[int]]) -> None:
    merged = Histogram.merged(map(histogram_of, parts))
    whole = sorted(value for part in parts for value in part)
    assert np.repeat(merged.values, merged.counts).tolist() == whole


@given(VALUES.filter(bool), st.floats(0, 1))
def test_a_quantile_is_the_value_of_its_rank(values: list[int], share: float) -> None:
    rank = max(int(np.ceil(share * len(values))), 1)
    assert histogram_of(values).quantile(share) == sorted(values)[rank - 1]


@given(VALUES.filter(any))
def test_shares_up_to_a_value_hold_all_that_do_not_exceed_it(values: list[int]) -> None:
    histogram = histogram_of(values)
    for value, things, total in zip(
        histogram.values, histogram.counts_up_to(), histogram.totals_up_to(), strict=True
    ):
        within = [each for each in values if each <= value]
        assert things == pytest.approx(len(within) / len(values))
        assert total == pytest.approx(sum(within) / sum(values))


def test_nothing_has_no_shares_and_quantile_zero() -> None:
    nothing = Histogram.merged([])
    assert (nothing.count, nothing.total, nothing.quantile(0.5)) == (0, 0, 0)
    assert not len(nothing.counts_up_to())
