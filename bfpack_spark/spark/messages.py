"""Messages from workers to the driver, one a file or partition: files written, counts, faults."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.schema import MESSAGES, plain, spark_ddl

Writer: TypeAlias = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def message(content: dict[str, Any]) -> pa.RecordBatch:
    """Return a message as the one row that a worker sends."""
    return pa.RecordBatch.from_pydict({"message": [json.dumps(content)]}, schema=plain(MESSAGES))


def write_partitions(table: DataFrame, writer: Writer) -> list[dict[str, Any]]:
    """Write every partition by `writer`, in the workers, and return the messages."""
    return collect_messages(table.mapInArrow(writer, spark_ddl(MESSAGES)))


def collect_messages(messages: DataFrame) -> list[dict[str, Any]]:
    """Run the job and return its messages. Spark hands over the result of one successful attempt
    for each partition, even if others were retried or killed."""
    return [json.loads(row["message"]) for row in messages.collect()]
