"""Parquet files, by name, as Spark's own reader gives them."""

import re
from functools import reduce
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.files.addresses import divide
from bfpack_spark.schema import spark_ddl

_PATTERN = re.compile(r"([\\{}\[\]*?])")  # where Spark sees one


def read_files(spark: SparkSession, paths: list[str], schema: pa.Schema | None = None) -> DataFrame:
    """The rows of Parquet files, whatever their names look like."""
    reader = spark.read if schema is None else spark.read.schema(spark_ddl(schema))
    told = [for_spark(path) for path in paths]
    if not any(_beyond_escapes(path) for path in told):
        return reader.parquet(*(_PATTERN.sub(r"\\\1", path) for path in told))
    # With patterns off (DataSource.GLOB_PATHS_KEY) Spark takes each path that looks like one for
    # all the paths that it is given; so it gets them one by one.
    plain = reader.option("__globPaths__", "false")
    return reduce(DataFrame.union, (plain.parquet(path) for path in told))


def for_spark(path: str) -> str:
    """The address as Spark takes it: it knows S3 as s3a://, takes a bare path for one in the
    cluster's own file system, and has options in its settings."""
    address = divide(path)
    if address.is_local:
        return f"file://{Path(address.key).absolute()}"
    scheme = {"s3": "s3a"}.get(address.scheme, address.scheme)
    return f"{scheme}://{address.authority}/{address.key}"


def _beyond_escapes(path: str) -> bool:
    """Hadoop opens a pattern name by name, and takes what is before a name's colon for a scheme."""
    return _PATTERN.search(path) is not None and ":" in path.partition("://")[2]
