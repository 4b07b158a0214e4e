"""A number for each doc_id, by which documents are dealt to tasks and found again."""

import numpy as np
import pyarrow as pa

from bfpack_spark.core.digest import hash_strings
from bfpack_spark.core.shuffle import UInt64


def hash_ids(doc_ids: pa.Array) -> UInt64:
    """Return a hash of each doc_id. The array must hold no null."""
    kind = np.int64 if pa.types.is_large_string(doc_ids.type) else np.int32
    offsets = np.frombuffer(doc_ids.buffers()[1], dtype=kind)
    offsets = offsets[doc_ids.offset : doc_ids.offset + len(doc_ids) + 1]
    raw = doc_ids.buffers()[2]
    utf8 = np.frombuffer(raw or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    return hash_strings(utf8, np.diff(offsets).astype(np.int64))
