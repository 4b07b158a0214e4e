"""verify, shards -> SCANNED_SEGMENTS: a row a segment. They are joined with the plan or the token
store if the sums differ. Shards that cannot be read are left out, since sum_shards names them."""

import functools
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.schema import SCANNED_SEGMENTS, spark_ddl
from bfpack_spark.verifying.listed_files import listed_files
from bfpack_spark.verifying.shard_rows import ShardRules, read_shard


def scan_shards(entries: DataFrame, rules: ShardRules) -> DataFrame:
    """Return SCANNED_SEGMENTS. In: the manifest's entries of shards, with `first`."""
    return entries.mapInArrow(functools.partial(_scan, rules=rules), spark_ddl(SCANNED_SEGMENTS))


def _scan(batches: Iterator[pa.RecordBatch], *, rules: ShardRules) -> Iterator[pa.RecordBatch]:
    for entry in listed_files(batches):
        parts = read_shard(entry, rules)
        yield from (part.segments for part in parts if part.segments is not None)
