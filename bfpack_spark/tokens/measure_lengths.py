"""Stage 2, token files -> MEASURED: the number of documents of each length. No token is read.

The histogram gives the number of sequences, the lower bound and what is cut, for any seq_len
(core.accounting), before anything is packed. Workers read the column of lengths. Of a large store,
one worker adds up what the others counted, so that the driver never holds many blocks.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.schema import MEASURED, blocks_of, spark_ddl
from bfpack_spark.spark.blocks import from_blocks, to_blocks
from bfpack_spark.spark.partitions import to_partitions
from bfpack_spark.tokens.token_files import read_lengths

_BLOCKS_MAX = 64  # that come to the driver, each of up to a MB; one more step costs 0.3 s of CPU
_THREADS = 8  # a small read from a store is mostly waiting
_COUNTED_BELOW = 1 << 20  # lengths that are counted by place: 2 ns a document, else 15
_EMPTY = np.empty(0, np.int32)
_BLOCKS = spark_ddl(blocks_of(MEASURED, "part"))


def measure_lengths(
    sources: DataFrame, num_tasks: int, *, blocks_max: int = _BLOCKS_MAX
) -> DataFrame:
    """Return at most `blocks_max` blocks of MEASURED. sources: files_frame of the token files, in
    so many tasks."""
    counted = sources.mapInArrow(_count, _BLOCKS)
    if num_tasks <= blocks_max:
        return counted
    return to_partitions(counted, 1, "part").mapInArrow(_add_up, _BLOCKS)


def count_lengths(path: str) -> Histogram:
    """Return the documents of a token file by length in tokens."""
    lengths = np.concatenate([_EMPTY, *map(_ints, read_lengths(path).chunks)])
    if len(lengths) and lengths.max() < _COUNTED_BELOW:
        return Histogram.of_counts(np.bincount(lengths))
    values, counts = np.unique(lengths.astype(np.int64), return_counts=True)
    return Histogram(values=values, counts=counts)


def _ints(chunk: pa.Array) -> npt.NDArray[np.int32]:
    """Return the values of an array without nulls, which are not copied."""
    return np.frombuffer(chunk.buffers()[1], np.int32, len(chunk), chunk.offset * 4)


def measured(blocks: list[pa.RecordBatch]) -> Histogram:
    """Return the histogram that blocks of MEASURED hold."""
    rows = from_blocks(blocks, MEASURED, ["length", "num_documents"])
    lengths, counts = (rows.column(name).to_numpy() for name in rows.column_names)
    return Histogram.merged([Histogram(values=lengths, counts=counts)])


def _count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    paths = (path for batch in batches for path in batch.column("path").to_pylist())
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from _as_block(pool.map(count_lengths, paths))


def _add_up(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from _as_block(measured([batch]) for batch in batches)


def _as_block(parts: Iterator[Histogram]) -> Iterator[pa.RecordBatch]:
    """Yield the sum of the parts, of which only one is held at a time, unless it is empty."""
    total = Histogram.merged([])
    for part in parts:
        total = Histogram.merged([total, part])
    if len(total.values):
        columns = {
            "part": np.zeros(len(total.values), np.int32),
            "length": total.values,
            "num_documents": total.counts,
        }
        yield to_blocks(pa.table(columns), MEASURED, "part")
