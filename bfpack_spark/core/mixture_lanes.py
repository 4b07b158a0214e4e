"""Which lane takes which row of a step.

The rows of a source are numbered in the order of the steps, in blocks of as many rows as there are
lanes. No lane takes two rows of a step or of a block. Steps and blocks are the two sides of a
bipartite graph, whose edges are the rows; so this is a proper edge coloring (Koenig, 1916). It is
found by halves (Gabow, 1976): pair the rows of each step, and those of each block. The pairs form
cycles of even length. Color their rows alternately, and every step and block is halved. The halves
are halved again until one row of a step is left, log2(lanes) times.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64


@dataclass(frozen=True, kw_only=True)
class LaneTable:
    """The source of every position of some steps."""

    table: npt.NDArray[np.int16]  # [steps, lanes]: the source of each position
    taken: npt.NDArray[np.int32]  # [steps + 1, sources]: rows of the steps before
    first: Int64  # [sources]: the first block of each source
    place: npt.NDArray[np.int16]  # [blocks, lanes]: which row of the block the lane takes

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.table)

    def before(self, step: Int64, group: Int64, groups: int, source: Int64) -> Int64:
        """Return how many rows of a source the lanes of a group take before a step, of
        0..len(self). Lanes are in one group if they are equal modulo `groups`."""
        lanes = self.table.shape[1]
        taken = self.taken[step, source].astype(np.int64)
        if groups == 1:
            return np.asarray(taken)
        block, row = np.divmod(taken, lanes)
        lanes_of_group = group[:, None] + np.arange(0, lanes, groups)
        place = self.place[(self.first[source] + block)[:, None], lanes_of_group]
        return np.asarray(block * (lanes // groups) + (place < row[:, None]).sum(axis=1))


def color_lanes(plan: Int64, lanes: int) -> LaneTable:
    """Return the source of each position.

    `plan` holds how many rows of each source each step takes, as an array [steps, sources]. Each
    step has `lanes` rows. `lanes` is a power of two.
    """
    steps, sources = plan.shape
    assert (plan.sum(axis=1) == lanes).all(), "a step has a row for each lane"
    taken = np.zeros((steps + 1, sources), np.int32)
    np.cumsum(plan, axis=0, out=taken[1:])
    blocks = taken[-1] // lanes + 1
    first = np.cumsum(blocks) - blocks
    source = np.repeat(np.tile(np.arange(sources), steps), plan.ravel())
    step = np.repeat(np.arange(steps), lanes)
    order, number = _number_in(source)
    block, row = np.empty_like(source), np.empty_like(source)
    block[order], row[order] = first[source[order]] + number // lanes, number % lanes
    lane = np.zeros(len(source), np.int64)
    for _ in range(lanes.bit_length() - 1):
        lane = lane * 2 + _halve(_pair(lane, step), _pair(lane, block))
    table = np.empty((steps, lanes), np.int16)
    table[step, lane] = source
    place = np.full((int(blocks.sum()), lanes), lanes, np.int16)
    place[block, lane] = row
    return LaneTable(table=table, taken=taken, first=first, place=place)


def _number_in(group: Int64) -> tuple[Int64, Int64]:
    """Return an order by group, and for each place in this order how many places of the same group
    come earlier."""
    order = np.argsort(group, kind="stable")
    places = np.arange(len(order))
    starts = np.diff(group[order], prepend=-1) != 0
    return order, places - np.maximum.accumulate(np.where(starts, places, 0))


def _pair(half: Int64, group: Int64) -> Int64:
    """Return the partner of each row, in the same half and in the same group if the group has one.
    Those that are left over in their groups are paired with each other, within a half."""
    order, number = _number_in(half * (int(group.max()) + 1) + group)
    alone = (number % 2 == 0) & np.append(number[1:] == 0, True)
    sequence = np.concatenate([order[~alone], order[alone]])
    partner = np.empty(len(sequence), np.int64)
    partner[sequence[0::2]], partner[sequence[1::2]] = sequence[1::2], sequence[0::2]
    return partner


def _halve(first: Int64, second: Int64) -> Int64:
    """Return 0 or 1 for each row, which differs from that of its `first` partner and of its
    `second`. Every other row of a cycle is reached by going to the one and on to the other; the
    smallest row that is reached names them, found by doubling the way."""
    before, smallest, way = np.empty(0, np.int64), np.arange(len(first)), second[first]
    while not np.array_equal(before, smallest):
        before, smallest = smallest, np.minimum(smallest, smallest[way])
        way = way[way]
    return (smallest > smallest[first]).astype(np.int64)
