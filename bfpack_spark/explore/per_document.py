"""What packing does to a document of each length: exactly by best fit, on average by concatenation.

Lengths are in tokens; each result has a number a length.
"""

from dataclasses import replace

import numpy as np

from bfpack_spark.core.expectations import Float64, expected_cut, expected_truncations
from bfpack_spark.core.fragments import Int64, kept_lengths
from bfpack_spark.core.rules import Rules


def baseline(rules: Rules) -> Rules:
    """The concatenation of all documents, whole, at the same seq_len."""
    return replace(rules, packing="concat", long_documents="split")


def num_fragments(lengths: Int64, rules: Rules) -> Float64:
    """Of a document that is packed; 0 of one that is dropped."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    if rules.packing == "best_fit":
        return np.asarray(-(-kept // rules.seq_len), dtype=np.float64)
    return np.where(kept > 0, 1 + expected_truncations(kept, rules.seq_len), 0.0)


def truncations(lengths: Int64, rules: Rules) -> Float64:
    """Cuts of a document: 3 fragments are 2; what is truncated has one more."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    truncated = (kept > 0) & (kept < lengths)
    return np.asarray(num_fragments(lengths, rules) - (kept > 0) + truncated)


def cut(lengths: Int64, rules: Rules) -> Float64:
    """Whether, or with which chance, a document is cut at all."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    if rules.packing == "best_fit":
        return np.asarray((lengths > rules.seq_len) & (kept > 0), dtype=np.float64)
    chance = expected_cut(np.maximum(kept, 1), rules.seq_len)
    return np.where(kept < lengths, kept > 0, chance).astype(np.float64)
