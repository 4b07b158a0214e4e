"""The work of a command on each of the buckets that it is given."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.buckets.find_slices import FindSlice, find_slices
from bfpack_spark.cli.each_bucket import Outcome, run_each
from bfpack_spark.config import Settings
from bfpack_spark.delta.publish import check_delta
from bfpack_spark.printable import one_line
from bfpack_spark.spark.progress import described
from bfpack_spark.spark.session import Meanwhile, get_session, with_settings
from bfpack_spark.tokenizing.tokenizer_file import read_vocabulary
from bfpack_spark.tokens.look_at import look_at
from bfpack_spark.tokens.make_tokens import engines_ahead
from bfpack_spark.tokens.source import Source
from bfpack_spark.versions.on_disk import buckets_in


def run_each_slice(
    act: Callable[[SparkSession, Settings, Source], Any],
    settings: Settings,
    frame: DataFrame | None = None,
) -> list[Outcome]:
    """Work on one bucket of the input after another, and return their outcomes. Mistakes that need
    no Spark are found before it starts, once for all buckets. `frame`: read for --input."""
    settings.need("output")
    if frame is None:
        settings.need("input")
    vocabulary = read_vocabulary(settings)
    spark: SparkSession | None = None

    def session(meanwhile: Meanwhile | None = None) -> SparkSession:
        nonlocal spark
        if spark is None:
            spark = session_of(settings, frame, meanwhile)
        return spark

    slices = find_slices(session, settings, frame)
    if len(slices) == 1:
        ((name, find),) = slices.items()
        source = look_at(settings, name, find, vocabulary)
        started = session(partial(engines_ahead, settings, source))
        return run_each([(name, lambda: _described(act, started, settings, name, source))])
    session()

    def look_and_act(name: str, find: FindSlice) -> Any:
        source = look_at(settings, name, find, vocabulary)
        return _described(act, session(), settings, name, source)

    return run_each((name, partial(look_and_act, name, find)) for name, find in slices.items())


def run_each_named(
    act: Callable[[SparkSession, Settings, str], Any],
    settings: Settings,
    frame: DataFrame | None = None,
) -> list[Outcome]:
    """Work on the buckets of the output that are named, or on all. `frame`: read for --input."""
    names = settings.bucket or buckets_in(settings.need("output"))
    spark = session_of(settings, frame)
    return run_each((name, partial(_described, act, spark, settings, name, name)) for name in names)


def _described(
    act: Callable[[SparkSession, Settings, Any], Any],
    spark: SparkSession,
    settings: Settings,
    bucket: str,
    subject: Any,
) -> Any:
    """Work on a bucket. Spark jobs between the stages are named by bucket and command; from Python
    there is no command."""
    context = click.get_current_context(silent=True)
    command = context.info_name if context else "bfpack"
    with described(spark, one_line(f"{bucket}: {command}")):
        return act(spark, settings, subject)


def session_of(
    settings: Settings,
    frame: DataFrame | None = None,
    meanwhile: Meanwhile | None = None,
) -> SparkSession:
    """Return the session of a run: that of the frame which it reads, if there is one. `meanwhile`:
    what is done while a new session starts."""
    given = None if frame is None else with_settings(frame.sparkSession, settings.spark)
    spark = given or get_session(settings.spark, meanwhile)
    check_delta(spark, settings)
    return spark
