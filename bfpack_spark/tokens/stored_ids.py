"""The ids of documents as they lie in a token file: in two columns, `low` and `high`, or as
`tokens` in a file of format 1."""

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from bfpack_spark.core.halves import Ids, high_kind, join_ids, split_ids
from bfpack_spark.files.parquet_output import binary_values, token_values
from bfpack_spark.schema import TOKENS, plain, with_masks


class IdsHash:
    """The hash of the ids in a token file, in their order: of their low bits and, if there are
    more, of the bits above."""

    def __init__(self) -> None:
        self._hashes: dict[str, Any] = {}

    def add(self, table: pa.Table | pa.RecordBatch) -> None:
        """Add some rows that have `low`, and maybe `high`, or `tokens` in a file of format 1."""
        for name in ("low", "high", "tokens"):
            if name in table.schema.names:
                own = self._hashes.setdefault(name, hashlib.sha256())
                column = table.column(name)
                for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
                    own.update(binary_values(chunk).data)

    def hexdigest(self) -> str:
        """Return the sha256 of what is hashed; of two columns, that of both of their sha256."""
        if len(self._hashes) == 2:
            both = (self._hashes[name].digest() for name in ("low", "high"))
            return hashlib.sha256(b"".join(both)).hexdigest()
        own = next(iter(self._hashes.values()), hashlib.sha256())
        return str(own.hexdigest())


def in_halves(table: pa.Table, num_high: int) -> pa.Table:
    """Return rows of TOKENS as stored_tokens has them."""
    chunks = [split_ids(token_values(c), num_high) for c in table.column("tokens").chunks]
    columns = {name: table.column(name) for name in ("doc_id", "length")}
    length = table.column("length").to_numpy()
    columns["low"] = binary_of(_end_to_end([low for low, _ in chunks]), length)
    if num_high:
        high = [high for _, high in chunks if high is not None]
        columns["high"] = binary_of(_end_to_end(high), length)
    if "loss_mask" in table.column_names:
        columns["loss_mask"] = table.column("loss_mask")
    return pa.table(columns)


def _end_to_end(parts: list[np.ndarray]) -> np.ndarray:
    """Return the parts as one array, without a copy if it is one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def halves_of(batch: pa.RecordBatch, num_high: int) -> pa.RecordBatch:
    """Return rows of a token file of any format as stored_tokens has them."""
    if "tokens" not in batch.schema.names:
        return batch
    (halves,) = in_halves(pa.Table.from_batches([batch]), num_high).to_batches()
    return halves


def whole_ids(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows of a token file with the columns of TOKENS, with the loss masks if there are
    any. Raise ValueError if a document has not as many values in `high` as in `low`."""
    masks = "loss_mask" in batch.schema.names
    schema = plain(with_masks(TOKENS, masks=masks))
    if "tokens" in batch.schema.names:
        return batch.select(schema.names)
    low, high = binary_values(batch.column("low")), None
    lengths = _sizes(batch.column("low")) // 2
    if "high" in batch.schema.names:
        high = binary_values(batch.column("high"))
        if (_sizes(batch.column("high")) * len(low) != 2 * lengths * len(high)).any():
            raise ValueError("low and high are not of the same tokens")
    tokens = binary_of(_joined(low, high), lengths)
    columns = {n: tokens if n == "tokens" else batch.column(n) for n in schema.names}
    return pa.RecordBatch.from_pydict(columns, schema=schema)


# The columns of a row from which ids_of_row makes the ids, as far as a file has them.
IDS_OF_ROWS = ("doc_id", "low", "high", "tokens")


def ids_of_row(row: dict[str, Any]) -> Ids:
    """Return the ids of a document, of a row of a token file as a dictionary."""
    if "tokens" in row:
        return np.frombuffer(row["tokens"], dtype="<i4")
    return _joined(*(row.get(name) for name in ("low", "high")))


def _joined(low: Any, high: Any) -> Ids:
    """Return the ids of which these are the bytes."""
    first = np.frombuffer(low, dtype="<u2")
    if high is None:
        return join_ids(first, None)
    return join_ids(first, np.frombuffer(high, high_kind(len(high) // max(len(first), 1) or 1)))


def _sizes(column: pa.Array) -> np.ndarray:
    """Return the bytes of each value of a BINARY column."""
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
    return np.diff(offsets[column.offset : column.offset + len(column) + 1]).astype(np.int64)


def binary_of(values: np.ndarray, length: np.ndarray) -> pa.Array:
    """Return a BINARY column, of which each row has so many of the values, which lie end to end."""
    offsets = np.zeros(len(length) + 1, dtype=np.int32)
    offsets[1:] = np.cumsum(length, dtype=np.int64) * values.itemsize
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.binary(), len(length), buffers)
