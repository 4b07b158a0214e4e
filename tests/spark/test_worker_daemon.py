"""The parent of Python workers."""

import gc
import os

import psutil
from pyspark.sql import SparkSession


def test_workers_are_forked_from_who_has_imported_what_they_need(
    spark: SparkSession,
) -> None:
    def libraries_of_parent(_: object) -> list[str]:
        return [held.path for held in psutil.Process(os.getppid()).memory_maps()]

    libraries = "\n".join(spark.sparkContext.parallelize([0], 1).map(libraries_of_parent).first())
    for name in ("/numpy/", "/pandas/", "/pyarrow/_parquet", "/fastokens/", "/tokenizers/"):
        assert name in libraries


def test_what_was_imported_before_is_never_looked_through_for_garbage(spark: SparkSession) -> None:
    def num_frozen(_: object) -> int:
        return gc.get_freeze_count()

    assert spark.sparkContext.parallelize([0], 1).map(num_frozen).first() > 10_000
