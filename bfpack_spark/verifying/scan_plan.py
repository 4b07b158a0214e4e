"""verify, plan files -> PLAN: a row a fragment. It is joined with the shards if the sums differ."""

import functools
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.plan.plan_files import read_plan_file
from bfpack_spark.schema import PLAN, spark_ddl
from bfpack_spark.verifying.listed_files import listed_files


def scan_plan(entries: DataFrame, root: str) -> DataFrame:
    """Return PLAN. In: the manifest's entries of the plan, which lie below `root`."""
    return entries.mapInArrow(functools.partial(_scan, root=root), spark_ddl(PLAN))


def _scan(batches: Iterator[pa.RecordBatch], *, root: str) -> Iterator[pa.RecordBatch]:
    for entry in listed_files(batches):
        for table in read_plan_file(f"{root}/{entry.path}"):
            yield from table.to_batches()
