"""Parquet files, by their names, as Spark's own reader gives them."""

import re
from functools import reduce
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.files.addresses import divide
from bfpack_spark.schema import spark_ddl

_PATTERN = re.compile(r"([\\{}\[\]*?])")  # characters of a pattern, for Spark


def read_files(spark: SparkSession, paths: list[str], schema: pa.Schema | None = None) -> DataFrame:
    """Return the rows of Parquet files, whatever characters their names hold."""
    reader = spark.read if schema is None else spark.read.schema(spark_ddl(schema))
    told = [for_spark(path) for path in paths]
    if not any(_beyond_escapes(path) for path in told):
        return reader.parquet(*(_PATTERN.sub(r"\\\1", path) for path in told))
    # With patterns off (DataSource.GLOB_PATHS_KEY), Spark takes each path that looks like a pattern
    # for all the paths that it is given, so it gets them one by one.
    plain = reader.option("__globPaths__", "false")
    return reduce(DataFrame.union, (plain.parquet(path) for path in told))


def for_spark(path: str) -> str:
    """Return an address in the form that Spark takes: S3 is s3a://, a bare path would be one in the
    cluster's own file system, and the options of an address are in Spark's settings."""
    address = divide(path)
    if address.is_local:
        return f"file://{Path(address.key).absolute()}"
    scheme = {"s3": "s3a"}.get(address.scheme, address.scheme)
    return f"{scheme}://{address.authority}/{address.key}"


def _beyond_escapes(path: str) -> bool:
    """Return whether escapes do not help for this path. Hadoop opens a pattern name by name, and
    takes what stands before a colon in a name for a scheme."""
    return _PATTERN.search(path) is not None and ":" in path.partition("://")[2]
