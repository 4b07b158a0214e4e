"""What lies in a row besides tokens: the work of its attention, by which the rows of a global batch
are dealt to ranks, and whether it begins inside a document.

A step of training takes a row on each of D ranks and waits for the slowest, so it is as long as the
row with the most work. The work of a row is the sum of l (l + 1) / 2 over its fragments, the pairs
of a token with itself and the tokens of its document before it.

    rows [4], [3, 1], [2, 2] on 3 ranks -> work 10, 7, 6; the ranks are idle 1 - 7.67 / 10 = 0.233
    of the step, which takes 10 / 7.67 = 1.304 times the mean
"""

import heapq
from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64, count_fragments, cut_stream, kept_lengths
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules

_ROWS_MAX = 1 << 22  # rows that are put in a random order; of more, so many are drawn
_DOCUMENTS_MAX = 1 << 20  # documents that are concatenated


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Sums over steps of a row on each of `num_ranks` ranks. Those of several buckets add up."""

    num_ranks: int
    num_steps: int
    sum_idle: float  # 1 - mean / max of the work of a step's rows
    sum_stretch: float  # max / mean

    @property
    def idle(self) -> float:
        """Return the share of a step in which a rank waits for the slowest, on average."""
        return self.sum_idle / max(self.num_steps, 1)

    @property
    def stretch(self) -> float:
        """Return how many times the mean work the slowest rank has, on average."""
        return self.sum_stretch / max(self.num_steps, 1)


def balance_of_steps(work: Float64) -> Balance:
    """Return the balance of steps, [steps, ranks]. In a step of padding alone no rank waits."""
    work = np.where(work.max(axis=1, keepdims=True) > 0, work, 1.0)
    mean, most = work.mean(axis=1), work.max(axis=1)
    return Balance(
        num_ranks=work.shape[1],
        num_steps=len(work),
        sum_idle=float((1 - mean / most).sum()),
        sum_stretch=float((most / mean).sum()),
    )


def balance_of_rows(by_work: Histogram, num_ranks: int, seed: int) -> Balance:
    """Return the balance of rows, counted by their work, if they are taken in a random order. Rows
    that fill no last step are left out. Of more than 4 million rows, so many are drawn."""
    random = np.random.default_rng([seed, num_ranks])
    rows = random.permutation(_draw(by_work, _ROWS_MAX, random)).astype(np.float64)
    steps = len(rows) // num_ranks
    return balance_of_steps(rows[: steps * num_ranks].reshape(steps, num_ranks))


def work_by_concatenation(histogram: Histogram, rules: Rules) -> Histogram:
    """Return the rows by their work, if the documents are concatenated in a random order. Of more
    than a million documents, so many are drawn."""
    random = np.random.default_rng([rules.seed, rules.seq_len])
    lengths = random.permutation(_draw(histogram, _DOCUMENTS_MAX, random))
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    fragments, row = cut_stream(kept, rules.seq_len)
    work = np.bincount(row, fragments.length * (fragments.length + 1) / 2)
    values, counts = np.unique(work.astype(np.int64), return_counts=True)
    return Histogram(values=values, counts=counts.astype(np.int64))


def chance_to_go_on(histogram: Histogram, rules: Rules) -> Float64:
    """Return, for fragments of 0, 1, ... seq_len tokens that best fit packs, the share of them that
    are not the first of their document. Lengths [5, 1] at 4 -> [0, 0.5, 0, 0, 0]."""
    seq_len, policy = rules.seq_len, rules.long_documents
    every = count_fragments(histogram.values, histogram.counts, seq_len, policy, rules.prefix)
    kept = kept_lengths(histogram.values, seq_len, policy)
    first = np.bincount(np.minimum(kept, seq_len), histogram.counts, seq_len + 1)
    first[0] = 0.0
    return np.asarray((every - first) / np.maximum(every, 1))


def _draw(things: Histogram, most: int, random: np.random.Generator) -> Int64:
    """Return the values of all things, or of so many that are drawn with replacement."""
    counts = things.counts
    if things.count > most:
        counts = random.multinomial(most, counts / counts.sum())
    return np.repeat(things.values, counts)


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
