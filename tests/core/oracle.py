"""Best-fit decreasing as the paper says it, item by item, and the one assertion on a packing."""

from collections.abc import Iterable

import numpy as np

from bfpack_spark.core.best_fit import pack, pack_counts, place
from bfpack_spark.core.fragments import Int64


def best_fit_decreasing(lengths: Iterable[int], capacity: int) -> list[int]:
    """Fills, decreasing: each item, longest first, to the fullest bin that has room."""
    free: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [(space, number) for number, space in enumerate(free) if space >= length]
        if fitting:
            free[min(fitting)[1]] -= length
        else:
            free.append(capacity - length)
    return sorted((capacity - space for space in free), reverse=True)


def as_lengths(lengths: Iterable[int]) -> Int64:
    return np.array(list(lengths), dtype=np.int64)


def check_packing(lengths: Int64, capacity: int, fills: list[int]) -> Int64:
    """`pack`, `pack_counts` and `place` all give these fills; returns the bin of each fragment."""
    bin_of, num_bins = pack(lengths, capacity)
    filled = np.bincount(bin_of, weights=lengths, minlength=num_bins).astype(int)
    assert len(bin_of) == len(lengths)
    assert num_bins == len(fills)
    assert sorted(filled.tolist(), reverse=True) == fills
    counted = pack_counts(np.bincount(lengths, minlength=capacity + 1).astype(np.int64))
    assert counted.num_bins == num_bins
    assert counted.fills().tolist() == fills
    longest_first = np.sort(lengths)[::-1]
    placed = np.bincount(place(counted), weights=longest_first, minlength=num_bins).astype(int)
    assert sorted(placed.tolist(), reverse=True) == fills
    return bin_of
