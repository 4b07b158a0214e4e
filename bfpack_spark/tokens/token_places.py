"""Which documents a token file or a quarantine file holds, and at which row. Workers read this,
without the tokens."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.core.kept_targets import KeptTargets, kept_targets
from bfpack_spark.files.parquet_output import binary_values
from bfpack_spark.files.stored_parquet import open_own_parquet

TABLE_ROWS = 1 << 17  # with fewer, one table would send only a row or two to each part


@dataclass(frozen=True, kw_only=True)
class Keep:
    """A policy under which what is kept of a document depends on its loss mask."""

    seq_len: int
    long_documents: LongDocuments


def read_places(path: str, file: int, *, table_rows: int = TABLE_ROWS) -> Iterator[pa.Table]:
    """Yield doc_id, doc_length, file and row of the documents in a token file."""
    for row, table in _row_groups(path, ["doc_id", "length"], table_rows):
        yield _places(table, file, row)


def read_kept(path: str, file: int, keep: Keep) -> Iterator[tuple[pa.Table, KeptTargets]]:
    """Yield the same for a file with loss masks, and what a policy keeps of each document."""
    for row, table in _row_groups(path, ["doc_id", "length", "loss_mask"], TABLE_ROWS):
        places = _places(table, file, row)
        mask = np.concatenate([binary_values(m) for m in table.column("loss_mask").chunks])
        lengths = places.column("doc_length").to_numpy()
        yield places, kept_targets(lengths, mask, keep.seq_len, keep.long_documents)


def _places(table: pa.Table, file: int, row: int) -> pa.Table:
    return pa.table(
        {
            "doc_id": table.column("doc_id"),
            "doc_length": table.column("length").cast(pa.int64()),
            "file": pa.repeat(pa.scalar(file, pa.int32()), len(table)),
            "row": pa.array(np.arange(row, row + len(table))),
        }
    )


def read_ids(path: str, *, table_rows: int = TABLE_ROWS) -> Iterator[pa.Array]:
    """Yield the doc_ids in a file of documents or of the quarantine. A document whose id could not
    be read is left out."""
    for _, table in _row_groups(path, ["doc_id"], table_rows):
        ids = table.column("doc_id").drop_null().combine_chunks()
        if len(ids):
            yield ids


def _row_groups(path: str, columns: list[str], table_rows: int) -> Iterator[tuple[int, pa.Table]]:
    """Yield tables of about `table_rows` rows, each with the number of its first row. A table is
    one or more row groups, since row groups end by their tokens and may have few rows."""
    row = 0
    with open_own_parquet(path) as file:
        rows = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        table_of = np.cumsum(rows, dtype=np.int64) // table_rows
        for numbers in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(table_of)) + 1):
            table = file.read_row_groups(numbers.tolist(), columns=columns, use_threads=False)
            if len(table):
                yield row, table
                row += len(table)
