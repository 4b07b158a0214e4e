"""Python workers that start while the driver is busy by itself.

In a session of one machine, the first job with Python takes a second or two until its workers run,
and until the JVM has loaded what moves rows to them and back.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pyarrow as pa
from pyspark.sql import SparkSession

from bfpack_spark.spark.progress import described
from bfpack_spark.spark.versions import context_of

_WORKERS_MAX = 4


@contextmanager
def workers_start(spark: SparkSession, title: str) -> Iterator[None]:
    """Start a few Python workers during what is done inside, under this title: their parent, and
    what the JVM loads, cost more than each of them. On a cluster, whose executors may be many or
    not there yet, nothing is started."""
    context = context_of(spark)
    if context is None or not str(context.master).startswith("local"):
        yield
        return
    num_workers = min(context.defaultParallelism, _WORKERS_MAX)
    starting = threading.Thread(
        target=_start, args=(spark, title, num_workers), name=title, daemon=True
    )
    starting.start()
    yield  # an error inside is not kept waiting
    starting.join()


def _start(spark: SparkSession, title: str, num_workers: int) -> None:
    # A fault of workers is found, and told, by the job that needs them.
    with suppress(Exception), described(spark, title):
        spark.range(num_workers, numPartitions=num_workers).mapInArrow(_same, "id long").collect()


def _same(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches
