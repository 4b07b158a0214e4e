"""Exact best-fit decreasing (BFD) in linear time (Ding et al., ICML 2024, arXiv 2404.10830, section
3).

BFD takes the fragments longest first and puts each into the fullest bin that still has room. Bins
of equal free space are alike, so whole classes of them move at once. Let n fragments of length l be
left, and let c be the smallest free space that takes l, with k open bins. The first bin takes
c // l fragments: once it has taken one it is fuller than the other bins of its class, so the next
fragment goes to it too. Then the second bin takes c // l fragments, and so on. One step empties a
class or uses up a length, so only distinct lengths cost time. Finding c is a search in a two-level
bitmap.

    capacity 8, two fragments of 6, one of 4, three of 2
    length 6: 2 new bins take 1 each      -> two bins of free space 2
    length 4: 1 new bin takes 1           -> one bin of free space 4
    length 2: 2 bins of free space 2 take 1 each, the bin of 4 takes the third

Ties are broken by order. Of equally full bins, the one that reached this fill first goes first
(each class is a queue). Of equally long fragments, the one given first goes first. The number of
bins and the sorted fills do not depend on this rule, unless bins are limited.

With a limit, a bin holds at most `fragments_max` fragments. The next fragment goes to the fullest
bin that has room and holds fewer. At 8, fragments of 6, 2, 1, 1 and at most 2 of them a bin: [6, 2]
is full, [1, 1] has 6 tokens of room and takes no more.
"""

import itertools
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fill_bins import fill, fill_limited
from bfpack_spark.core.fragments import Int64, aligned, rank_in_run, stable_order

Held: TypeAlias = tuple[float, ...]  # fragments, then sums of values; of one bin


@dataclass(frozen=True, kw_only=True)
class BinRuns:
    """Runs of bins that hold alike: `bins[i]` bins of `fragments[i]` fragments each, whose values
    sum up to `sums[k][i]` in each of these bins."""

    bins: Int64
    fragments: Int64
    sums: tuple[npt.NDArray[Any], ...]


@dataclass(frozen=True, kw_only=True)
class Packing:
    """A packing that does not say which fragment is which. It consists of steps in order: in step
    i, `bins[i]` bins of free space `free[i]` take `each[i]` fragments of length `length[i]` each.
    Bins of free space `capacity` are new. Where `closed` is set, they may take no more then,
    although they may have room."""

    capacity: int
    num_bins: int
    length: Int64
    free: Int64
    bins: Int64
    each: Int64
    closed: npt.NDArray[np.bool_]
    align: int = 1  # fragments take their lengths, rounded up to multiples of it

    @property
    def left(self) -> Int64:
        """Return the free space of the bins of each step after it."""
        return self.free - aligned(self.length, self.align) * self.each

    @property
    def usable(self) -> Int64:
        """Return the same, but 0 for bins that take no more."""
        return np.where(self.closed, 0, self.left)

    def bins_alike(self, each_adds: Sequence[npt.NDArray[Any]]) -> "BinRuns":
        """Return the bins by what they hold, as `place` fills them. A fragment of length l adds
        values[l] of each of `each_adds` to its bin. It uses the same queues, but neighbouring bins
        of one class that hold alike are kept as one run. The time depends on the number of steps
        and of the runs that they move."""
        nothing = (0, *[0] * len(each_adds))
        queues: defaultdict[int, deque[tuple[int, Held]]] = defaultdict(deque)
        queues[self.capacity].append((self.num_bins, nothing))
        more = [self.each, *(self.each * values[self.length] for values in each_adds)]
        moves = (self.free, self.usable, self.bins)
        added = zip(*(column.tolist() for column in more), strict=True)
        columns = zip(*(column.tolist() for column in moves), added, strict=True)
        for free, left, bins, fragments in columns:
            _move(queues[free], queues[left], bins, fragments)
        ended = [run for queue in queues.values() for run in queue if run[0]]
        held = zip(*(each for _, each in ended), strict=True) if ended else [()] * len(nothing)
        fragments, *sums = (np.array(column) for column in held)
        bins = np.array([bins for bins, _ in ended], dtype=np.int64)
        return BinRuns(bins=bins, fragments=fragments.astype(np.int64), sums=tuple(sums))


def pack_counts(counts: Int64, fragments_max: int | None = None, align: int = 1) -> Packing:
    """Pack a histogram: counts[l] fragments of length l, for bins of len(counts) - 1 tokens, and of
    at most `fragments_max` fragments each. A fragment takes its length, rounded up to a multiple of
    `align`, which must divide the capacity; the longest still go first.

    The time depends on the number of distinct lengths and of distinct free spaces that they leave,
    not on the number of fragments. Raises ValueError if the capacity is below 1, or a count is
    negative, or there are fragments of length 0.
    """
    capacity = len(counts) - 1
    if capacity < 1 or counts[0] or int(counts.min()) < 0:
        raise ValueError(f"counts of lengths 0..{capacity}: need capacity >= 1, none of length 0")
    shortest = int(np.argmax(counts > 0)) or capacity
    if fragments_max is None or fragments_max >= capacity // shortest:
        steps = fill(counts, align)
    else:
        steps = fill_limited(counts, fragments_max, align)
    numbers = np.fromiter(itertools.chain.from_iterable(steps), dtype=np.int64)
    length, free, bins, each, closed = numbers.reshape(-1, 5).T
    return Packing(
        capacity=capacity,
        num_bins=int(bins[free == capacity].sum()),
        length=length,
        free=free,
        bins=bins,
        each=each,
        closed=closed.astype(bool),
        align=align,
    )


def pack(
    lengths: Int64, capacity: int, fragments_max: int | None = None, align: int = 1
) -> tuple[Int64, int]:
    """Return the bin of every fragment (0, 1, ... in order of opening) and the number of bins.

    `lengths` holds 1..capacity tokens each, in any order: [4, 6, 3, 6, 8] at 8 -> [3, 1, 3, 2, 0],
    4 bins. A bin takes at most `fragments_max`, and each takes its length, rounded up to a multiple
    of `align`: [3, 5, 2] at 8 and 4 -> [1, 0, 1]. Raises ValueError for any other length.
    """
    if len(lengths) and not 1 <= int(lengths.min()) <= int(lengths.max()) <= capacity:
        raise ValueError(f"lengths must be 1..{capacity}: got {lengths.min()}..{lengths.max()}")
    counts = np.bincount(lengths, minlength=capacity + 1).astype(np.int64)
    packing = pack_counts(counts, fragments_max, align)
    bin_of = np.empty(len(lengths), dtype=np.int64)
    bin_of[_longest_first(lengths, counts)] = place(packing)
    return bin_of, packing.num_bins


def _longest_first(lengths: Int64, counts: Int64) -> Int64:
    """Return the order of the fragments, longest first. It sorts the ranks of the lengths: there
    are few of them, so they sort fast."""
    longer: Int64 = np.cumsum(counts[::-1] > 0)[::-1] - (counts > 0)
    return stable_order(longer[lengths])


def place(packing: Packing) -> Int64:
    """Return the bins of the fragments in order of decreasing length, by replaying the steps on
    numbered bins.

    Each class of free space is a queue, and all queues lie in one row of slots, with the queue of
    new bins last. A step moves slots from the head of one queue to the tail of another. Heads and
    tails follow from the numbers alone, so every slot knows the slot that it was moved from. All
    slots are traced back to new bins together, and each round goes twice as far back as the one
    before.
    """
    before, after, num_classes = _classes(packing)
    room = np.bincount(after, weights=packing.bins, minlength=num_classes).astype(np.int64)
    room[-1] = packing.num_bins
    queue = np.cumsum(room) - room
    new = int(queue[-1])
    target = _slots(queue[after] + _moved_earlier(after, packing.bins), packing.bins)
    origin = np.empty(new, dtype=np.int64)
    origin[target] = _slots(queue[before] + _moved_earlier(before, packing.bins), packing.bins)
    untraced = np.flatnonzero(origin < new)
    while len(untraced):
        further = origin[origin[untraced]]
        origin[untraced] = further
        untraced = untraced[further < new]
    origin -= new
    return np.repeat(origin[target], np.repeat(packing.each, packing.bins))


def _slots(first: Int64, size: Int64) -> Int64:
    """Return the numbers of runs of slots, end to end: [5, 2], [2, 3] -> [5, 6, 2, 3, 4]."""
    return np.asarray(np.repeat(first, size) + rank_in_run(size))


def _moved_earlier(classes: Int64, bins: Int64) -> Int64:
    """Return, for each step, how many bins earlier steps moved from (or to) its class: classes [7,
    7, 4, 7], bins [2, 3, 1, 1] -> [0, 2, 0, 5]."""
    order = stable_order(classes)
    alike, moved = classes[order], bins[order]
    before = np.cumsum(moved) - moved
    out = np.empty(len(bins), dtype=np.int64)
    out[order] = before - before[np.searchsorted(alike, alike)]
    return out


def _classes(packing: Packing) -> tuple[Int64, Int64, int]:
    """Return the class of the free space before and after each step, and the number of classes.
    Classes are numbered without gaps, and the last one is that of new bins. Free spaces [8, 8, 4]
    before and [2, 4, 2] after, at 8 -> [2, 2, 1], [0, 1, 0], 3."""
    after = packing.usable
    there = np.zeros(packing.capacity + 1, dtype=bool)
    there[packing.free] = there[after] = there[packing.capacity] = True
    number = np.cumsum(there) - 1
    return number[packing.free], number[after], int(number[-1]) + 1


def _move(
    source: deque[tuple[int, Held]], target: deque[tuple[int, Held]], n: int, more: Held
) -> None:
    """Move the first n bins of one class to the end of another, each with more in it."""
    while n:
        bins, held = source.popleft()
        if bins > n:
            source.appendleft((bins - n, held))
            bins = n
        n -= bins
        together = tuple(map(add, held, more))
        if target and target[-1][1] == together:
            bins += target.pop()[0]
        target.append((bins, together))
