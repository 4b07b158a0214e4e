"""One message a file or partition from the workers to the driver: files written, counts, faults."""

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.schema import MESSAGES, plain, spark_ddl

Writer: TypeAlias = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def message(content: dict[str, Any]) -> pa.RecordBatch:
    """A worker's one row."""
    return pa.RecordBatch.from_pydict({"message": [json.dumps(content)]}, schema=plain(MESSAGES))


def make_and_write(table: DataFrame, make: Writer, write: Writer) -> DataFrame:
    """MESSAGES of `write`, which is given what `make` makes of each partition in the same worker.

    As two steps, all that is made would go to the JVM and back in between.
    """
    return table.mapInArrow(functools.partial(_chain, make=make, write=write), spark_ddl(MESSAGES))


def _chain(
    batches: Iterator[pa.RecordBatch], *, make: Writer, write: Writer
) -> Iterator[pa.RecordBatch]:
    yield from write(make(batches))


def write_partitions(table: DataFrame, writer: Writer) -> list[dict[str, Any]]:
    """Write every partition by `writer`, in the workers; its messages."""
    return collect_messages(table.mapInArrow(writer, spark_ddl(MESSAGES)))


def collect_messages(messages: DataFrame) -> list[dict[str, Any]]:
    """Run it. Spark hands over the result of one successful attempt a partition, whatever was
    retried or killed on the way."""
    return [json.loads(row["message"]) for row in messages.collect()]
