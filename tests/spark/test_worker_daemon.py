"""The parent of Python workers."""

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
