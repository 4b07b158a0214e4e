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


@given(VALUES.filter(any), st.lists(st.integers(0, 60), max_size=5))
def test_shares_up_to_a_value_hold_all_that_do_not_exceed_it(
    values: list[int], limits: list[int]
) -> None:
    histogram = histogram_of(values)
    for value, share in zip(histogram.values, histogram.counts_up_to(), strict=True):
        assert share == pytest.approx(sum(each <= value for each in values) / len(values))
    for limit, share in zip(limits, histogram.totals_up_to(as_lengths(limits)), strict=True):
        within = sum(each for each in values if each <= limit)
        assert share == pytest.approx(within / sum(values))


def test_nothing_has_no_shares_and_quantile_zero() -> None:
    nothing = Histogram.merged([])
    assert (nothing.count, nothing.total, nothing.quantile(0.5)) == (0, 0, 0)
    assert not len(nothing.counts_up_to())
    assert nothing.totals_up_to(as_lengths([5])).tolist() == [0]
