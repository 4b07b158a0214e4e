"""Digests that add up: two copies of the tokens are equal if their sums are equal, however they
were cut.

A token adds weight(place in its document) * (id + 1), modulo 2^64, to the digest of its document.
This is a multilinear hash (Carter and Wegman, 1979) with pseudo-random odd weights. However a
document is cut and wherever its fragments lie, the digests of the fragments add up to the digest of
the document. A token that is lost, changed, moved or counted twice changes the sum, except with a
chance of about 2^-46. The same holds for a whole corpus when each document's digest is multiplied
by a key made from its id. So tokens on two disks are compared by one number. Documents need to be
joined only where this number differs, to find which ones differ.
"""

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.shuffle import UInt64, mix

_CHUNK = 1 << 17  # tokens at a time: temporaries of a megabyte
_TABLE_BITS = 20
LONG_RUN = 64  # tokens
_ODD = np.uint64(1)
_WEIGHTS: UInt64 = mix(np.arange(1 << _TABLE_BITS, dtype=np.uint64)) | _ODD


def digest_segments(
    ids: npt.NDArray[np.integer], lengths: Int64, starts: Int64, *, long_run: int = LONG_RUN
) -> UInt64:
    """Return the digest of each segment of `ids`. The segments lie end to end; starts[i] is the
    place in the document of segment i's first token. Lengths are in tokens, and none is 0. Weights
    are copied in slices where runs have `long_run` tokens or more, and else looked up."""
    out = np.zeros(len(lengths), dtype=np.uint64)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    for begin in range(0, len(ids), _CHUNK):
        end = min(begin + _CHUNK, len(ids))
        first = int(np.searchsorted(ends, begin, side="right"))
        last = int(np.searchsorted(ends, end, side="left")) + 1
        left = np.maximum(begins[first:last], begin)
        size = np.minimum(ends[first:last], end) - left
        terms = ids[begin:end].astype(np.uint64)
        terms += _ODD
        terms *= _weights(left - begins[first:last] + starts[first:last], size, long_run)
        out[first:last] += np.add.reduceat(terms, left - begin)
    return out


def with_mask(ids: npt.NDArray[np.integer], mask: npt.NDArray[np.integer]) -> Int64:
    """Return a number for each token that tells its id and its loss mask: ids [5, 7], mask [0, 1]
    -> [10, 15]."""
    return 2 * ids.astype(np.int64) + mask


def hash_strings(utf8: npt.NDArray[np.uint8], lengths: Int64) -> UInt64:
    """Return a hash of each string. The bytes of the strings lie end to end; lengths are in bytes
    and may be 0."""
    out = np.zeros(len(lengths), dtype=np.uint64)
    some = np.flatnonzero(lengths)
    out[some] = digest_segments(utf8, lengths[some], np.zeros(len(some), dtype=np.int64))
    return mix(out)


def hash_rows(*columns: Int64 | UInt64) -> UInt64:
    """Return a hash of each row of parallel columns."""
    out = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        out = mix(out ^ column.view(np.uint64))
    return out


def weigh(values: UInt64, keys: UInt64) -> int:
    """Return the sum of values * keys modulo 2^64. The keys are made odd, so that no key hides its
    value."""
    return int(np.add.reduce(values * (keys | _ODD), dtype=np.uint64))


def _weights(place: Int64, size: Int64, long_run: int) -> UInt64:
    """Return the weights of runs of places, end to end: run i has the size[i] places from place[i]
    on."""
    end = place + size
    if int(end.max()) <= len(_WEIGHTS) and int(size.sum()) >= long_run * len(size):
        # Copying slices takes a third of the time of the look-ups below, where runs are not short.
        runs = zip(place.tolist(), end.tolist(), strict=True)
        return np.concatenate([_WEIGHTS[first:last] for first, last in runs])
    ends = np.cumsum(size)
    each = np.arange(int(ends[-1])) + np.repeat(place - (ends - size), size)
    low = _WEIGHTS[each & ((1 << _TABLE_BITS) - 1)]
    return np.asarray(low * ((each >> _TABLE_BITS << 1) + 1).view(np.uint64))
