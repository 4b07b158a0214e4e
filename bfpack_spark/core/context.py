"""How much of its own document a token sees in its sequence, for a document of each length: exactly
for best fit, and for concatenation the mean over every place where a document may start.

Each function takes the lengths of documents in tokens and returns a number for each. By the policy
`split`, best fit cuts a document of n = qL + r tokens at L = seq_len into q fragments of L tokens
and one of r. Concatenation puts two tokens that are d apart into one sequence with chance
1 - d / L. A token sees the tokens before it in its fragment; the possible context of a token is
what a window of L tokens would show it if no document were cut.

    lengths [1, 5, 8, 17] at 8    best fit          concatenation
    possible context              [0, 10, 28, 91]   the same
    context                       [0, 10, 28, 56]   [0, 7.5, 17.5, 49]
    tokens with the beginning     [1, 5, 8, 8]      [1, 3.75, 4.5, 4.5]
    tokens in whole documents     [1, 5, 8, 0]      [1, 2.5, 1, 0]
"""

from typing import Any

import numpy as np

from bfpack_spark.core.expectations import Float64, expected_cut
from bfpack_spark.core.fragments import Int64, kept_lengths
from bfpack_spark.core.rules import Rules


def possible_context(lengths: Int64, seq_len: int) -> Float64:
    """Return the sum, over the tokens of a document, of the tokens before each that a window of
    seq_len could hold beside it: min(place, seq_len - 1)."""
    length = lengths.astype(np.float64)
    first = np.minimum(length, seq_len)
    return np.asarray(first * (first - 1) / 2 + (length - first) * (seq_len - 1))


def context(lengths: Int64, rules: Rules) -> Float64:
    """Return the sum, over the packed tokens of a document, of the tokens of the document before
    each in its sequence. These are the pairs of attention, without those of a token with itself.
    A token that is in two sequences counts where it is new."""
    kept, seq_len = _kept(lengths, rules), rules.seq_len
    if rules.packing == "best_fit":
        first, full, rest = _fragments(kept, rules)
        each = _seen(float(rules.new_tokens), rules)
        return np.asarray(first * (first - 1) / 2 + full * each + _seen(rest, rules))
    first = np.minimum(kept, seq_len)
    lost = (first - 1) * first * (first + 1) / (6 * seq_len)
    return np.asarray(first * (first - 1) / 2 - lost + (kept - first) * (seq_len - 1) / 2)


def attention(lengths: Int64, rules: Rules) -> Float64:
    """Return the sum of l (l + 1) / 2 over the fragments of a document, of l tokens each: pairs of
    a token with itself and those before it, with BOS and repeated tokens."""
    kept = _kept(lengths, rules)
    if rules.packing == "concat":
        return context(lengths, rules) + kept
    first, full, rest = _fragments(kept, rules)
    last = np.where(rest > 0, rest + rules.prefix, 0)
    whole = full * (rules.seq_len * (rules.seq_len + 1) / 2)
    return np.asarray(first * (first + 1) / 2 + whole + last * (last + 1) / 2)


def tokens_with_beginning(lengths: Int64, rules: Rules) -> Float64:
    """Return the tokens of a document whose sequence holds its first token."""
    kept, seq_len = _kept(lengths, rules), rules.seq_len
    first = np.minimum(kept, seq_len)
    if rules.packing == "best_fit":
        return first
    return np.asarray(first - first * (first - 1) / (2 * seq_len))


def tokens_in_whole_documents(lengths: Int64, rules: Rules) -> Float64:
    """Return the tokens of a document if it is in one sequence from end to end, otherwise 0."""
    kept, seq_len = _kept(lengths, rules), rules.seq_len
    uncut = np.where(kept < lengths, 0.0, kept)
    if rules.packing == "best_fit":
        return np.where(kept > seq_len, 0.0, uncut)
    return np.asarray(uncut * (1 - expected_cut(np.maximum(lengths, 1), seq_len)))


def pairs(lengths: Int64, distance: int) -> Float64:
    """Return the pairs of tokens of a document that are so many tokens apart: lengths [5] at
    distance 4 -> [1]."""
    return np.asarray(np.maximum(lengths - float(distance), 0.0))


def pairs_together(lengths: Int64, distance: int, rules: Rules) -> Float64:
    """Return those of these pairs that lie in one sequence. Lengths [1, 5, 8, 17] at 8, distance 4:
    best fit [0, 1, 4, 8], concatenation [0, 0.5, 2, 6.5]."""
    kept, seq_len = _kept(lengths, rules), rules.seq_len
    if rules.packing == "best_fit":
        first, full, rest = _fragments(kept, rules)
        near = max(distance - rules.overlap, 0)  # new tokens that see too little
        inside = full * max(rules.new_tokens - near, 0) + np.maximum(rest - near, 0)
        return np.asarray(np.maximum(first - distance, 0) + inside)
    return np.maximum(kept - distance, 0) * max(1 - distance / seq_len, 0.0)


def _fragments(kept: Float64, rules: Rules) -> tuple[Float64, Float64, Float64]:
    """Return the tokens of each document's first fragment, its later ones that are full, and the
    new tokens of its last one if that is not full."""
    later = np.maximum(kept - rules.seq_len, 0)
    full, rest = np.divmod(later, rules.new_tokens)
    return np.minimum(kept, rules.seq_len), full, rest


def _seen(new: Any, rules: Rules) -> Any:
    """Return the tokens of the document before each of the new tokens of a later fragment, in
    all."""
    return new * rules.overlap + new * (new - 1) / 2


def _kept(lengths: Int64, rules: Rules) -> Float64:
    """Return the tokens that are packed, as floats: their squares may exceed 64 bits."""
    return kept_lengths(lengths, rules.seq_len, rules.long_documents).astype(np.float64)
