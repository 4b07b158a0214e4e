"""Rows that the driver knows go to the task that is to have them."""

import os
from collections import Counter
from collections.abc import Iterator

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


def test_all_rows_are_with_workers_of_one_parent(spark: SparkSession, either_way: str) -> None:
    """A second parent would import all again, and load what the first one has."""

    def parent(_: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pydict({"parent": pa.array([os.getppid()], pa.int64())})

    frames = spark.range(1), in_partitions(spark, [(0, "a")], "number int, name string")
    one, other = (frame.mapInArrow(parent, "parent long").first() for frame in frames)
    assert one == other


def test_structs_and_nulls_are_rows_too(spark: SparkSession) -> None:
    columns = "number int, name string, files array<struct<path: string, bytes: bigint>>"
    rows = [(0, None, []), (1, "b", [{"path": "x", "bytes": 1 << 40}]), (1, None, None)]
    held = [row.asDict(recursive=True) for row in in_partitions(spark, rows, columns).collect()]
    names = ("number", "name", "files")
    found = (tuple(row[name] for name in names) for row in held)
    assert sorted(found, key=str) == sorted(rows, key=str)


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
