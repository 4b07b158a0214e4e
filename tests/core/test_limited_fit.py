"""Bins that take only so many fragments, against best fit item by item."""

from typing import Any

import numpy as np
import pytest
from core.oracle import as_lengths, bins_by_room, fills_of, refinedweb_like
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.best_fit import pack, pack_counts, place

DRAWN = st.integers(1, 64).flatmap(
    lambda capacity: st.tuples(
        st.lists(st.integers(1, capacity), max_size=120), st.just(capacity), st.integers(1, 9)
    )
)


def limited_best_fit(lengths: list[int], capacity: int, limit: int) -> list[int]:
    """The bin of each fragment, one by one: of the bins that have room and hold fewer than the
    limit the fullest, and of equally full ones that which has been so full the longest."""
    bins: list[dict[str, Any]] = []
    bin_of = [-1] * len(lengths)
    for now, at in enumerate(sorted(range(len(lengths)), key=lambda at: -lengths[at])):
        may = [b for b in bins if b["free"] >= lengths[at] and b["held"] < limit]
        if may:
            chosen = min(may, key=lambda b: (b["free"], b["since"]))
        else:
            chosen = {"number": len(bins), "free": capacity, "held": 0}
            bins.append(chosen)
        chosen |= {"free": chosen["free"] - lengths[at], "held": chosen["held"] + 1, "since": now}
        bin_of[at] = chosen["number"]
    return bin_of


def check_limited(lengths: list[int], capacity: int, limit: int) -> None:
    """`pack`, the fills and `bins_alike` are those of the oracle."""
    expected = limited_best_fit(lengths, capacity, limit)
    bin_of, num_bins = pack(as_lengths(lengths), capacity, limit)
    assert bin_of.tolist() == expected
    assert num_bins == len(set(expected))
    held = np.bincount(bin_of, minlength=num_bins)
    assert held.max(initial=0) <= limit
    counts = np.bincount(as_lengths(lengths), minlength=capacity + 1)
    packing = pack_counts(counts, limit)
    filled = np.bincount(bin_of, weights=lengths, minlength=num_bins).astype(int)
    assert fills_of(packing) == sorted(filled.tolist(), reverse=True)
    runs = packing.bins_alike([np.arange(capacity + 1)])
    alike = np.repeat(np.stack([runs.fragments, runs.sums[0]], axis=1), runs.bins, axis=0)
    assert sorted(alike.tolist()) == sorted(np.stack([held, filled], axis=1).tolist())


@given(DRAWN)
def test_each_fragment_goes_where_the_oracle_puts_it(drawn: tuple[list[int], int, int]) -> None:
    check_limited(*drawn)


# Closed bins with room beside open ones, and runs of one free space that hold unlike numbers, are
# rare: best fit fills the fullest first.
RARE = [
    (
        [35, 35, 34, 34, 28, 25, 19, 15, 15, 14, 13, 13, 13, 8, 7, 7, 3, 2, 2, 2, 1],
        42,
        3,
    ),
    ([10, 9, 9, 7, 7, 6, 6, 4, 4, 2, 1, 1], 22, 4),
]


@pytest.mark.parametrize(("lengths", "capacity", "limit"), RARE)
def test_rare_queues_are_those_of_the_oracle(lengths: list[int], capacity: int, limit: int) -> None:
    check_limited(lengths, capacity, limit)


@pytest.mark.parametrize("capacity", [24, 33, 42, 60])
def test_hundreds_of_draws_go_where_the_oracle_puts_them(capacity: int) -> None:
    random = np.random.default_rng(capacity)
    for _ in range(300):
        lengths = random.integers(1, random.integers(2, capacity + 1), 40)
        check_limited(lengths.tolist(), capacity, int(random.integers(2, 6)))


@pytest.mark.parametrize("limit", [1, 3, 16, 64])
def test_thousands_of_documents_go_where_the_oracle_puts_them(limit: int) -> None:
    lengths = np.minimum(refinedweb_like(2000, 4), 8192)
    bin_of, _ = pack(lengths, 8192, limit)
    assert bin_of.tolist() == limited_best_fit(lengths.tolist(), 8192, limit)
    assert np.bincount(bin_of).max() == (limit if limit < 64 else np.bincount(bin_of).max())


@given(DRAWN)
def test_a_limit_of_one_gives_each_fragment_a_bin(drawn: tuple[list[int], int, int]) -> None:
    lengths, capacity, _ = drawn
    bin_of, num_bins = pack(as_lengths(lengths), capacity, 1)
    assert sorted(bin_of.tolist()) == list(range(len(lengths)))
    assert num_bins == len(lengths)


@given(DRAWN)
def test_a_limit_that_no_bin_reaches_changes_nothing(drawn: tuple[list[int], int, int]) -> None:
    lengths, capacity, _ = drawn
    plain, num_bins = pack(as_lengths(lengths), capacity)
    most = int(np.bincount(plain).max(initial=1))
    for limit in (most, most + 1, len(lengths) + 1, 10**9):
        limited, again = pack(as_lengths(lengths), capacity, limit)
        assert limited.tolist() == plain.tolist()
        assert again == num_bins


def test_by_eye_what_is_full_by_number_takes_no_more() -> None:
    """At 8: [6, 2] and [1, 1]; without a limit the last ones would fill up the next bin."""
    packing = pack_counts(np.bincount([6, 2, 1, 1], minlength=9), 2)
    assert place(packing).tolist() == [0, 0, 1, 1]
    assert bins_by_room(packing).tolist() == [1, 0, 0, 0, 0, 0, 1, 0, 0]


def test_of_equally_full_bins_the_oldest_goes_first_whatever_it_holds() -> None:
    """Both have 2 tokens of room: [8] has been so full before [4, 4] was."""
    lengths = as_lengths([8, 4, 4, 1, 1, 1])
    assert pack(lengths, 10, 3)[0].tolist() == [0, 1, 1, 0, 0, 1]
    assert limited_best_fit(lengths.tolist(), 10, 3) == [0, 1, 1, 0, 0, 1]


@pytest.mark.parametrize("limit", [2, 5, 16])
def test_steps_are_bounded_by_lengths_and_not_by_documents(limit: int) -> None:
    counts = 1000 * np.random.default_rng(limit).integers(0, 100, 2049)
    counts[0] = 0
    distinct = np.count_nonzero(counts)
    steps = len(pack_counts(counts, limit).length)
    assert distinct <= steps <= 2 * distinct * 11 < counts.sum() / 100
