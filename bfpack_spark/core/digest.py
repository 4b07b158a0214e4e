"""A 64-bit digest of tokens that does not care how a document was cut.

digest = XOR over tokens of mix(place in the document, id). However a document is cut and wherever
its fragments lie, the XOR of their digests is the document's own if (and, but for a chance of about
2^-64, only if) every token is at its place; a token counted twice would cancel out, so lengths are
compared too. Tokens on two disks are thus compared by joining one number a document.
"""

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.shuffle import mix

_CHUNK = 1 << 16  # tokens at a time, so that the temporaries stay in the cache


def digest_segments(ids: npt.NDArray[np.int32], lengths: Int64, starts: Int64) -> Int64:
    """Digest of each segment of `ids`, which lie end to end; starts[i] is the place in the document
    of segment i's first token. Lengths are in tokens, none 0."""
    out = np.zeros(len(lengths), dtype=np.uint64)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    for begin in range(0, len(ids), _CHUNK):
        end = min(begin + _CHUNK, len(ids))
        first = int(np.searchsorted(ends, begin, side="right"))
        last = int(np.searchsorted(ends, end, side="left")) + 1
        left = np.maximum(begins[first:last], begin)
        size = np.minimum(ends[first:last], end) - left
        place = np.arange(begin, end) - np.repeat(begins[first:last] - starts[first:last], size)
        terms = mix((place << 32 | ids[begin:end]).view(np.uint64))
        out[first:last] ^= np.bitwise_xor.reduceat(terms, left - begin)
    return out.view(np.int64)
