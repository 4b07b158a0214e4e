"""Rows that the driver knows go to the task that is to have them."""

import pytest
from pyspark.sql import SparkSession

from bfpack_spark.spark.partitions import files_frame, in_partitions


def test_a_row_lies_in_the_partition_that_it_names(spark: SparkSession) -> None:
    rows = [(2, "c"), (0, "a"), (2, "d")]
    frame = in_partitions(spark, rows, "number int, name string")
    found = [sorted(row["name"] for row in part) for part in frame.rdd.glom().collect()]
    assert found == [["a"], [], ["c", "d"]]


def test_no_rows_are_one_empty_partition(spark: SparkSession) -> None:
    frame = in_partitions(spark, [], "number int, name string")
    assert frame.rdd.glom().collect() == [[]]


@pytest.mark.parametrize(("files", "parts"), [(0, 1), (3, 3), (65, 64), (1000, 125)])
def test_many_files_share_a_task_and_few_have_one_each(
    files: int, parts: int, spark: SparkSession
) -> None:
    frame = files_frame(spark, {"plan": [], "documents": [f"f{n}" for n in range(files)]})
    assert frame.rdd.getNumPartitions() == parts
    held = frame.rdd.glom().map(len).collect()
    assert sum(held) == files
    assert max(held) - min(held) <= 1
    assert {row.path: row.file for row in frame.collect()} == {f"f{n}": n for n in range(files)}
