"""What a stage costs is measured where it is spent."""

import time
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from bfpack_spark.spark.costs import StageCost, metered
from bfpack_spark.spark.partitions import in_partitions

BURNT = 0.5  # seconds of CPU


def burner() -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Made in a function, it is sent to the workers whole: they cannot import this file."""

    def burn(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        until = time.process_time() + BURNT
        while time.process_time() < until:
            pass
        yield from batches

    return burn


def test_cpu_of_python_workers_counts_and_tasks_beside_each_other_add_up(
    spark: SparkSession,
) -> None:
    costs: list[StageCost] = []
    with metered(spark, costs, "burn", 7):
        tasks = in_partitions(spark, [(0,), (1,)], "id int")
        rows = tasks.mapInArrow(burner(), "id int").collect()
    assert len(rows) == 2
    (cost,) = costs
    assert (cost.stage, cost.seq_len) == ("burn", 7)
    assert cost.cpu_seconds is not None
    assert cost.task_seconds is not None
    assert cost.cpu_seconds >= 2 * BURNT * 0.9
    assert cost.task_seconds >= 2 * BURNT * 0.9
    assert cost.seconds >= BURNT * 0.9


def test_tasks_of_earlier_stages_do_not_count(spark: SparkSession) -> None:
    spark.range(2).mapInArrow(burner(), "id long").collect()
    costs: list[StageCost] = []
    with metered(spark, costs, "nothing"):
        pass
    assert costs[0].task_seconds == 0


def test_a_stage_that_fails_costs_nothing(spark: SparkSession) -> None:
    costs: list[StageCost] = []
    with pytest.raises(RuntimeError), metered(spark, costs, "fails"):
        raise RuntimeError("as it was told")
    assert costs == []
