"""Python workers that start while the driver is busy. That they do is told by the events of a run
(test_progress.py)."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from bfpack_spark.spark.starting_workers import workers_start


def test_an_error_meanwhile_is_that_of_the_driver(spark: SparkSession) -> None:
    with pytest.raises(KeyboardInterrupt), workers_start(spark, "web: start workers"):
        raise KeyboardInterrupt
    for thread in threading.enumerate():
        if thread.name == "web: start workers":
            thread.join()  # its job is not one of the next test


@pytest.mark.parametrize("given", [{"sparkContext": SimpleNamespace(master="yarn")}, {}])
def test_nothing_is_started_on_a_cluster_or_by_spark_connect(given: dict[str, Any]) -> None:
    with workers_start(SimpleNamespace(**given), "web: start workers"):  # type: ignore[arg-type]
        pass  # such a session has nothing to start by


def test_what_goes_wrong_is_left_to_the_job_that_needs_the_workers() -> None:
    local = SimpleNamespace(master="local[2]", defaultParallelism=2)
    with workers_start(SimpleNamespace(sparkContext=local), "web: start workers"):  # type: ignore[arg-type]
        pass
