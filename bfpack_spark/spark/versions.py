"""What a session is: its version of Spark, and whether it is one of Spark Connect."""

import re
from typing import TypeAlias

import pyspark
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from bfpack_spark.errors import InputError
from bfpack_spark.logs import log

Release: TypeAlias = tuple[int, int]

_OLDEST, _NEWEST = (3, 5), (4, 3)  # of those that `make test-versions` runs
_OLDEST_CONNECT = (4, 0)


def release_of(version: str) -> Release:
    """Return the release that a version belongs to; makers of clusters add numbers of their own.

    "4.1.4" -> (4, 1); "3.5.1.5.4.20240407" -> (3, 5)
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    assert found, f"Spark calls its version {version!r}"
    return int(found[1]), int(found[2])


def check_release(spark: SparkSession) -> None:
    """Raise InputError if the session's Spark, or its client of Spark Connect, is too old. Warn if
    it is newer than all that were tried."""
    oldest, newest = (".".join(map(str, release)) for release in (_OLDEST, _NEWEST))
    if release_of(spark.version) < _OLDEST:
        raise InputError(
            f"Spark {spark.version}: is too old; take a cluster with Spark {oldest} to {newest}"
        )
    older = min(spark.version, pyspark.__version__, key=release_of)  # of server and client
    if context_of(spark) is None and release_of(older) < _OLDEST_CONNECT:
        raise InputError(
            f"Spark Connect {older}: was never tried before 4.0; take a session on the cluster "
            "itself, as by spark-submit, or Spark 4.0 or newer"
        )
    if release_of(spark.version) > _NEWEST:
        log.warning("Spark %s was never tried: %s to %s were", spark.version, oldest, newest)


def context_of(spark: SparkSession) -> SparkContext | None:
    """Return the session's context in this process, or None under Spark Connect."""
    try:
        context: SparkContext | None = spark.sparkContext
    except (AttributeError, PySparkException):  # the second since 3.5, or on some versions only
        return None
    return context
