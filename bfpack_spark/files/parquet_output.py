"""A Parquet file that is hashed while it is written, and how the files of every table are
encoded."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.schema import plain


class ParquetOutput:
    """One output file: write batches to it, then `close` returns its entry for the manifest."""

    def __init__(
        self,
        root: str,
        path: str,
        schema: pa.Schema,
        *,
        metadata: dict[str, str] | None = None,
        statistics: list[str] | None = None,
    ) -> None:
        """Open the file. `path` is relative to `root`, the version's directory. `statistics` names
        the columns that get minima and maxima (those of tokens would make the footer large)."""
        self._file = HashingFile(root, path)
        bare = plain(schema)
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self._file, mode="w"),
            bare,
            # Ids do not repeat enough for a dictionary, and of the encodings that all readers know,
            # plain + zstd was the smallest on code.
            use_dictionary=False,
            compression="zstd",
            data_page_version="1.0",
            write_page_checksum=True,
            write_statistics=schema.names if statistics is None else statistics,
            store_schema=False,
        )
        if metadata:
            self._writer.add_key_value_metadata(metadata)
        self._schema = bare
        self.num_rows = 0

    def write(self, table: pa.Table, group_rows: int | None = None) -> None:
        """Add row groups of so many rows, the last one maybe smaller, or else one row group."""
        size = group_rows or max(len(table), 1)
        self._writer.write_table(table.cast(self._schema), row_group_size=size)
        self.num_rows += len(table)

    def close(self, kind: str, tokens: int, ids_sha256: str | None) -> dict[str, Any]:
        """Give the file its name, and return its entry: path, kind, rows, tokens, bytes, hashes."""
        self._writer.close()
        return self._file.entry(kind, rows=self.num_rows, tokens=tokens, ids_sha256=ids_sha256)


def token_values(tokens: pa.Array) -> np.ndarray:
    """Return all ids of a BINARY (or large) column end to end, without a copy. The column must hold
    no null."""
    return binary_values(tokens).view("<i4")


def binary_values(column: pa.Array) -> np.ndarray:
    """Return the bytes of all values of such a column end to end, without a copy."""
    kind = np.int64 if pa.types.is_large_binary(column.type) else np.int32
    offsets = np.frombuffer(column.buffers()[1], dtype=kind)
    first, last = offsets[column.offset], offsets[column.offset + len(column)]
    return np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)[first:last]  # None: no bytes
