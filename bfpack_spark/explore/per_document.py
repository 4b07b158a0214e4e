"""What packing does to a document of each length: exactly for best fit, on average for
concatenation.

Lengths are in tokens. Each function returns a number for each length.
"""

from dataclasses import replace

import numpy as np

from bfpack_spark.core.expectations import Float64, expected_truncations
from bfpack_spark.core.fragments import Int64, kept_lengths
from bfpack_spark.core.rules import Rules


def baseline(rules: Rules) -> Rules:
    """Return the rules of the baseline: all documents, whole, are concatenated at the same
    seq_len."""
    return replace(rules, packing="concat", long_documents="split")


def num_fragments(lengths: Int64, rules: Rules) -> Float64:
    """Return the fragments of a document that is packed, and 0 for one that is dropped."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    if rules.packing == "best_fit":
        return np.asarray(-(-kept // rules.seq_len), dtype=np.float64)
    return np.where(kept > 0, 1 + expected_truncations(kept, rules.seq_len), 0.0)


def truncations(lengths: Int64, rules: Rules) -> Float64:
    """Return the cuts of a document: 3 fragments have 2 cuts, and a truncated document has one
    more."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    truncated = (kept > 0) & (kept < lengths)
    return np.asarray(num_fragments(lengths, rules) - (kept > 0) + truncated)
