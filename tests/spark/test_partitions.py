"""Rows that the driver knows go to the task that is to have them."""

from collections import Counter

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.spark.partitions import files_frame, in_partitions, rows_of


def test_a_row_lies_in_the_partition_that_it_names(spark: SparkSession, either_way: str) -> None:
    rows = [(2, "c"), (0, "a"), (2, "d")]
    frame = in_partitions(spark, rows, "number int, name string")
    found = [sorted(row["name"] for row in part) for part in frame.rdd.glom().collect()]
    assert found == [["a"], [], ["c", "d"]]


def test_each_of_many_partitions_has_its_row(spark: SparkSession, either_way: str) -> None:
    frame = in_partitions(spark, [(number, number) for number in range(300)], "n int, row int")
    found = frame.select(sf.spark_partition_id(), "row").collect()
    assert [tuple(row) for row in found] == [(number, number) for number in range(300)]


def test_rows_are_in_one_order_however_they_came() -> None:
    rows = [{"name": name, "start": start} for name, start in [(None, 2), ("a", 3), ("a", 20)]]
    one, other = (
        [pa.RecordBatch.from_pylist([rows[n]]) for n in order] for order in ([2, 0, 1], [1, 2, 0])
    )
    assert rows_of(iter(one)) == rows_of(iter(other)) == rows


def test_no_rows_are_one_empty_partition(spark: SparkSession) -> None:
    frame = in_partitions(spark, [], "number int, name string")
    assert frame.rdd.glom().collect() == [[]]


@pytest.mark.parametrize(("files", "parts"), [(0, 1), (3, 3), (65, 64), (1000, 125)])
def test_many_files_share_a_task_and_few_have_one_each(
    files: int, parts: int, spark: SparkSession
) -> None:
    frame = files_frame(spark, {"plan": [], "documents": [f"f{n}" for n in range(files)]})
    assert frame.rdd.getNumPartitions() == parts
    rows = frame.select(sf.spark_partition_id().alias("part"), "path", "file").collect()
    held = Counter(row.part for row in rows)
    assert max(held.values(), default=0) - min(held[part] for part in range(parts)) <= 1
    assert {row.path: row.file for row in rows} == {f"f{n}": n for n in range(files)}
    assert len(rows) == files
