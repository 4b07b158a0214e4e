"""The rows of one global batch, dealt to ranks so that each has equally many and about as much
attention to compute."""

import heapq

import numpy as np

from bfpack_spark.core.fragments import Int64


def attention_cost(lengths: Int64, begins: Int64) -> Int64:
    """Return for each row the pairs of tokens that see each other: the sum of l (l + 1) / 2 over
    its segments. `begins`: the first segment of each row, none of which is empty."""
    pairs = lengths.astype(np.int64) * (lengths.astype(np.int64) + 1) // 2
    return np.add.reduceat(pairs, begins) if len(begins) else pairs[:0]


def deal_rows(costs: Int64, num_ranks: int) -> list[list[int]]:
    """Return which rows each rank gets, in ascending order. The number of rows must be a multiple
    of num_ranks.

    The most expensive row goes to the rank with the least so far that still lacks rows, then the
    next one (longest processing time first; Graham, 1969). Costs [9, 5, 4, 4] over 2 ranks ->
    [[0, 3], [1, 2]].
    """
    each = len(costs) // num_ranks
    dealt: list[list[int]] = [[] for _ in range(num_ranks)]
    free = [(0, rank) for rank in range(num_ranks)]
    for row in np.argsort(-costs, kind="stable").tolist():
        cost, rank = heapq.heappop(free)
        dealt[rank].append(row)
        if len(dealt[rank]) < each:
            heapq.heappush(free, (cost + int(costs[row]), rank))
    return [sorted(rows) for rows in dealt]
