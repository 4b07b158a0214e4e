"""The order in which a training run sees the rows of one bucket: a function of seed, epoch, lanes
and window alone.

Shards are put into a seeded order, and so are the row groups in each shard. The groups are dealt to
lanes (core/lanes.py), each lane is cut into windows of a few groups, the rows of each window are
shuffled, and the lanes are woven into one stream (core/lanes.py). So a reader of some lanes decodes
no rows of the others, holds one window of each lane, and has few shards open at a time.

Any position leads to its row at once. What is computed when an order is made grows with the number
of shards; a look-up also sorts the groups of a shard, and the rows of a window.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.lanes import Weave, deal_groups, group_of_step, rows_before
from bfpack_spark.core.shuffle import mix, mixed


@dataclass(frozen=True, kw_only=True)
class OrderRules:
    """All that decides an order, apart from the rows."""

    seed: int
    epoch: int
    lanes: int  # at most; there are never more than row groups
    window: int  # row groups


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the rows at some positions lie, as parallel arrays."""

    slot: Int64  # which window is held at a time: one of each slot
    window: Int64  # number of the window in its slot; it never falls as positions grow
    row: Int64  # place in the window


@dataclass(frozen=True, kw_only=True)
class Window:
    """Row groups that are decoded together, and the order of their rows."""

    source: int  # number of the bucket
    shards: list[int]  # of each group: number of its shard
    groups: list[int]  # of each group: its number in the shard
    rows: Int64  # of each place in the window: the row, counted over the groups end to end


class RowOrder:
    """The order of the rows of one bucket."""

    def __init__(self, shard_rows: Sequence[int], group_rows: int, rules: OrderRules) -> None:
        """`shard_rows`: rows of each shard. `group_rows`: rows of each row group but a shard's
        last."""
        self._rules, self._group_rows = rules, group_rows
        rows = np.asarray(shard_rows, dtype=np.int64)
        self._shard_rows = rows
        self._shards = scattered(len(rows), _key(rules.seed, rules.epoch))
        self._full, rest = np.divmod(rows, group_rows)
        full = self._full[self._shards]
        self._full_ends = np.cumsum(full)
        rests = rest[self._shards]
        sizes = [size for size in np.unique(rests)[::-1].tolist() if size]
        self._partial = [self._shards[rests == size] for size in sizes]
        totals = [int(full.sum()), *map(len, self._partial)]
        self._lanes = deal_groups(np.array([group_rows, *sizes]), np.array(totals), rules.lanes)
        self._begins = np.cumsum(self._lanes.counts, axis=0) - self._lanes.counts
        self._ends = np.cumsum(self._lanes.counts, axis=0).T.tolist()  # of each lane
        self._weave = Weave(self._lanes.num_rows)

    @property
    def num_rows(self) -> int:
        return self._weave.num_rows

    @property
    def num_slots(self) -> int:
        """Return how many windows a reader of all lanes holds."""
        return len(self._lanes.num_groups)

    def find(self, positions: Int64) -> Places:
        """Return the places of the rows at positions of 0..num_rows-1. A slot is a lane."""
        lane, step = self._weave.find(positions)
        window = group_of_step(self._lanes, lane, step) // self._rules.window
        begin = rows_before(self._lanes, lane, window * self._rules.window)
        return Places(slot=lane, window=window, row=step - begin)

    def window(self, slot: int, number: int) -> Window:
        """Return what a window holds."""
        first = number * self._rules.window
        last = min(first + self._rules.window, int(self._lanes.num_groups[slot]))
        pairs = [self._group(slot, at) for at in range(first, last)]
        shards, groups = zip(*pairs, strict=True)
        left = self._shard_rows[list(shards)] - np.array(groups) * self._group_rows
        size = int(np.minimum(left, self._group_rows).sum())
        rows = scattered(size, _key(self._rules.seed, self._rules.epoch, 1, slot, number))
        return Window(source=0, shards=list(shards), groups=list(groups), rows=rows)

    def _group(self, lane: int, at: int) -> tuple[int, int]:
        """Return shard and number of a group, which is given by its number in a lane."""
        kind = bisect_right(self._ends[lane], at)
        rank = int(self._lanes.firsts[kind, lane]) + at - int(self._begins[kind, lane])
        if kind:
            shard = int(self._partial[kind - 1][rank])
            return shard, int(self._full[shard])
        turn = int(self._full_ends.searchsorted(rank, side="right"))
        shard = int(self._shards[turn])
        inner = self._groups_of(shard)
        return shard, int(inner[rank - int(self._full_ends[turn]) + len(inner)])

    def _groups_of(self, shard: int) -> Int64:
        """Return the full groups of a shard, in their seeded order."""
        key = _key(self._rules.seed, self._rules.epoch, 2, shard)
        return _kept_scattered(int(self._full[shard]), key)


def scattered(size: int, key: int) -> Int64:
    """Return 0..size-1 in the pseudo-random order that the key names."""
    start = np.array([key], dtype=np.uint64)
    return np.argsort(mix(np.arange(size, dtype=np.uint64) + start), kind="stable")


@lru_cache(maxsize=64)
def _kept_scattered(size: int, key: int) -> Int64:
    return scattered(size, key)


def _key(*parts: int) -> int:
    """Return a number of 64 bits for a list of numbers; lists that differ have different ones."""
    key = 0
    for part in parts:
        key = mixed(key ^ mixed(part))
    return key
