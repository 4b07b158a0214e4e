"""The Spark session: the submitter's where there is one, else a local one."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
from pyspark.find_spark_home import _find_spark_home
from pyspark.sql import SparkSession

from bfpack_spark.spark.private_folder import make_private_folder, temporary_directory
from bfpack_spark.spark.private_session import keep_private
from bfpack_spark.spark.settings_file import environment, settings_file, umask
from bfpack_spark.spark.start_checks import check_start

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
# Made by class_archive.py. Java sees for itself whether it is of this Java and these jars, and if
# not, warns on stdout, where our results go, unless told not to. It does not see that
# one is cut, and dies of it, so a whole one ends with these bytes.
CLASS_ARCHIVE = Path(sys.prefix) / "share" / "bfpack_spark" / "classes.jsa"
ARCHIVE_END = b"bfpack_spark: whole"
_QUIETLY = "-Xlog:cds*=off"
# Java asks every jar of its class path, one after the other, for every class; Spark has 270 of
# them. Those with the most classes first, and that search is a quarter as long.
_JARS_FIRST = """
scala-library spark-catalyst_ spark-core_ spark-sql-api_ spark-sql_ scala-reflect log4j-core
jackson-databind hadoop-client-api parquet-jackson janino arrow-vector parquet-encoding
spark-network-common_ hadoop-client-runtime parquet-column netty-common parquet-format-structures
antlr4-runtime netty-transport jackson-module-scala_ jackson-core spark-common-utils_ netty-buffer
log4j-api parquet-hadoop parquet-common commons-compiler
"""
# Else a random.py in the directory where workers are started is their `random`.
_SAFE_PATH = "spark.executorEnv.PYTHONSAFEPATH"
# What Spark hides of its settings in its event log and page: its own default, and keys of Azure's
# and other stores.
_SECRETS = (
    "(?i)secret|passw|token|access[._-]?key|account[._-]?key|private[._-]?key|credential|[.]sas[.]"
)


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


def java_options(*more: str) -> str:
    """Of a JVM that we start, as Spark's setting takes them. Unless more are given, it uses the
    archive of classes that is there."""
    if not more and _is_whole(CLASS_ARCHIVE):
        more = (f"-XX:SharedArchiveFile={CLASS_ARCHIVE}",)
    return " ".join((*_JAVA_OPTIONS, _QUIETLY, *(f'"{option}"' for option in more)))


def _is_whole(archive: Path) -> bool:
    try:
        with archive.open("rb") as file:
            file.seek(-len(ARCHIVE_END), os.SEEK_END)
            return file.read() == ARCHIVE_END
    except OSError:
        return False


def under_submit() -> bool:
    """Is this process a driver that spark-submit started? (It merges our stderr into stdout.)"""
    return "PYSPARK_GATEWAY_PORT" in os.environ or "SPARK_REMOTE" in os.environ


def _submitted() -> SparkSession:
    builder = SparkSession.builder
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # a server of Spark Connect has its workers already
        builder = builder.config(_SAFE_PATH, "1")
    return builder.getOrCreate()


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
        _SAFE_PATH: "1",
        "spark.redaction.regex": _SECRETS,
        # Else every DataFrame notes the line of Python it comes from, and loads IPython to do so.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.sql.shuffle.partitions": "32",
        # Blocks are small as they are, and there is no network: 5 ns of CPU a token less.
        "spark.shuffle.compress": "false",
    }
    return _started({**defaults, **settings})


def _started(settings: dict[str, str]) -> SparkSession:
    check_start(settings)
    folder = make_private_folder(temporary_directory())
    own = keep_private(settings, folder)
    with settings_file(own.settings, folder), environment(own.variables), umask(own.umask):
        return SparkSession.builder.getOrCreate()


def _jars_first() -> list[str]:
    folder = Path(_find_spark_home()) / "jars"
    return [
        str(path) for name in _JARS_FIRST.split() for path in sorted(folder.glob(f"{name}*.jar"))
    ]
