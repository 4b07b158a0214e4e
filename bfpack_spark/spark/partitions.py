"""Rows that the driver knows, as frames with one partition for each task that gets some of them."""

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.core.tasks import TASKS
from bfpack_spark.corpus.inventory import Inventory, split_inventory

_SPLITS = (
    "task int, name string, path string, start long, end long, size long, modified long, "
    "etag string, deleted binary, magic string"
)
_SPLIT_COLUMNS = [column.split()[0] for column in _SPLITS.split(", ")]


def in_partitions(spark: SparkSession, rows: Sequence[tuple[Any, ...]], columns: str) -> DataFrame:
    """Return the rows as a frame. The first column numbers their partitions, from 0."""
    parts = max((row[0] for row in rows), default=0) + 1
    return spark.createDataFrame(rows, columns).repartitionById(parts, columns.split()[0])


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
