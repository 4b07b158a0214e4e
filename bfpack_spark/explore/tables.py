"""The tables of a packing as Spark reads them, for SQL. Any session will do, also one of Spark
Connect."""

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.schema import PLAN, TOKENS
from bfpack_spark.spark.spark_files import read_files
from bfpack_spark.tokens.token_store import open_token_store
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import FileKind
from bfpack_spark.versions.publication import Home


def plan_table(
    spark: SparkSession, output: str | Path, bucket: str, seq_len: int, version: str | None = None
) -> DataFrame:
    """Return PLAN, a row a fragment: sequence_id, position, offset, doc_id, start, length,
    group."""
    return read_files(spark, _paths(output, bucket, seq_len, version, "plan"), PLAN)


def sequences_table(
    spark: SparkSession, output: str | Path, bucket: str, seq_len: int, version: str | None = None
) -> DataFrame:
    """Return SEQUENCES, a row a sequence (sequences/README.md)."""
    return read_files(spark, _paths(output, bucket, seq_len, version, "shards"))


def lengths_table(
    spark: SparkSession, output: str | Path, bucket: str, version: str | None = None
) -> DataFrame:
    """Return doc_id and length of every document. The tokens are not read."""
    store = open_token_store(output, bucket, version)
    return read_files(spark, store.paths, TOKENS).select("doc_id", "length")


def _paths(
    output: str | Path, bucket: str, seq_len: int, version: str | None, kind: FileKind
) -> list[str]:
    home = Home(output=str(output), bucket=bucket, seq_len=seq_len)
    directory, manifest = publication.current(home, version)
    return [f"{directory}/{entry.path}" for entry in manifest.files_of(kind)]
