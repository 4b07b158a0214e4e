"""Estimates against all that can be drawn, and errors against sums that are made by hand."""

import numpy as np
import pytest
from core.oracle import as_lengths
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.estimates import (
    Donors,
    Sized,
    Stratum,
    Value,
    estimate_documents,
    estimate_ratio,
    estimate_share,
    estimate_total,
    scaled_histogram,
)
from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64

CLUSTERS = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=5), min_size=1, max_size=5)

Donor = tuple[int, int, float]  # bytes, tokens, bytes of the corpus that it was drawn for


def one(lengths: Int64) -> Float64:
    return np.ones(len(lengths))


def itself(lengths: Int64) -> Float64:
    return lengths.astype(float)


def longer(than: int) -> Value:
    return lambda lengths: (lengths > than).astype(float)


def all_read(sizes: list[int], donors: list[Donor], inserted: int = 0) -> Stratum:
    """A corpus of documents of these sizes, from which the donors were drawn."""
    sized = Sized(
        size=as_lengths(sizes),
        count=np.ones(len(sizes), np.int64),
        weight=np.ones(len(sizes)),
        draw=None,
    )
    return stratum_of(sized, donors, list(range(len(donors))), len(donors), inserted)


def stratum_of(
    sized: Sized, donors: list[Donor], draws: list[int], num_draws: int, inserted: int = 0
) -> Stratum:
    size, length, num_bytes = ([donor[field] for donor in donors] for field in range(3))
    return Stratum(
        num_draws=num_draws,
        num_inserted=inserted,
        sized=sized,
        donors=Donors(
            size=as_lengths(size),
            length=as_lengths(length),
            num_bytes=np.array(num_bytes, dtype=float),
            draw=as_lengths(draws),
        ),
    )


def clusters_drawn(clusters: list[list[int]], chosen: list[int], chances: list[float]) -> Stratum:
    """Draws of clusters whose documents have as many tokens as bytes, with a donor of each draw."""
    sized = Sized(
        size=as_lengths([size for at in chosen for size in clusters[at]]),
        count=np.ones(sum(len(clusters[at]) for at in chosen), np.int64),
        weight=np.array([1 / chances[at] / len(chosen) for at in chosen for _ in clusters[at]]),
        draw=as_lengths([number for number, at in enumerate(chosen) for _ in clusters[at]]),
    )
    donors: list[Donor] = [(clusters[at][0], clusters[at][0], 1.0) for at in chosen]
    return stratum_of(sized, donors, list(range(len(chosen))), len(chosen))


def complete(lengths: list[int]) -> Stratum:
    """Documents that are all tokenized."""
    donors: list[Donor] = [(1, length, 1.0) for length in lengths]
    none = Sized(size=as_lengths([]), count=as_lengths([]), weight=np.empty(0), draw=None)
    return stratum_of(none, donors, list(range(len(lengths))), 0)


@given(CLUSTERS, st.data())
def test_the_mean_estimate_over_all_that_can_be_drawn_is_the_truth(
    clusters: list[list[int]], data: st.DataObject
) -> None:
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=len(clusters), max_size=len(clusters)))
    chances = [size / sum(sizes) for size in sizes]
    pairs = [(a, b) for a in range(len(clusters)) for b in range(len(clusters))]
    weights = [chances[a] * chances[b] for a, b in pairs]
    strata = [clusters_drawn(clusters, [a, b], chances) for a, b in pairs]
    for value, truth in ((one, sum(map(len, clusters))), (itself, sum(map(sum, clusters)))):
        found = [estimate_total([stratum], value) for stratum in strata]
        mean = sum(w * own.value for w, own in zip(weights, found, strict=True))
        assert mean == pytest.approx(truth)
    truth = sum(map(len, clusters))
    found = [estimate_total([stratum], one) for stratum in strata]
    variance = sum(w * (own.value - truth) ** 2 for w, own in zip(weights, found, strict=True))
    said = sum(w * own.standard_error**2 for w, own in zip(weights, found, strict=True))
    assert said == pytest.approx(variance, abs=1e-6)


def test_a_length_is_what_is_inserted_and_bytes_times_tokens_a_byte() -> None:
    stratum = all_read([4, 8, 8], [(4, 3, 1), (4, 3, 1)], inserted=1)
    assert estimate_total([stratum], itself).value == 3 + 5 + 5
    assert estimate_ratio([stratum], itself, one).value == pytest.approx(13 / 3)
    assert scaled_histogram([stratum]).values.tolist() == [3, 5]


def test_the_donors_nearest_in_size_tell_the_tokens_of_a_byte() -> None:
    donors: list[Donor] = [*[(10, 1, 1.0)] * 10, *[(1000, 500, 1.0)] * 10]
    assert estimate_total([all_read([10, 1000], donors)], itself).value == 501


def test_donors_count_by_the_bytes_that_they_were_drawn_for() -> None:
    stratum = all_read([10, 10], [(10, 2, 30), (10, 4, 10)])
    assert estimate_total([stratum], itself).value == pytest.approx(2 * 2.5)


def test_the_error_is_that_of_donors_of_the_document_and_of_unseen_kinds() -> None:
    """Lengths 2 and 4 for 10 bytes, mean 3. Donors: -+0.5, each times the root of 2 / (2 - 1).
    The document: a variance of 1. Kinds: 6 and 2 tokens in place of 3, the root of 2 over 2 draws.
    """
    found = estimate_total([all_read([10], [(10, 2, 1), (10, 4, 1)])], itself)
    assert found.value == pytest.approx(3)
    parts = [2 * 0.5, 1, 3**2 * 2 / 4, 1**2 * 2 / 4]
    assert found.standard_error == pytest.approx(sum(parts) ** 0.5)
    assert found.low == 0
    assert found.high == pytest.approx(3 + 7.1 * found.standard_error, rel=0.05)


def test_the_error_of_clusters_is_the_spread_of_their_totals() -> None:
    """Two draws of 1 and 3 documents, each with chance 1/2: totals of 2 and 6, so 4 -+ 2."""
    found = estimate_total([clusters_drawn([[5], [5, 5, 5]], [0, 1], [0.5, 0.5])], one)
    assert (found.value, found.standard_error) == (4, pytest.approx(2))


def test_many_draws_make_the_interval_two_and_a_half_errors_wide() -> None:
    found = estimate_total([all_read([10], [(10, 2, 1), (10, 4, 1)] * 20)], itself)
    assert (found.high - found.value) / found.standard_error == pytest.approx(2.45, rel=0.01)


def test_what_is_whole_has_no_error_and_adds_to_what_is_drawn() -> None:
    whole, drawn = complete([3, 5]), all_read([10], [(10, 2, 1), (10, 4, 1)])
    alone, both = estimate_total([whole], itself), estimate_total([whole, drawn], itself)
    assert (alone.value, alone.standard_error, alone.low, alone.high) == (8, 0, 8, 8)
    rest = estimate_total([drawn], itself)
    assert both.value == pytest.approx(8 + rest.value)
    assert both.standard_error == pytest.approx(rest.standard_error)
    assert estimate_ratio([whole], itself, one).value == 4
    documents = estimate_documents([whole])
    assert (documents.low, documents.value) == (2, 2)


def test_a_ratio_of_a_total_to_itself_has_no_error() -> None:
    drawn = clusters_drawn([[4, 4], [4], [4] * 7], [0, 1, 2, 1], [0.2, 0.3, 0.5])
    assert estimate_total([drawn], itself).standard_error > 1
    found = estimate_ratio([drawn], itself, itself)
    assert (found.value, found.standard_error) == (1, 0)


def test_nothing_drawn_is_nothing() -> None:
    nothing = complete([])
    assert estimate_ratio([nothing], itself, one).value == 0
    assert estimate_total([nothing], one).value == 0
    assert scaled_histogram([nothing]).count == 0


def test_documents_that_a_run_refuses_are_left_out() -> None:
    """One of four donors was refused. If none was, 3 in 40 may be all the same."""
    refused = all_read([10] * 8, [(10, 5, 1)] * 3 + [(10, 0, 1)])
    assert estimate_documents([refused]).value == pytest.approx(6)
    assert estimate_total([refused], itself).value == pytest.approx(30)
    assert complete([0, 4]).predicted.lengths.tolist() == [[0], [4]]
    assert estimate_total([complete([0, 4])], one).value == 1
    none = estimate_documents([all_read([10] * 8, [(10, 5, 1)] * 40)])
    assert (none.value, none.high) == (8, 8)
    assert none.low == pytest.approx(8 * (1 - 3 / 40), rel=0.01)


def test_scaled_counts_are_whole_and_add_up() -> None:
    sized = Sized(
        size=as_lengths([3, 1, 9, 4]),
        count=as_lengths([2, 1, 1, 1]),
        weight=np.array([1.4, 0.4, 0.4, 0.4]),
        draw=as_lengths([0] * 4),
    )
    found = scaled_histogram([stratum_of(sized, [(3, 3, 1)], [0], 1)])
    assert found.count == 4
    assert dict(zip(found.values.tolist(), found.counts.tolist(), strict=True)) == {3: 3, 4: 1}


def test_sizes_that_are_almost_the_same_keep_their_bytes() -> None:
    sizes = [100_000, 100_001, 100_003]
    stratum = all_read(sizes, [(100_000, 100_000, 1)])
    assert stratum.predicted.lengths.shape == (1, 1)
    assert estimate_total([stratum], itself).value == pytest.approx(sum(sizes), abs=2)


def test_what_no_draw_has_seen_may_be_there_all_the_same() -> None:
    """Three in so many draws of clusters, by the rule of three; no share is below 0 or above 1."""
    stratum = clusters_drawn([[3], [5]], [0, 1] * 50, [0.5, 0.5])
    none, some, every = (estimate_share([stratum], longer(n), one) for n in (20, 4, 0))
    assert (none.value, none.low, none.high) == (0, 0, pytest.approx(0.03, rel=0.02))
    assert (every.value, every.low, every.high) == (1, pytest.approx(0.97, rel=0.01), 1)
    assert 0 < some.low < some.value == 0.5 < some.high < 1
    known = estimate_share([all_read([3, 5], [(3, 3, 1)] * 100)], longer(20), one)
    assert (known.value, known.high) == (0, 0)
