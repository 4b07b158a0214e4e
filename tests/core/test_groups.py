"""Groups get equal shares: of each length, of documents, of tokens."""

import numpy as np
import pytest
from core.oracle import as_lengths, histogram_of, refinedweb_like, rules
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.groups import (
    default_group_documents,
    first_group,
    group_counts,
    num_groups,
    sequences_per_group,
)


def test_groups_hold_no_more_documents_than_allowed_on_average() -> None:
    default = 2_000_000
    found = [num_groups(n, default) for n in (default - 1, default, default + 1, 10**9)]
    assert found == [1, 1, 2, 500]
    assert [num_groups(n, 10) for n in (0, 1, 10, 11, 100)] == [1, 1, 1, 2, 10]


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
@pytest.mark.parametrize("groups", [2, 3, 10, 64])
def test_lengths_that_occur_once_are_spread_over_all_groups(groups: int, seed: int) -> None:
    lengths = np.arange(1, 4001, dtype=np.int64)
    dealt = np.array(list(group_counts(np.ones_like(lengths), groups, seed)))
    documents, tokens = dealt.sum(axis=1), dealt @ lengths
    assert documents.sum() == 4000
    assert documents.max() - documents.min() <= 1
    assert tokens.max() - tokens.min() <= 4000  # the longest


def test_groups_of_a_real_histogram_hold_equal_shares() -> None:
    found = histogram_of(refinedweb_like(100_000, seed=2))
    dealt = np.array(list(group_counts(found.counts, 10, 0)))
    assert (dealt.sum(axis=0) == found.counts).all()
    assert set(dealt.sum(axis=1).tolist()) == {10_000}
    assert np.ptp(dealt @ found.values) <= found.values.max()
    assert np.abs(dealt @ found.values / (found.total / 10) - 1).max() < 0.01


def test_another_seed_begins_at_other_groups() -> None:
    counts = np.ones(1000, dtype=np.int64)
    first, other = first_group(counts, 10, 0), first_group(counts, 10, 7)
    assert set(first.tolist()) == set(range(10))
    assert (first != other).all()


def test_billions_of_documents_of_a_length_are_dealt_exactly() -> None:
    dealt = list(group_counts(as_lengths([10**10 + 3]), 500, 2**31 - 1))
    counts = sorted(int(group[0]) for group in dealt)
    assert counts == [20_000_000] * 497 + [20_000_001] * 3


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=200),
    st.integers(1, 9),
    st.integers(0, 2**31 - 1),
)
def test_groups_have_almost_the_same_histogram(lengths: list[int], groups: int, seed: int) -> None:
    found = histogram_of(lengths)
    dealt = np.array(list(group_counts(found.counts, groups, seed)))
    assert (dealt.sum(axis=0) == found.counts).all()
    assert (dealt.max(axis=0) - dealt.min(axis=0) <= 1).all()
    assert np.ptp(dealt.sum(axis=1)) <= 1
    first = first_group(found.counts, groups, seed)
    assert (dealt[first, np.arange(len(first))] == dealt.max(axis=0)).all()


def test_groups_of_long_documents_are_smaller_by_default() -> None:
    chosen, million = rules(2048, group_documents_max=None), 10**6
    many = 2 * million
    sizes = [default_group_documents(many, many * n, chosen) for n in (1000, 7000, 20_000)]
    assert sizes == [2 * million, million, million // 2]
    assert default_group_documents(50, 10**8, chosen) == 2 * million, "one group holds all"
    dropped = rules(2048, group_documents_max=None, long_documents="drop")
    assert default_group_documents(many, many * 20_000, dropped) == 2 * million
    long = histogram_of([10**7] * 3)
    assert len(sequences_per_group(long, rules(1, group_documents_max=None))) == 3
    assert len(sequences_per_group(long, rules(1, group_documents_max=2))) == 2
