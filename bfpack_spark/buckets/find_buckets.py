"""Finding which file holds which bucket, where a column tells the bucket: splits to BUCKETS."""

import functools

from pyspark.sql import DataFrame

from bfpack_spark.buckets.slices import read_buckets
from bfpack_spark.schema import BUCKETS, spark_ddl


def find_buckets(splits: DataFrame, input_format: str, column: str) -> DataFrame:
    """Return a row for every bucket and file that holds some of it. It takes one pass over the
    column (Parquet) or over the lines (JSONL)."""
    read = functools.partial(read_buckets, input_format=input_format, column=column)
    return splits.mapInArrow(read, spark_ddl(BUCKETS)).distinct()
