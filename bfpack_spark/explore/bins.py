"""How much a figure shows: bars that an eye can tell apart."""

from collections.abc import Sequence

import numpy as np

from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.histogram import Histogram

_BARS_MAX = 60
_SHARDS_MAX = 120


def fragment_bins(fragments: Histogram) -> tuple[Int64, Int64]:
    """Return how many sequences hold edges[i] to edges[i + 1] - 1 fragments, and the edges."""
    high = max(fragments.quantile(0.999), 1)
    width = -(-high // _BARS_MAX)
    edges = np.arange(1, high + width + 1, width)
    edges[-1] = high + 1
    counts, _ = np.histogram(fragments.values, edges - 0.5, weights=fragments.counts)
    return counts.astype(np.int64), edges


def mean_sizes(sizes: Sequence[int]) -> tuple[Float64, Int64]:
    """Return the mean size of shards edges[i] to edges[i + 1] - 1, and the edges."""
    step = -(-len(sizes) // _SHARDS_MAX)
    first = np.arange(0, len(sizes), step)
    edges = np.append(first, len(sizes))
    return np.add.reduceat(sizes, first) / np.diff(edges), edges
