"""Before the stages, where a column tells the bucket: splits -> BUCKETS, which file holds which."""

import functools

from pyspark.sql import DataFrame

from bfpack_spark.buckets.slices import read_buckets
from bfpack_spark.schema import BUCKETS, spark_ddl


def find_buckets(splits: DataFrame, input_format: str, column: str) -> DataFrame:
    """A row for every bucket and file with some of it; one pass over the column (Parquet) or over
    the lines (JSONL)."""
    read = functools.partial(read_buckets, input_format=input_format, column=column)
    return splits.mapInArrow(read, spark_ddl(BUCKETS)).distinct()
