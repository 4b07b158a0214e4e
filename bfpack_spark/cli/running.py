"""The work of a command on each of the buckets that it is given."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pyspark.sql import SparkSession

from bfpack_spark.buckets.find_slices import FindSlice, find_slices
from bfpack_spark.cli.each_bucket import Outcome, run_each
from bfpack_spark.config import Settings
from bfpack_spark.delta.publish import check_delta
from bfpack_spark.spark.session import get_session


def run_each_slice(
    act: Callable[[SparkSession, Settings, str, FindSlice], Any], settings: Settings
) -> list[Outcome]:
    """Work on one bucket of the input after another, and return their outcomes."""
    settings.need("output")
    spark = session_of(settings)
    found = find_slices(spark, settings)
    return run_each(
        (name, partial(act, spark, settings, name, find)) for name, find in found.items()
    )


def run_each_named(
    act: Callable[[SparkSession, Settings, str], Any], settings: Settings
) -> list[Outcome]:
    settings.need("seq_len")
    settings.need("output")
    names = settings.need("bucket")
    spark = session_of(settings)
    return run_each((name, partial(act, spark, settings, name)) for name in names)


def session_of(settings: Settings) -> SparkSession:
    spark = get_session(settings.spark)
    check_delta(spark, settings)
    return spark
