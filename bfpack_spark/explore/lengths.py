"""The documents of a token store by length, counted in workers or in this process alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
from pyspark.sql import SparkSession

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.tasks import TASKS
from bfpack_spark.files import access
from bfpack_spark.schema import MEASURED, blocks_of, plain
from bfpack_spark.spark.partitions import files_frame
from bfpack_spark.tokens.measure_lengths import count_lengths, measure_lengths, measured
from bfpack_spark.tokens.token_store import TokenStore, open_token_store

_THREADS = 16  # a small read from a store is mostly waiting
_LOCAL_THREADS = 4  # on a disk it is not, and more threads wait for each other


def length_histogram(spark: SparkSession, store: TokenStore) -> Histogram:
    """Return the documents of a token store by length in tokens, ascending. They are counted in
    the workers."""
    num_tasks = TASKS.num_measures(len(store.paths))
    sources = files_frame(spark, {"documents": store.paths}, num_tasks)
    rows = [row.asDict() for row in measure_lengths(sources, num_tasks).collect()]
    schema = plain(blocks_of(MEASURED, "part"))
    return measured([pa.RecordBatch.from_pylist(rows, schema=schema)])


def read_histogram(output: str | Path, bucket: str, version: str | None = None) -> Histogram:
    """Return the same histogram for a bucket, read without Spark. The tokens are not read. Raise
    InputError if there is no token store."""
    output = str(output)
    store = open_token_store(output, bucket, version)
    is_local = isinstance(access.locate(output)[0], pafs.LocalFileSystem)
    threads = _LOCAL_THREADS if is_local else _THREADS
    with ThreadPoolExecutor(threads) as pool:
        return Histogram.merged(pool.map(count_lengths, store.paths))
