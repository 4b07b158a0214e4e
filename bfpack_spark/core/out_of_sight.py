"""Which mentions are in another row than what they refer to.

A mention at token u of a document refers to token a before it. Best fit cuts a document at the
multiples of L = seq_len, so the two are in different rows if floor(a / L) != floor(u / L).
Concatenation cuts between the two with chance min(1, (u - a) / L), over a random start.

    told [0, 3], used [9, 5], at 8 -> by best fit [1, 0], by concatenation [1, 0.25]
"""

import numpy as np

from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64


def out_of_sight(told: Int64, used: Int64, seq_len: int, overlap: int = 0, bos: int = 0) -> Float64:
    """Return 1 for each mention that best fit separates from what it refers to, otherwise 0. A
    fragment after the first repeats `overlap` tokens behind `bos` others, and a mention counts
    where it is new. Told [3, 5], used [9, 9] at 8, overlap 3 -> [1, 0]."""
    new = seq_len - overlap - bos
    begin = np.where(used < seq_len, 0, seq_len + (used - seq_len) // new * new - overlap)
    return np.asarray(told < begin, dtype=np.float64)


def chance_out_of_sight(told: Int64, used: Int64, seq_len: int) -> Float64:
    """Return the chance of each mention that concatenation separates it."""
    return np.minimum((used - told) / seq_len, 1.0)


def chance_of_any(told: Int64, used: Int64, seq_len: int) -> float:
    """Return the chance that concatenation separates any mention of a document: the share of the
    starts at which a cut falls behind one `told` and not behind its `used`. Mentions (0, 2) and
    (1, 3) at 8 -> 3 / 8."""
    if not len(told):
        return 0.0
    if int((used - told).max()) >= seq_len:
        return 1.0
    begin, end = told % seq_len, used % seq_len
    changes = np.zeros(seq_len + 1, dtype=np.int64)
    np.add.at(changes, begin, 1)
    np.add.at(changes, end, -1)
    wrapped = int((end < begin).sum())
    return float((np.cumsum(changes[:-1]) + wrapped > 0).mean())
