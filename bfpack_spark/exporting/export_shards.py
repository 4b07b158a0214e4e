"""Shards -> MESSAGES: a worker reads a shard and writes the same rows in a trainer's format, a row
group or a file at a time."""

import functools
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.exporting.rows import ShardEntry
from bfpack_spark.exporting.write_files import WRITERS, ExportSpec
from bfpack_spark.schema import MESSAGES, spark_ddl
from bfpack_spark.spark.messages import message
from bfpack_spark.spark.partitions import rows_of


def export_shards(entries: DataFrame, spec: ExportSpec) -> DataFrame:
    """Write each shard in the format of `spec`. In: rows of ShardEntry. Out: a message a shard,
    with its number and what its writer returns."""
    return entries.mapInArrow(functools.partial(write_exports, spec=spec), spark_ddl(MESSAGES))


def write_exports(
    batches: Iterator[pa.RecordBatch], *, spec: ExportSpec
) -> Iterator[pa.RecordBatch]:
    """Export the shards of a task, and yield the message of each."""
    for row in rows_of(batches):
        entry = ShardEntry(**row)
        yield message({"shard": entry.shard, **WRITERS[spec.form](entry, spec)})
