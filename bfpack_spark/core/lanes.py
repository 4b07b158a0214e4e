"""Row groups dealt to lanes, so that all lanes have almost the same rows.

Row groups are of few sizes: all of a shard are equal, except its last. The groups of one size are a
list, and each lane gets a stretch of it, equally long in all lanes. What is left, fewer groups
than there are lanes, goes in rounds to as many lanes as divide their number: 15 groups over 16
lanes go to 8, 4, 2 and 1 lanes. When the other lanes have ended, the ranks of a training run then
still share these lanes evenly, and decode few groups twice.

    9 groups of 64 rows over 4 lanes -> 3, 2, 2 and 2 groups
"""

from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.fragments import Int64


@dataclass(frozen=True, kw_only=True)
class Lanes:
    """Which groups of each size each lane holds. In a lane, the groups of the first size come
    first, then those of the second, and so on."""

    sizes: Int64  # [sizes]: rows of a group, no two equal
    counts: Int64  # [sizes, lanes]: groups of this size in this lane
    firsts: Int64  # [sizes, lanes]: rank of its first one in the list of all groups of this size

    @property
    def num_groups(self) -> Int64:
        """Return the number of groups in each lane."""
        return np.asarray(self.counts.sum(axis=0))

    @property
    def num_rows(self) -> Int64:
        """Return the number of rows in each lane."""
        return self.sizes @ self.counts


def deal_groups(sizes: Int64, totals: Int64, num_lanes: int) -> Lanes:
    """Deal `totals[k]` groups of `sizes[k]` rows each to at most num_lanes lanes. There are never
    more lanes than groups."""
    num_lanes = max(1, min(num_lanes, int(totals.sum())))
    counts = np.empty((len(sizes), num_lanes), dtype=np.int64)
    for row, total in enumerate(totals.tolist()):
        each, left = divmod(total, num_lanes)
        counts[row] = each
        for width in _rounds(left, num_lanes):
            counts[row, :width] += 1
    firsts = np.cumsum(counts, axis=1) - counts
    return Lanes(sizes=sizes, counts=counts, firsts=firsts)


def _rounds(left: int, num_lanes: int) -> list[int]:
    """Return how many lanes get a group in each round: 7 over 16 lanes -> [4, 2, 1]."""
    rounds = []
    divisors = [width for width in range(num_lanes, 0, -1) if num_lanes % width == 0]
    for width in divisors:
        rounds += [width] * (left // width)
        left %= width
    return rounds


def group_of_step(lanes: Lanes, lane: Int64, step: Int64) -> Int64:
    """Return the number of the group, counted in its lane, that holds each step of a lane."""
    held = np.cumsum(lanes.counts, axis=0)
    rows = np.cumsum(lanes.sizes[:, None] * lanes.counts, axis=0)
    kind = (rows[:, lane] <= step).sum(axis=0)
    to_end = rows[kind, lane] - step  # of the groups of this size, at least 1
    return np.asarray(held[kind, lane] - -(-to_end // lanes.sizes[kind]))


def rows_before(lanes: Lanes, lane: Int64, number: Int64) -> Int64:
    """Return the rows of a lane before its group of this number."""
    begin = np.cumsum(lanes.counts, axis=0) - lanes.counts
    of_size = np.clip(number - begin[:, lane], 0, lanes.counts[:, lane])
    return np.asarray(lanes.sizes @ of_size)


class Weave:
    """Several lanes of rows woven into one stream: step 0 of every lane, step 1 of every lane, and
    so on, over the lanes that still have rows.

    Lanes of 3, 1 and 2 rows make the stream a0 b0 c0 a1 c1 a2. Which lane and step stand at a
    position follows from the lengths alone, without walking the stream: between two neighbouring
    lengths the same lanes take turns.
    """

    def __init__(self, lengths: Int64) -> None:
        """`lengths`: the rows of each lane, none negative."""
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._heights = np.unique(np.concatenate([[0], self._lengths]))  # ascending, from 0
        active = self._lengths[None, :] > self._heights[:-1, None]
        self._num_active = active.sum(axis=1)
        rows = np.diff(self._heights) * self._num_active
        self._begins = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
        # Of each piece: the lanes that take turns first, and behind them the others.
        self._lanes = np.argsort(~active, axis=1, kind="stable")

    @property
    def num_rows(self) -> int:
        """Return the length of the stream."""
        return int(self._begins[-1])

    def find(self, positions: Int64) -> tuple[Int64, Int64]:
        """Return the lane, and the step in it, at each position of 0..num_rows-1."""
        piece = np.searchsorted(self._begins, positions, side="right") - 1
        step, turn = np.divmod(positions - self._begins[piece], self._num_active[piece])
        return self._lanes[piece, turn], self._heights[piece] + step
