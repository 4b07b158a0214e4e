"""The files that tell which documents there are and where their fragments go, read in workers,
tokens left out."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.core.tasks import num_readers
from bfpack_spark.storage.plan_files import read_plan_file
from bfpack_spark.storage.stored_parquet import open_own_parquet

_TABLE_ROWS = 1 << 17  # so that what is sent to one place from one table is not a row or two


def files_frame(spark: SparkSession, paths: dict[str, list[str]]) -> DataFrame:
    """kind, path, file (its index among those of its kind) of each, a few in a partition."""
    listed = [(kind, path, n) for kind, own in paths.items() for n, path in enumerate(own)]
    parts = num_readers(len(listed))
    rows = [(number * parts // len(listed), *told) for number, told in enumerate(listed)]
    frame = spark.createDataFrame(rows, "part int, kind string, path string, file int")
    return frame.repartitionById(parts, "part")


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


def read_fragments(path: str) -> Iterator[pa.Table]:
    """The rows of a plan file, without their group."""
    return (table.drop_columns(["group"]) for table in read_plan_file(path) if len(table))


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
