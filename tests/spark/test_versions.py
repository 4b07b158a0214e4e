"""What is asked of a session beside its public interface, on whatever version of Spark this is."""

import logging
from types import SimpleNamespace
from typing import Any

import pyspark
import pytest
from pyspark.sql import SparkSession

from bfpack_spark.errors import InputError
from bfpack_spark.spark.failures import context_has_stopped, why_jvm_ended
from bfpack_spark.spark.session import get_session
from bfpack_spark.spark.starting_jvm import keep_quiet_of_lost_jvm
from bfpack_spark.spark.versions import check_release, context_of, release_of

BYTES = "spark.sql.execution.arrow.maxBytesPerBatch"
RECORDS = "spark.sql.execution.arrow.maxRecordsPerBatch"


def of_version(version: str) -> Any:
    return SimpleNamespace(version=version, sparkContext="of this process")


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("3.5.0", (3, 5)),
        ("3.5.1.5.4.20240407", (3, 5)),
        ("4.10.0-SNAPSHOT", (4, 10)),
        (pyspark.__version__, tuple(map(int, pyspark.__version__.split(".")[:2]))),
    ],
)
def test_a_release_is_the_first_two_numbers(version: str, release: tuple[int, int]) -> None:
    assert release_of(version) == release


def test_a_spark_that_is_too_old_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match=r"^Spark 3\.4\.4: is too old; .* 3\.5 to 4\.\d$"):
        check_release(of_version("3.4.4"))


def test_spark_connect_is_taken_from_4_on() -> None:
    with pytest.raises(InputError, match=r"^Spark Connect 3\.5\.9: .* or Spark 4\.0 or newer$"):
        check_release(SimpleNamespace(version="3.5.9"))  # type: ignore[arg-type]
    if pyspark.__version__ >= "4":
        check_release(SimpleNamespace(version="4.0.0"))  # type: ignore[arg-type]


def test_a_spark_that_was_never_tried_is_said_and_taken(caplog: pytest.LogCaptureFixture) -> None:
    check_release(of_version("3.5.0"))
    check_release(of_version(pyspark.__version__))
    assert not caplog.records
    check_release(of_version("4.99.0"))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("Spark 4.99.0 was never tried")


def test_a_session_of_this_process_has_a_context_that_runs(spark: SparkSession) -> None:
    assert context_of(spark) is spark.sparkContext
    assert not context_has_stopped()
    assert why_jvm_ended(0.01) is None


def test_batches_of_workers_are_limited_in_bytes_or_else_in_rows(spark: SparkSession) -> None:
    get_session({})
    limited = spark.conf.get(RECORDS) == "64"
    assert limited != (spark.conf.get(BYTES, None) == str(16 << 20))
    assert limited == (release_of(spark.version) < (4, 0))


def test_a_lost_jvm_makes_no_traceback_of_accumulators(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    server = spark.sparkContext._accumulatorServer  # type: ignore[attr-defined]
    kept, server.handle_error = vars(server).get("handle_error"), print
    try:
        keep_quiet_of_lost_jvm(spark.sparkContext)
        server.handle_error(None, ("127.0.0.1", 1))
    finally:
        server.handle_error = kept
    assert kept is not None  # so it is in sessions that bfpack starts
    assert capsys.readouterr() == ("", "")
