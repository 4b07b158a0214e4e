"""Which documents a token file or a quarantine file holds, and at which row. Workers read this,
without the tokens."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from bfpack_spark.files.stored_parquet import open_own_parquet

TABLE_ROWS = 1 << 17  # with fewer, one table would send only a row or two to each part


def read_places(path: str, file: int, *, table_rows: int = TABLE_ROWS) -> Iterator[pa.Table]:
    """Yield doc_id, doc_length, file and row of the documents in a token file."""
    row = 0
    for table in _row_groups(path, ["doc_id", "length"], table_rows):
        yield pa.table(
            {
                "doc_id": table.column("doc_id"),
                "doc_length": table.column("length").cast(pa.int64()),
                "file": pa.repeat(pa.scalar(file, pa.int32()), len(table)),
                "row": pa.array(np.arange(row, row + len(table))),
            }
        )
        row += len(table)


def read_ids(path: str, *, table_rows: int = TABLE_ROWS) -> Iterator[pa.Array]:
    """Yield the doc_ids in a file of documents or of the quarantine. A document whose id could not
    be read is left out."""
    for table in _row_groups(path, ["doc_id"], table_rows):
        ids = table.column("doc_id").drop_null().combine_chunks()
        if len(ids):
            yield ids


def _row_groups(path: str, columns: list[str], table_rows: int) -> Iterator[pa.Table]:
    """Yield tables of about `table_rows` rows. A table is one or more row groups, since row groups
    end by their tokens and may have few rows."""
    with open_own_parquet(path) as file:
        rows = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        table_of = np.cumsum(rows, dtype=np.int64) // table_rows
        for numbers in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(table_of)) + 1):
            table = file.read_row_groups(numbers.tolist(), columns=columns, use_threads=False)
            if len(table):
                yield table
