"""The steps of best-fit decreasing on counts, of which best_fit.py makes a packing.

A step is (length, free, bins, each, closed): `bins` bins of free space `free` take `each` fragments
of `length` tokens each, and then take no more if `closed` is 1. Bins of free space `capacity` are
new. `counts` holds counts[l] fragments of length l, and the capacity is len(counts) - 1. A fragment
takes its length, rounded up to a multiple of `align`.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from bfpack_spark.core.fragments import Int64

Step: TypeAlias = tuple[int, int, int, int, int]

_WORD = 1024  # bits of one integer of the bitmap: 2^20 capacities in two levels


def fill(counts: Int64, align: int = 1) -> Iterator[Step]:
    """Yield the steps of bins that take any number of fragments."""
    capacity = len(counts) - 1
    open_bins = [0] * (capacity + 1)
    spaces = _Bitmap(capacity + 1)
    for length, number in _longest_first(counts):
        count, size = number, -(-length // align) * align
        while count:
            free = spaces.first_from(size)
            each = min((free or capacity) // size, count)
            bins = count // each
            if free:
                bins = min(bins, open_bins[free])
                open_bins[free] -= bins
                if not open_bins[free]:
                    spaces.clear(free)
            free = free or capacity
            count -= bins * each
            left = free - each * size
            if left:
                open_bins[left] += bins
                spaces.set(left)
            yield length, free, bins, each, 0


def fill_limited(counts: Int64, fragments_max: int, align: int = 1) -> Iterator[Step]:
    """Yield the steps of bins that take at most `fragments_max` fragments each.

    The bins of one free space are a queue of runs (bins, fragments in each). A bin that may take no
    more is in no queue, so the others are searched as if it were not there. A run that is moved has
    less than half of its space left or is closed, so the number of steps is bounded as without a
    limit.
    """
    capacity = len(counts) - 1
    queues: defaultdict[int, deque[tuple[int, int]]] = defaultdict(deque)
    spaces = _Bitmap(capacity + 1)
    for length, number in _longest_first(counts):
        count, size = number, -(-length // align) * align
        while count:
            free = spaces.first_from(size)
            there, held = queues[free].popleft() if free else (count, 0)
            each = min((free or capacity) // size, count, fragments_max - held)
            bins = min(count // each, there)
            if free and bins < there:
                queues[free].appendleft((there - bins, held))
            elif free and not queues[free]:
                spaces.clear(free)
            free = free or capacity
            count -= bins * each
            left, holds = free - each * size, held + each
            if left and holds < fragments_max:
                _append(queues[left], bins, holds)
                spaces.set(left)
            yield length, free, bins, each, int(holds == fragments_max)


def _longest_first(counts: Int64) -> Iterator[tuple[int, int]]:
    """Yield each length that there is, and how many fragments have it."""
    lengths = np.flatnonzero(counts)[::-1]
    return zip(lengths.tolist(), counts[lengths].tolist(), strict=True)


def _append(queue: deque[tuple[int, int]], bins: int, held: int) -> None:
    """Put bins at the end of a queue, in the last run if it holds alike."""
    if queue and queue[-1][1] == held:
        bins += queue.pop()[0]
    queue.append((bins, held))


class _Bitmap:
    """A set of small integers with a fast search for the first member >= x. Its bits lie in
    integers as words; one more integer on top says which words are not empty."""

    def __init__(self, size: int) -> None:
        self._words = [0] * (size // _WORD + 1)
        self._top = 0

    def set(self, member: int) -> None:
        word, bit = divmod(member, _WORD)
        self._words[word] |= 1 << bit
        self._top |= 1 << word

    def clear(self, member: int) -> None:
        word, bit = divmod(member, _WORD)
        self._words[word] &= ~(1 << bit)
        if not self._words[word]:
            self._top &= ~(1 << word)

    def first_from(self, start: int) -> int:
        """Return the smallest member >= start, or 0 (which is never a member) if there is none."""
        word, bit = divmod(start, _WORD)
        above = self._words[word] >> bit << bit
        if not above:
            rest = self._top >> (word + 1) << (word + 1)
            if not rest:
                return 0
            word = _lowest_bit(rest)
            above = self._words[word]
        return word * _WORD + _lowest_bit(above)


def _lowest_bit(word: int) -> int:
    return (word & -word).bit_length() - 1
