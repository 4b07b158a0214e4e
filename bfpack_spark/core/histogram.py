"""How many things have each value: documents by their tokens, sequences by their fragments."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Distinct values in ascending order, and how many things have each value."""

    values: Int64
    counts: Int64

    @classmethod
    def of_counts(cls, counts: Int64) -> "Histogram":
        """Return the histogram of counts[i] things of value i: [0, 3, 1] -> values [1, 2], counts
        [3, 1]."""
        values = np.flatnonzero(counts)
        return cls(values=values, counts=counts[values])

    @classmethod
    def merged(cls, parts: Iterable["Histogram"]) -> "Histogram":
        """Return one histogram of the things of all parts: values [1, 2], counts [5, 1] and values
        [2], counts [3] -> values [1, 2], counts [5, 4]."""
        empty = np.empty(0, np.int64)
        histograms = list(parts)
        all_values = np.concatenate([empty, *(part.values for part in histograms)])
        values, where = np.unique(all_values, return_inverse=True)
        counts = np.zeros(len(values), dtype=np.int64)
        np.add.at(counts, where, np.concatenate([empty, *(part.counts for part in histograms)]))
        return cls(values=values.astype(np.int64), counts=counts)

    @property
    def count(self) -> int:
        """Return the number of things."""
        return int(self.counts.sum())

    @property
    def total(self) -> int:
        """Return the sum of the values of all things."""
        return int((self.values * self.counts).sum())

    def quantile(self, share: float) -> int:
        """Return the smallest value that at least this share of the things do not exceed: values
        [1, 5] x counts [3, 1], 0.75 -> 1. An empty histogram gives 0."""
        if not len(self.values):
            return 0
        reached = np.cumsum(self.counts)
        rank = max(int(np.ceil(share * reached[-1])), 1)
        return int(self.values[np.searchsorted(reached, rank)])

    def counts_up_to(self) -> npt.NDArray[np.float64]:
        """Return, for each value, the share of things that do not exceed it."""
        return np.asarray(np.cumsum(self.counts) / max(self.count, 1))

    def totals_up_to(self, limits: Int64) -> npt.NDArray[np.float64]:
        """Return, for each limit, the share of the total that lies in things that do not exceed it:
        values [1, 5] x counts [5, 1], limits [0, 4, 5] -> [0, 0.5, 1]."""
        reached = np.concatenate([[0], np.cumsum(self.values * self.counts)])
        return reached[np.searchsorted(self.values, limits, side="right")] / max(self.total, 1)
