"""What to expect for documents of each length if all documents are concatenated and cut every
seq_len tokens, and a document's first token is equally likely to lie anywhere in a sequence.

The order of the documents decides the counts; these are their means over all orders.
"""

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64, kept_lengths
from bfpack_spark.core.rules import Rules

Float64 = npt.NDArray[np.float64]


def expected_cut(lengths: Int64, seq_len: int) -> Float64:
    """Return the chance that a document is cut at all: lengths [1, 5, 9] at 8 -> [0, 0.5, 1]."""
    return np.asarray(np.minimum(1.0, (lengths - 1) / seq_len))


def cut_chance(lengths: Int64, rules: Rules) -> Float64:
    """Return the chance that a document is cut or truncated by these rules, which is 0 or 1 if best
    fit packs it. Lengths [3, 9] at 8, truncated: best fit [0, 1], concat [0.25, 1]."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    if rules.packing == "best_fit":
        return np.asarray((lengths > rules.seq_len) & (kept > 0), dtype=np.float64)
    chance = expected_cut(np.maximum(kept, 1), rules.seq_len)
    return np.where(kept < lengths, kept > 0, chance).astype(np.float64)


def expected_truncations(lengths: Int64, seq_len: int) -> Float64:
    """Return the expected number of cuts per document. Each of its length - 1 joints is a cut with
    chance 1 / seq_len: lengths [1, 5, 17] at 8 -> [0, 0.5, 2]."""
    return np.asarray((lengths - 1) / seq_len)
