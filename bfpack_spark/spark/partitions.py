"""Rows go to the partitions whose numbers they bear: blocks on their way between workers, and rows
that the driver knows, with a partition for each task that gets some of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import DataType, StructType

from bfpack_spark.core.digest import hash_strings
from bfpack_spark.core.shuffle import UInt64
from bfpack_spark.core.tasks import TASKS
from bfpack_spark.corpus.inventory import Inventory, split_inventory
from bfpack_spark.spark.hash_keys import hash_key
from bfpack_spark.spark.versions import release_of

_SPLITS = (
    "task int, name string, path string, start long, end long, size long, modified long, "
    "etag string, magic string"
)
_SPLIT_COLUMNS = [column.split()[0] for column in _SPLITS.split(", ")]


def to_partitions(table: DataFrame, parts: int, column: str) -> DataFrame:
    """Return the rows in `parts` partitions. A row goes to the partition that its value of `column`
    names, from 0; no value is null."""
    if takes_ids(table.sparkSession):
        return table.repartitionById(parts, column)
    return table.repartition(parts, hash_key(sf.col(column), parts))


def takes_ids(spark: SparkSession) -> bool:
    """Return whether client and server know repartitionById, which came with Spark 4.1."""
    return hasattr(DataFrame, "repartitionById") and release_of(spark.version) >= (4, 1)


def in_partitions(spark: SparkSession, rows: Sequence[tuple[Any, ...]], columns: str) -> DataFrame:
    """Return the rows as a frame. The first column numbers their partitions, from 0."""
    parts = max((row[0] for row in rows), default=0) + 1
    return to_partitions(_frame(spark, rows, columns), parts, columns.split()[0])


def _frame(spark: SparkSession, rows: Sequence[tuple[Any, ...]], columns: str) -> DataFrame:
    """Return the rows as a frame. From Python rows, Spark makes one by Python workers, of a parent
    of their own: 3 s of CPU for the first frame. From a table of Arrow it does not, since 4.0."""
    if not rows or release_of(spark.version) < (4, 0):
        return spark.createDataFrame(rows, columns)
    schema = DataType.fromDDL(columns)
    assert isinstance(schema, StructType), "columns are the fields of a row"
    fields = zip(zip(*rows, strict=True), to_arrow_schema(schema), strict=True)
    held = [pa.array(values, field.type) for values, field in fields]
    return spark.createDataFrame(pa.Table.from_arrays(held, schema.names), schema)


def rows_of(batches: Iterator[pa.RecordBatch]) -> list[dict[str, Any]]:
    """Return the rows of a partition of such a frame, in a worker. They are in the order of their
    values, since Spark delivers them in any order, and what a task sends must not depend on it."""
    rows = [row for batch in batches for row in batch.to_pylist()]
    return sorted(rows, key=lambda row: [(value is not None, value) for value in row.values()])


def splits_frame(spark: SparkSession, inventory: Inventory) -> DataFrame:
    """Return the corpus as a table of byte ranges, one partition a task."""
    splits = split_inventory(inventory)
    rows = [tuple(getattr(split, column) for column in _SPLIT_COLUMNS) for split in splits]
    return in_partitions(spark, rows, _SPLITS)


def files_frame(
    spark: SparkSession, paths: dict[str, list[str]], num_tasks: int | None = None
) -> DataFrame:
    """Return kind, path and file (its index among those of its kind) of each file, a few in a
    partition. Without a number of tasks, it is that of tasks that read ids."""
    listed = [(kind, path, n) for kind, own in paths.items() for n, path in enumerate(own)]
    parts = num_tasks or TASKS.num_readers(len(listed))
    rows = [(number * parts // len(listed), *told) for number, told in enumerate(listed)]
    return in_partitions(spark, rows, "part int, kind string, path string, file int")


def hash_ids(doc_ids: pa.Array) -> UInt64:
    """Return a hash of each doc_id, by which documents are dealt to tasks and found again. The
    array must hold no null."""
    kind = np.int64 if pa.types.is_large_string(doc_ids.type) else np.int32
    offsets = np.frombuffer(doc_ids.buffers()[1], dtype=kind)
    offsets = offsets[doc_ids.offset : doc_ids.offset + len(doc_ids) + 1]
    raw = doc_ids.buffers()[2]
    utf8 = np.frombuffer(raw or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    return hash_strings(utf8, np.diff(offsets).astype(np.int64))
