"""Our files as Spark's own reader is told them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from bfpack_spark.storage.spark_files import for_spark, read_files

NAMES = (
    *("a%41", "q?x", "h#1", "s p", "c:d", "é", "%2F", "back\\s", "{a,b}", "[x]*"),
    *("ts=2024-01-01 00%3A00", "ts=2024-01-01 00:00", "c:[x]d?", "{a}:b"),
)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("s3://b/out/part-{1}", "s3a://b/out/part-{1}"),
        ("s3a://b/out", "s3a://b/out"),
        ("gs://b/s3://x", "gs://b/s3://x"),
        ("/data/a*b", "file:///data/a*b"),
        ("file:///data/a%41", "file:///data/a%41"),
        ("s3://b?region=x/out#1", "s3a://b/out#1"),
        ("abfss://c@account/out", "abfss://c@account/out"),
    ],
)
def test_spark_is_told_s3_as_s3a_local_files_as_such_and_no_options(path: str, told: str) -> None:
    assert for_spark(path) == told


def test_spark_reads_files_in_folders_of_any_name(spark: SparkSession, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).mkdir()
        pq.write_table(pa.table({"doc_id": [name]}), tmp_path / name / "part-0.parquet")
    paths = [f"{tmp_path}/{name}/part-0.parquet" for name in NAMES]
    rows = read_files(spark, paths).collect()
    assert sorted(row["doc_id"] for row in rows) == sorted(NAMES)
