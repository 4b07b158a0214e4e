"""The files that tell which documents there are and where their fragments go, read in workers,
tokens left out."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from bfpack_spark.files.stored_parquet import open_own_parquet

_TABLE_ROWS = 1 << 17  # so that what is sent to one place from one table is not a row or two


def read_places(path: str, file: int) -> Iterator[pa.Table]:
    """doc_id, doc_length, file and row of the documents in a token file."""
    row = 0
    for table in _row_groups(path, ["doc_id", "length"]):
        yield pa.table(
            {
                "doc_id": table.column("doc_id"),
                "doc_length": table.column("length").cast(pa.int64()),
                "file": pa.repeat(pa.scalar(file, pa.int32()), len(table)),
                "row": pa.array(np.arange(row, row + len(table))),
            }
        )
        row += len(table)


def read_ids(path: str) -> Iterator[pa.Array]:
    """The doc_ids in a file of documents or of the quarantine, those that could be read."""
    for table in _row_groups(path, ["doc_id"]):
        ids = table.column("doc_id").drop_null().combine_chunks()
        if len(ids):
            yield ids


def _row_groups(path: str, columns: list[str]) -> Iterator[pa.Table]:
    """Tables of about _TABLE_ROWS rows: a row group is cut by its tokens, and may have few."""
    with open_own_parquet(path) as file:
        rows = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        table_of = np.cumsum(rows, dtype=np.int64) // _TABLE_ROWS
        for numbers in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(table_of)) + 1):
            table = file.read_row_groups(numbers.tolist(), columns=columns, use_threads=False)
            if len(table):
                yield table
