"""Our files as Spark's own reader is told them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from bfpack_spark.spark.spark_files import for_spark, read_files

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


@pytest.mark.parametrize("name", NAMES)
def test_spark_reads_files_in_a_folder_of_any_name(
    name: str, spark: SparkSession, tmp_path: Path
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for number in range(3):
        pq.write_table(pa.table({"doc_id": [str(number)]}), folder / f"part-{number}.parquet")
    paths = [f"{folder}/part-{number}.parquet" for number in (0, 2)]
    rows = read_files(spark, paths).collect()
    assert sorted(row["doc_id"] for row in rows) == ["0", "2"]
