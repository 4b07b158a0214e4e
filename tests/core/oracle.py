"""Best-fit decreasing as the paper says it, item by item, rules for tests, and the one assertion on
a packing."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any

import numpy as np

from bfpack_spark.core.best_fit import Packing, pack, pack_counts, place
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.group_plan import GroupPlan, Places, SequenceNumbers, plan_group
from bfpack_spark.core.groups import sequences_per_group
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules


def best_fit_decreasing(lengths: Iterable[int], capacity: int) -> list[int]:
    """Fills, decreasing: each item, longest first, to the fullest bin that has room."""
    free: list[int] = []  # of every bin, ascending
    for length in sorted(lengths, reverse=True):
        fullest = bisect_left(free, length)
        space = free.pop(fullest) if fullest < len(free) else capacity
        insort(free, space - length)
    return [capacity - space for space in free]


def as_lengths(lengths: Iterable[int]) -> Int64:
    return np.array(list(lengths), dtype=np.int64)


def histogram_of(lengths: Iterable[int]) -> Histogram:
    values, counts = np.unique(as_lengths(lengths), return_counts=True)
    return Histogram(values=values, counts=counts.astype(np.int64))


def rules(seq_len: int, **changed: Any) -> Rules:
    """Return the rules of one group packed by best fit, but for what is changed."""
    plain: dict[str, Any] = {"packing": "best_fit", "long_documents": "split"}
    sizes = {"seq_len": seq_len, "group_documents_max": 10**12, "seed": 0}
    return Rules(**{**plain, **sizes, **changed})


def whole_plan(
    lengths: Iterable[int], chosen: Rules, first: int = 0, others: int = 0
) -> tuple[GroupPlan, Places]:
    """Return the plan of a group that has `others` sequences beside it, and all its places."""
    own = as_lengths(lengths)
    (group,) = sequences_per_group(histogram_of(own), chosen).tolist()
    numbers = SequenceNumbers(first=first, group=group, total=group + others)
    plan = plan_group(own, np.arange(len(own), dtype=np.int64), chosen, numbers)
    return plan, plan.places(0, len(plan))


def pieces_of(lengths: list[int], seq_len: int, policy: str) -> list[int]:
    """Return the lengths of fragments, cut one `while` at a time."""
    pieces = []
    for length in lengths:
        left = length
        if length > seq_len and policy != "split":
            left = seq_len if policy == "truncate" else 0
        while left:
            pieces.append(min(left, seq_len))
            left -= pieces[-1]
    return pieces


def refinedweb_like(num_documents: int, seed: int) -> Int64:
    """Lengths as tests/data/refinedweb_like.json says how to draw them."""
    drawn = np.random.default_rng(seed).lognormal(mean=5.82, sigma=0.99, size=num_documents)
    return np.maximum(1, np.rint(drawn)).astype(np.int64)


def bins_by_room(packing: Packing) -> Int64:
    """How many bins end with 0, 1, ... capacity tokens of free space."""
    left = np.zeros(packing.capacity + 1, dtype=np.int64)
    left[packing.capacity] = packing.num_bins
    np.add.at(left, packing.free, -packing.bins)
    np.add.at(left, packing.left, packing.bins)
    return left


def fills_of(packing: Packing) -> list[int]:
    """What is taken of each bin, in decreasing order."""
    rooms = np.arange(packing.capacity + 1)
    return (packing.capacity - np.repeat(rooms, bins_by_room(packing))).tolist()


def check_packing(lengths: Int64, capacity: int, fills: list[int]) -> Int64:
    """`pack`, `pack_counts` and `place` all give these fills; returns the bin of each fragment."""
    bin_of, num_bins = pack(lengths, capacity)
    filled = np.bincount(bin_of, weights=lengths, minlength=num_bins).astype(int)
    assert len(bin_of) == len(lengths)
    assert num_bins == len(fills)
    assert sorted(filled.tolist(), reverse=True) == fills
    counted = pack_counts(np.bincount(lengths, minlength=capacity + 1).astype(np.int64))
    assert counted.num_bins == num_bins
    assert fills_of(counted) == fills
    longest_first = np.sort(lengths)[::-1]
    placed = np.bincount(place(counted), weights=longest_first, minlength=num_bins).astype(int)
    assert sorted(placed.tolist(), reverse=True) == fills
    held = np.bincount(bin_of, minlength=num_bins)
    runs = counted.bins_alike([np.arange(capacity + 1) ** 2])
    squares = np.bincount(bin_of, weights=lengths**2, minlength=num_bins)
    alike = zip(runs.fragments.tolist(), runs.sums[0].tolist(), strict=True)
    assert sorted(np.repeat(list(alike) or np.empty((0, 2)), runs.bins, axis=0).tolist()) == sorted(
        map(list, zip(held.tolist(), squares.tolist(), strict=True))
    )
    rooms = np.bincount(capacity - filled, minlength=capacity + 1)
    assert bins_by_room(counted).tolist() == rooms.tolist()
    return bin_of
