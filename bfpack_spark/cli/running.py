"""The work of a command on each of the buckets that it is given."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pyspark.sql import SparkSession

from bfpack_spark.buckets.find_slices import FindSlice, find_slices
from bfpack_spark.cli.each_bucket import Outcome, run_each
from bfpack_spark.config import Settings
from bfpack_spark.delta.publish import check_delta
from bfpack_spark.errors import InputError
from bfpack_spark.explore.lengths import buckets_in
from bfpack_spark.spark.session import get_session


def run_each_slice(
    act: Callable[[SparkSession, Settings, str, FindSlice], Any], settings: Settings
) -> list[Outcome]:
    """Work on one bucket of the input after another, and return their outcomes."""
    settings.need("output")
    spark = session_of(settings)
    finders = find_slices(spark, settings)
    return run_each(
        (name, partial(act, spark, settings, name, find)) for name, find in finders.items()
    )


def run_each_named(
    act: Callable[[SparkSession, Settings, str], Any], settings: Settings
) -> list[Outcome]:
    """Work on one bucket of the output after another: on those that are named, or on all."""
    settings.need("seq_len")
    names = settings.bucket or buckets_in(settings.need("output"))
    spark = session_of(settings)
    return run_each((name, partial(act, spark, settings, name)) for name in names)


def only_bucket(settings: Settings) -> str:
    """Return the bucket that is named, or the only one of the output. Raise InputError if there
    are several."""
    names = settings.bucket or buckets_in(settings.need("output"))
    if len(names) > 1:
        where = "are named" if settings.bucket else f"are in {settings.output}"
        raise InputError(f"--bucket: {len(names)} {where}; name one of {', '.join(names)}")
    return names[0]


def only_seq_len(settings: Settings) -> int:
    """Return the seq_len that is given. Raise InputError if there are several."""
    lengths = settings.need("seq_len")
    if len(lengths) > 1:
        named = ", ".join(map(str, lengths))
        raise InputError(f"--seq-len: {len(lengths)} are given; give one of {named}")
    return int(lengths[0])


def session_of(settings: Settings) -> SparkSession:
    spark = get_session(settings.spark)
    check_delta(spark, settings)
    return spark
