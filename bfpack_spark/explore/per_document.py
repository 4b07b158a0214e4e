"""What packing does to a document of each length: exactly for best fit, on average for
concatenation.

Lengths are in tokens. Each function returns a number for each length.
"""

from dataclasses import replace

import numpy as np

from bfpack_spark.core.expectations import Float64, expected_truncations
from bfpack_spark.core.fragments import Int64, LongDocuments, kept_lengths, later_fragments
from bfpack_spark.core.rules import Rules


def baseline(rules: Rules) -> Rules:
    """Return the rules of the baseline: all documents, whole, are concatenated at the same
    seq_len."""
    return replace(rules, packing="concat", long_documents="split", **Rules.defaults())


def by_policy(rules: Rules, policy: LongDocuments) -> Rules:
    """Return the rules with another policy for long documents, and no options beside it."""
    return replace(rules, long_documents=policy, **Rules.defaults())


def num_fragments(lengths: Int64, rules: Rules) -> Float64:
    """Return the fragments of a document that is packed, and 0 for one that is dropped."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    if rules.packing == "best_fit":
        later = later_fragments(kept, rules.seq_len, rules.prefix)
        return np.asarray((kept > 0) + later, dtype=np.float64)
    return np.where(kept > 0, 1 + expected_truncations(kept, rules.seq_len), 0.0)


def truncations(lengths: Int64, rules: Rules) -> Float64:
    """Return the cuts of a document: 3 fragments have 2 cuts, and a truncated document has one
    more."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    truncated = (kept > 0) & (kept < lengths)
    return np.asarray(num_fragments(lengths, rules) - (kept > 0) + truncated)
