"""The Spark session: the submitter's where there is one, else a local one."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
from pyspark.find_spark_home import _find_spark_home
from pyspark.sql import SparkSession

from bfpack_spark.spark_conf import settings_file

# Bounds what reaches a Python worker at once: by default a batch is 10,000 rows, whatever their
# size.
_SQL_DEFAULTS = {"spark.sql.execution.arrow.maxBytesPerBatch": str(16 << 20)}
# Compiling hot code a second time, as servers do, costs 8 to 11 s of CPU a process, a third of a
# small run; the JVM only moves blocks between workers, so there is little to gain.
_JAVA_OPTIONS = (
    f"-Dlog4j2.configurationFile={(Path(__file__).parent / 'log4j2.properties').as_uri()}",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",  # little is alive at any time, so there is nothing to collect in parallel
)
# Made by bfpack_spark.class_archive. Java sees for itself whether it still fits, and if not, warns
# on stdout, where our results go, unless told not to.
CLASS_ARCHIVE = Path(sys.prefix) / "share" / "bfpack_spark" / "classes.jsa"
_QUIETLY = ("-Xlog:disable", "-Xlog:all=error:stderr")
# Java asks every jar of its class path, one after the other, for every class; Spark has 270 of
# them. Those with the most classes first, and that search is a quarter as long.
_JARS_FIRST = """
scala-library spark-catalyst_ spark-core_ spark-sql-api_ spark-sql_ scala-reflect log4j-core
jackson-databind hadoop-client-api parquet-jackson janino arrow-vector parquet-encoding
spark-network-common_ hadoop-client-runtime parquet-column netty-common parquet-format-structures
antlr4-runtime netty-transport jackson-module-scala_ jackson-core spark-common-utils_ netty-buffer
log4j-api parquet-hadoop parquet-common commons-compiler
"""


def get_session(settings: Mapping[str, str]) -> SparkSession:
    """The active session with the SQL settings applied (master, cores and memory are the
    submitter's), or a new local[*] with a heap of 40 % of the machine's memory, unless `settings`
    say otherwise."""
    active = SparkSession.getActiveSession()
    spark = active or (_submitted() if under_submit() else _local(settings))
    for key, value in {**_SQL_DEFAULTS, **settings}.items():
        if key.startswith("spark.sql.") and spark.conf.isModifiable(key):
            spark.conf.set(key, value)
    return spark


def java_options(archive: str | None = None) -> str:
    """Of a JVM that we start, as Spark's setting takes them; `archive` is an option about an
    archive of classes, by default that it uses the one that is there."""
    if archive is None and CLASS_ARCHIVE.is_file():
        archive = f"-XX:SharedArchiveFile={CLASS_ARCHIVE}"
    about = (f'"{archive}"', *_QUIETLY) if archive else ()
    return " ".join((*_JAVA_OPTIONS, *about))


def under_submit() -> bool:
    """Is this process a driver that spark-submit started? (It merges our stderr into stdout.)"""
    return "PYSPARK_GATEWAY_PORT" in os.environ or "SPARK_REMOTE" in os.environ


def _submitted() -> SparkSession:
    return SparkSession.builder.getOrCreate()


def _local(settings: Mapping[str, str]) -> SparkSession:
    # Else the workers take the system's Python.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    heap = f"{int(psutil.virtual_memory().total * 0.4) >> 20}m"
    defaults = {
        "spark.master": "local[*]",
        "spark.app.name": "bfpack",
        "spark.driver.memory": heap,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": java_options(),
        "spark.driver.extraClassPath": os.pathsep.join(_jars_first()),
        # Else every DataFrame notes the line of Python it comes from, and loads IPython to do so.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.sql.shuffle.partitions": "32",
        # Blocks are small as they are, and there is no network: 5 ns of CPU a token less.
        "spark.shuffle.compress": "false",
    }
    with settings_file({**defaults, **settings}):
        return SparkSession.builder.getOrCreate()


def _jars_first() -> list[str]:
    folder = Path(_find_spark_home()) / "jars"
    return [
        str(path) for name in _JARS_FIRST.split() for path in sorted(folder.glob(f"{name}*.jar"))
    ]
