"""How many rows of each source each step of a mixture takes.

Beside the rows that every step takes, source i has a_i rows more in K steps, at most one a step,
and every step has F of them, so sum(a_i) = F * K. A binary tree over the sources tells which
sources these are. A node stands for the sources below it. It has one row more in a of the K steps,
beside the rows that it has in all of them.

- Where two sides have a + b <= K, their node has a + b rows more, and each goes to one side: of the
  first e, side a has e * a / (a + b), rounded to the nearest.
- Where a + b > K, each step has a row for one side at least. The node has a + b - K rows more, and
  in the 2 * K - a - b steps without one, one side goes without: these gaps are divided between the
  sides in the same way, in proportion to K - a and K - b.

So each source has 0 or 1 in each step, and a_i in all. A side's error is that of its node times the
side's part of it, plus 1/2 by rounding. As the two smallest are joined first (Huffman, 1952), a
side that is itself a node is at most 2/3 of what is joined: its two sides were the smallest before,
and neither is greater than the other side. So errors along a path fall like (2/3)^j and sum to less
than 1/2 * 1 / (1 - 2/3) = 3/2 at a node and 2 at a source, while joining does not change from rows
to gaps. Each such change on the way to a source can add 1/2. Seen: 1.7 at most.
"""

import numpy as np

from bfpack_spark.core.fragments import Int64

_Join = tuple[int, int, int]  # a node, and its two sides


def deal_steps(extra: Int64, steps: int) -> Int64:
    """Return how many of the `extra` rows of each source each of the `steps` steps takes, as 0 or 1
    in an array [steps, sources].

    Extra rows 2, 1, 1 in 4 steps -> one row in each step: sources 1, 0, 2, 0 or the like.
    """
    weights = [int(rows) for rows in extra]
    assert sum(weights) % steps == 0, "all steps have equally many"
    joins = _join_sources(weights, steps)
    time = np.arange(steps + 1, dtype=np.int64)
    taken = {len(weights) - 1: time * (weights[-1] // steps)}
    for node, first, second in reversed(joins):
        gaps = weights[first] + weights[second] > steps
        whole = time - taken[node] if gaps else taken[node]
        parts = [steps - weights[side] if gaps else weights[side] for side in (first, second)]
        both = sum(parts)
        # In proportion, rounded to the nearest.
        part = (whole * parts[0] + both // 2) // both if both else whole * 0
        for side, rows in ((first, part), (second, whole - part)):
            taken[side] = time - rows if gaps else rows
    rows = np.stack([taken[source] for source in range(len(extra))], axis=1)
    return rows[1:] - rows[:-1]


def _join_sources(weights: list[int], steps: int) -> list[_Join]:
    """Join sources until one node is left, and append the weight of each node to `weights`."""
    alive, joins = list(range(len(weights))), []
    while len(alive) > 1:
        alive.sort(key=lambda node: (weights[node], node))
        first, second = alive[:2]
        if weights[first] + weights[second] > steps:
            first, second = alive[-1], alive[-2]
        alive = [node for node in alive if node not in (first, second)]
        alive.append(len(weights))
        joins.append((len(weights), first, second))
        both = weights[first] + weights[second]
        weights.append(both - steps if both > steps else both)
    return joins
