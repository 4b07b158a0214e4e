"""The mixer's published numbers; permutations of every size, by every seed, without pattern."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.shuffle import mix, permute

GAMMA = 0x9E3779B97F4A7C15


@pytest.mark.parametrize(
    ("seed", "published"),
    [
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]),
        (1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423]),
    ],
)
def test_mix_gives_the_published_numbers_of_splitmix64(seed: int, published: list[int]) -> None:
    states = [(seed + step * GAMMA) % 2**64 for step in range(len(published))]
    assert mix(np.array(states, dtype=np.uint64)).tolist() == published


@given(st.integers(1, 5000), st.integers(0, 2**31 - 1))
def test_permute_is_a_permutation_of_any_size_by_any_seed(size: int, seed: int) -> None:
    assert np.array_equal(np.sort(permute(np.arange(size), size, seed)), np.arange(size))


@pytest.mark.parametrize("size", [2**20, 2**20 + 1, 2**31 + 11, 2**40 - 1])
def test_positions_of_a_large_permutation_stay_apart_and_within(size: int) -> None:
    asked = np.concatenate([np.arange(50_000), np.arange(size - 50_000, size)])
    places = permute(asked, size, 9)
    assert len(np.unique(places)) == len(asked)
    assert 0 <= places.min() < size // 1000
    assert size - size // 1000 < places.max() < size


def test_seeds_that_are_alike_give_permutations_that_are_not() -> None:
    seeds = [0, 1, 2, 255, 256, 257, 2**16, 2**16 + 1, 2**30, 2**31 - 1]
    places = [permute(np.arange(1000), 1000, seed) for seed in seeds]
    alike = [(one == other).mean() for n, one in enumerate(places) for other in places[n + 1 :]]
    assert len(alike) == 45
    assert max(alike) < 0.01  # by chance: 1 in 1000


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [5000, 2**16, 100_003])
def test_every_part_of_the_positions_goes_to_every_part_of_the_places(size: int, seed: int) -> None:
    positions = np.arange(size)
    cells = positions * 16 // size * 16 + permute(positions, size, seed) * 16 // size
    # A random permutation: 225 on average, above 330 once in 100,000 times.
    assert chi_squared(np.bincount(cells, minlength=256)) < 330


@pytest.mark.parametrize("apart", [1, 64, 256])
@pytest.mark.parametrize("size", [2**16, 100_003])
def test_neighbours_end_up_any_distance_apart(size: int, apart: int) -> None:
    places = permute(np.arange(size), size, 0)
    distance = (places[apart:] - places[:-apart]) % size
    # A random permutation: 15 on average, above 60 once in 3 million times.
    assert chi_squared(np.bincount(distance * 16 // size, minlength=16)) < 60


def chi_squared(counts: np.ndarray) -> float:
    expected = counts.sum() / len(counts)
    return float(((counts - expected) ** 2 / expected).sum())


def test_permute_depends_on_the_seed_and_not_on_which_positions_are_asked() -> None:
    whole = permute(np.arange(1000), 1000, 1)
    assert (permute(np.arange(1000), 1000, 2) != whole).mean() > 0.99
    assert permute(np.array([700, 3]), 1000, 1).tolist() == [whole[700], whole[3]]
