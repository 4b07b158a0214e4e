"""Token files -> MESSAGES: how many documents lie in the stretches of lengths that have several.

It is only needed where very many documents have one length. A pass over the lengths and ids of the
token files costs about a microsecond a document.
"""

import functools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.core.stretches import Stretches
from bfpack_spark.plan.hashed_documents import hashed
from bfpack_spark.schema import MESSAGES, spark_ddl
from bfpack_spark.spark.messages import message
from bfpack_spark.tokens.token_places import Keep


def count_stretches(
    sources: DataFrame, stretches: Stretches, seed: int, keep: Keep | None = None
) -> DataFrame:
    """Return messages for `stretches.counted`: the documents in the stretches of lengths that have
    several. The arguments are those of group_documents."""
    worker = functools.partial(_count, stretches=stretches, seed=seed, keep=keep)
    return sources.mapInArrow(worker, spark_ddl(MESSAGES))


def _count(
    batches: Iterator[pa.RecordBatch], *, stretches: Stretches, seed: int, keep: Keep | None
) -> Iterator[pa.RecordBatch]:
    for table in hashed(batches, seed, keep):
        length, doc_hash = (table.column(name).to_numpy() for name in ("length", "doc_hash"))
        own = stretches.in_parts(length)
        numbers, sizes = np.unique(stretches.of(length[own], doc_hash[own]), return_counts=True)
        yield message({str(n): int(size) for n, size in zip(numbers, sizes, strict=True)})
