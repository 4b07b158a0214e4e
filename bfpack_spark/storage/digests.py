"""Documents to digests: what two copies of the tokens are compared by."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bfpack_spark.core.accounting import Rules
from bfpack_spark.core.digest import digest_segments
from bfpack_spark.core.fragments import Int64, kept_lengths
from bfpack_spark.schema import SCANNED_DOCUMENTS, plain
from bfpack_spark.storage.parquet_output import token_values
from bfpack_spark.storage.token_files import slices


@dataclass(frozen=True, kw_only=True)
class DigestTask:
    """What a worker needs to know."""

    root: str  # the token store's directory
    rules: Rules | None  # None: the whole document
    vocabulary_size: int


def digest_batch(batch: pa.RecordBatch, row: int, path: str, task: DigestTask) -> pa.RecordBatch:
    """SCANNED_DOCUMENTS of a batch that has doc_id, length, tokens; its first row is `row` of the
    file `path`."""
    tokens = batch.column("tokens")
    length = _lengths(tokens)
    kept = length
    if task.rules is not None:
        kept = kept_lengths(length, task.rules.seq_len, task.rules.long_documents)
    some = np.flatnonzero(kept)
    none = np.zeros(len(some), dtype=np.int64)
    digest = np.zeros(len(length), dtype=np.int64)
    if len(some):
        ids = token_values(slices(tokens, some, none, kept[some]))
        digest[some] = digest_segments(ids, kept[some], none)
    columns = {
        "file": pa.repeat(path, len(length)),
        "row": pa.array(row + np.arange(len(length))),
        "problem": pa.nulls(len(length), pa.string()),
        "doc_id": batch.column("doc_id"),
        "doc_length": pa.array(batch.column("length").to_numpy().astype(np.int64)),
        "kept": pa.array(kept),
        "digest": pa.array(digest),
    }
    return pa.RecordBatch.from_pydict(columns, schema=plain(SCANNED_DOCUMENTS))


def _lengths(tokens: pa.Array) -> Int64:
    offsets = np.frombuffer(tokens.buffers()[1], dtype=np.int32)
    return np.diff(offsets[tokens.offset : tokens.offset + len(tokens) + 1]).astype(np.int64) // 4
