"""Parquet files, by name, as Spark's own reader gives them."""

from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.addresses import divide
from bfpack_spark.schema import spark_ddl


def read_files(spark: SparkSession, paths: list[str], schema: pa.Schema | None = None) -> DataFrame:
    """The rows of Parquet files. Their names are names, not patterns: with patterns on, no escape
    brings Hadoop to open a name that holds both a colon and a bracket."""
    reader = spark.read.option("__globPaths__", "false")  # DataSource.GLOB_PATHS_KEY
    if schema is not None:
        reader = reader.schema(spark_ddl(schema))
    return reader.parquet(*map(for_spark, paths))


def for_spark(path: str) -> str:
    """The address as Spark takes it: it knows S3 as s3a://, takes a bare path for one in the
    cluster's own file system, and has options in its settings."""
    address = divide(path)
    if address.is_local:
        return f"file://{Path(address.key).absolute()}"
    scheme = {"s3": "s3a"}.get(address.scheme, address.scheme)
    return f"{scheme}://{address.authority}/{address.key}"
