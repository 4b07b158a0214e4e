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


class Broken:
    """A session whose jobs cannot be made. It keeps for how many workers one was asked."""

    def __init__(self, **more: Any) -> None:
        self.asked: list[int] = []
        vars(self).update(more)

    def range(self, *_: object, **more: int) -> None:
        self.asked.append(more["numPartitions"])
        raise ValueError("no job")


def in_process(master: str, cores: int = 2) -> SimpleNamespace:
    said = {"getLocalProperty": lambda _: None, "setLocalProperty": lambda *_: None}
    said["setJobGroup"] = lambda *_: None
    return SimpleNamespace(master=master, defaultParallelism=cores, **said)


def asked_of(session: Any) -> list[int]:
    with workers_start(session, "web: start workers"):
        pass
    return list(session.asked)


def test_nothing_is_started_on_a_cluster_or_by_spark_connect() -> None:
    assert asked_of(Broken(sparkContext=in_process("yarn"))) == []
    assert asked_of(Broken(sparkContext=in_process("spark://host:7077"))) == []
    assert asked_of(Broken()) == []  # a session of Spark Connect has no context


@pytest.mark.parametrize(("cores", "workers"), [(2, 2), (64, 4)])
def test_what_goes_wrong_is_left_to_the_job_that_needs_the_workers(
    cores: int, workers: int
) -> None:
    assert asked_of(Broken(sparkContext=in_process("local[*]", cores))) == [workers]
