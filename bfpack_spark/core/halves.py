"""Token ids in two columns: their low 16 bits, and what is above.

Most ids are below 65,536, and many vocabularies have no others. So half of the bytes of an int32
tell little, but cost as much to compress, hash and copy as the other half. In two columns, the ids
of a vocabulary of up to 65,536 entries take two bytes each, and those of up to 2^24 take three, of
which the third is mostly 0.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Low = npt.NDArray[np.uint16]
High = npt.NDArray[Any]  # uint8 or uint16


def num_high_bytes(vocabulary_size: int) -> int:
    """Return the bytes that an id of such a vocabulary takes above its low 16 bits."""
    bits = max(vocabulary_size - 1, 0).bit_length()
    return 0 if bits <= 16 else 1 if bits <= 24 else 2


def high_kind(num_high: int) -> np.dtype[Any]:
    """Return the type of an id's bits above the low 16."""
    return np.dtype(f"<u{num_high}")


def split_ids(ids: Ids, num_high: int) -> tuple[Low, High | None]:
    """Return the low 16 bits of ids and, if they are to take any bytes, the bits above: ids [5,
    65541], 1 byte -> [5, 5], [0, 1]. Raise AssertionError if an id is larger than these hold."""
    ids = np.ascontiguousarray(ids, dtype="<i4")
    largest = int(ids.view(np.uint32).max(initial=0))
    assert largest >> 16 < 256**num_high, f"id {largest} is not of this vocabulary"
    above = ids.view("<u2")[1::2].astype(high_kind(num_high)) if num_high else None
    return ids.astype("<u2"), above


def join_ids(low: Low, high: High | None) -> Ids:
    """Return the ids of which these are the bits."""
    ids = low.astype("<i4")
    if high is not None:
        ids.view("<u2")[1::2] = high
    return ids
