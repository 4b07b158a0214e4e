"""Estimates against all that can be drawn, and intervals against the truth."""

import numpy as np
import pytest
from core.oracle import as_lengths
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.estimates import (
    Draws,
    Value,
    estimate_ratio,
    estimate_share,
    estimate_total,
    scaled_histogram,
)
from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64

CLUSTERS = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=5), min_size=1, max_size=5)


def one(lengths: Int64) -> Float64:
    return np.ones(len(lengths))


def itself(lengths: Int64) -> Float64:
    return lengths.astype(float)


def draws_of(clusters: list[list[int]], chosen: list[int], chances: list[float]) -> Draws:
    """Draws that take their clusters whole."""
    lengths = [length for at in chosen for length in clusters[at]]
    number = [n for n, at in enumerate(chosen) for _ in clusters[at]]
    stands_for = [1 / chances[at] for at in chosen for _ in clusters[at]]
    return Draws(
        num_draws=len(chosen),
        draw=as_lengths(number),
        length=as_lengths(lengths),
        stands_for=np.array(stands_for),
    )


@given(CLUSTERS, st.data())
def test_the_mean_estimate_over_all_that_can_be_drawn_is_the_truth(
    clusters: list[list[int]], data: st.DataObject
) -> None:
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=len(clusters), max_size=len(clusters)))
    chances = [size / sum(sizes) for size in sizes]
    pairs = [(a, b) for a in range(len(clusters)) for b in range(len(clusters))]
    for value, truth in (
        (one, sum(map(len, clusters))),
        (itself, sum(map(sum, clusters))),
    ):
        found = [estimate_total([draws_of(clusters, [a, b], chances)], value) for a, b in pairs]
        weights = [chances[a] * chances[b] for a, b in pairs]
        mean = sum(w * own.value for w, own in zip(weights, found, strict=True))
        assert mean == pytest.approx(truth)
        variance = sum(w * (own.value - truth) ** 2 for w, own in zip(weights, found, strict=True))
        said = sum(w * own.standard_error**2 for w, own in zip(weights, found, strict=True))
        assert said == pytest.approx(variance, abs=1e-6)


def test_what_is_whole_has_no_error_and_adds_to_what_is_drawn() -> None:
    whole = Draws(
        num_draws=0, draw=as_lengths([0, 0]), length=as_lengths([3, 5]), stands_for=np.ones(2)
    )
    drawn = draws_of([[2, 2], [6]], [0, 1, 1], [0.5, 0.5])
    alone, both = estimate_total([whole], itself), estimate_total([whole, drawn], itself)
    assert (alone.value, alone.standard_error, alone.low, alone.high) == (8, 0, 8, 8)
    rest = estimate_total([drawn], itself)
    assert both.value == 8 + rest.value
    assert both.standard_error == rest.standard_error > 0
    assert estimate_ratio([whole], itself, one).value == 4


def test_a_ratio_of_what_is_proportional_has_no_error() -> None:
    drawn = draws_of([[4, 4], [4], [4] * 7], [0, 1, 2, 1], [0.2, 0.3, 0.5])
    found = estimate_ratio([drawn], itself, one)
    assert found.value == pytest.approx(4)
    assert found.standard_error == pytest.approx(0, abs=1e-12)
    assert estimate_total([drawn], one).standard_error > 0.5


def test_nothing_drawn_is_nothing() -> None:
    nothing = draws_of([[]], [], [1.0])
    assert estimate_ratio([nothing], itself, one).value == 0
    assert estimate_total([nothing], one).value == 0
    assert scaled_histogram([nothing]).count == 0


def test_many_intervals_hold_the_truth_where_neighbours_are_alike() -> None:
    """A hundred clusters whose documents are alike within: documents taken as if they had been
    drawn one by one would be thought to tell ten times more than they do."""
    random = np.random.default_rng(5)
    means = random.lognormal(5, 1, size=100)
    clusters = [
        np.maximum(1, random.normal(m, m / 20, size=100)).astype(int).tolist() for m in means
    ]
    truth = np.concatenate(clusters).mean()
    chances = [1 / 100] * 100
    held = naive = 0
    for seed in range(200):
        chosen = np.random.default_rng(seed).integers(100, size=40).tolist()
        draws = draws_of(clusters, chosen, chances)
        found = estimate_ratio([draws], itself, one)
        held += found.low <= truth <= found.high
        off = 1.96 * draws.length.std() / np.sqrt(len(draws.length))
        naive += abs(draws.length.mean() - truth) <= off
    assert 180 <= held <= 200
    assert naive < 80


def test_scaled_counts_are_whole_and_add_up() -> None:
    drawn = Draws(
        num_draws=1,
        draw=as_lengths([0] * 5),
        length=as_lengths([3, 1, 3, 9, 4]),
        stands_for=np.array([1.4, 0.4, 1.4, 0.4, 0.4]),
    )
    found = scaled_histogram([drawn])
    assert found.count == 4
    assert dict(zip(found.values.tolist(), found.counts.tolist(), strict=True)) == {3: 3, 4: 1}


def test_what_no_draw_has_seen_may_be_there_all_the_same() -> None:
    """Three in so many draws, as the rule of three has it; and no share is below 0 or above 1."""
    draws = draws_of([[3], [5]], [0, 1] * 50, [0.5, 0.5])

    def longer(than: int) -> Value:
        return lambda lengths: (lengths > than).astype(float)

    none, some, every = (estimate_share([draws], longer(n), one) for n in (5, 3, 0))
    assert (none.value, none.low, none.high) == (0, 0, pytest.approx(0.03, rel=0.02))
    assert (every.value, every.low, every.high) == (1, pytest.approx(0.97, rel=0.01), 1)
    assert 0 < some.low < some.value == 0.5 < some.high < 1
    few = estimate_share([draws_of([[3], [5]], [0, 1], [0.5, 0.5])], longer(3), one)
    assert (few.low, few.high) == (0, 1)
