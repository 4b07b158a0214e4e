"""The Spark session: that of spark-submit or of the caller if there is one, else a local one."""

import itertools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TypeAlias

import psutil
import pyspark
from pyspark import SparkContext
from pyspark.errors import PySparkException, PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from bfpack_spark.logs import log
from bfpack_spark.spark.left_call import call_in
from bfpack_spark.spark.private_folder import make_private_folder, temporary_directory
from bfpack_spark.spark.private_session import keep_private
from bfpack_spark.spark.settings_file import environment, settings_file, umask
from bfpack_spark.spark.start_checks import check_start
from bfpack_spark.spark.starting_jvm import (
    keep_quiet_of_lost_jvm,
    no_jvm_left_behind,
    stderr_without_routine,
)
from bfpack_spark.spark.submitted import under_submit
from bfpack_spark.spark.versions import check_release

# What limits the rows that reach a Python worker at once; the first that the session knows is
# taken. By default they are 10,000 rows of any size. Older versions of Spark limit only their
# number. A row is a block, so 64 of them are a shard at most, and 500,000 tokens of 512 shards.
_BATCH_LIMITS = {
    "spark.sql.execution.arrow.maxBytesPerBatch": str(16 << 20),
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",
}
# With TieredStopAtLevel=1 the JVM does not compile hot code a second time, as it does for servers.
# That costs 8 to 11 s of CPU a process, a third of a small run, and there is little to gain, since
# the JVM only moves blocks between workers.
_JAVA_OPTIONS = (
    f"-Dlog4j2.configurationFile={(Path(__file__).parent / 'log4j2.properties').as_uri()}",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",  # few objects are alive at once: a parallel collector has little to do
)
# Made by class_archive.py. Java checks whether it belongs to this Java and these jars. If not, Java
# warns on stdout, where our results go, so that warning is switched off. Java does not notice an
# incomplete archive and crashes, so a whole one ends with these bytes.
CLASS_ARCHIVE = Path(sys.prefix) / "share" / "bfpack_spark" / "classes.jsa"
ARCHIVE_END = b"bfpack_spark: whole"
_QUIETLY = "-Xlog:cds*=off"
# For every class, Java asks the jars of its class path one after the other, and Spark has 270 jars.
# With the jars of most classes first, that search is a quarter as long.
_JARS_FIRST = """
scala-library spark-catalyst_ spark-core_ spark-sql-api_ spark-sql_ scala-reflect log4j-core
jackson-databind hadoop-client-api parquet-jackson janino arrow-vector parquet-encoding
spark-network-common_ hadoop-client-runtime parquet-column netty-common parquet-format-structures
antlr4-runtime netty-transport jackson-module-scala_ jackson-core spark-common-utils_ netty-buffer
log4j-api parquet-hadoop parquet-common commons-compiler
"""
ON_DATABRICKS = "DATABRICKS_RUNTIME_VERSION"
# Without it, a random.py in the directory where workers are started is their `random`.
_SAFE_PATH = "spark.executorEnv.PYTHONSAFEPATH"
# The settings that Spark hides in its event log and on its page: those of its own default, and keys
# of Azure's and other stores.
_SECRETS = (
    "(?i)secret|passw|token|access[._-]?key|account[._-]?key|private[._-]?key|credential|[.]sas[.]"
)

# Called with a path. What it returns is entered before the JVM starts, and left when it has.
Meanwhile: TypeAlias = Callable[[Path], AbstractContextManager[None]]

# The limits of memory by version 2 and version 1 of Linux's control groups.
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def get_session(settings: Mapping[str, str], meanwhile: Meanwhile | None = None) -> SparkSession:
    """Return the session that exists, with the SQL settings applied; its master, cores and memory
    are those of the submitter. If there is none, return a new local[*] session with a heap of 40 %
    of the machine's memory, unless `settings` say otherwise. `meanwhile`: what is done while the
    JVM of a new session starts. It may leave a call for the parent of the Python workers at the
    path that it is given (left_call.leave_call)."""
    # Spark may have been started for this process, though it holds no session yet.
    given = under_submit() or ON_DATABRICKS in os.environ
    spark = _existing() or (_submitted() if given else None)
    if spark is None:
        return with_settings(_local(settings, meanwhile), settings)
    others = [
        key
        for key, value in settings.items()
        if not key.startswith("spark.sql.") and spark.conf.get(key, None) != value
    ]
    if others:
        log.warning("%s: not applied; give it to what starts the session", ", ".join(others))
    return with_settings(spark, settings)


def with_settings(spark: SparkSession, settings: Mapping[str, str]) -> SparkSession:
    """Return this session with the SQL settings applied. Raise InputError if it is too old."""
    check_release(spark)
    _limit_batches(spark)
    for key, value in settings.items():
        if key.startswith("spark.sql.") and spark.conf.isModifiable(key):
            spark.conf.set(key, value)
    return spark


def _limit_batches(spark: SparkSession) -> None:
    known = (key for key in _BATCH_LIMITS if spark.conf.isModifiable(key))
    for key in itertools.islice(known, 1):
        try:
            spark.conf.set(key, _BATCH_LIMITS[key])
        except PySparkException:  # some managed services let nobody set it
            log.warning("%s cannot be set here, so workers may need more memory", key)


def java_options(*more: str) -> str:
    """Return the options of a JVM that bfpack starts, in the form that Spark's setting takes.
    Unless more options are given, the JVM uses the archive of classes, if it is there."""
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


def _existing() -> SparkSession | None:
    """Return the session of this thread or, if it has none, of the process."""
    try:
        return SparkSession.active()
    except PySparkRuntimeError:
        return None


def _submitted() -> SparkSession:
    builder = SparkSession.builder
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # a server of Spark Connect has its workers already
        builder = builder.config(_SAFE_PATH, "1")
    return builder.getOrCreate()


def memory(paths: Sequence[Path] = _CGROUP_LIMITS) -> int:
    """Return the bytes of memory of this machine, or of the container in which this runs, whose
    limit is in one of the files."""
    limits = [psutil.virtual_memory().total]
    for path in paths:
        with suppress(OSError, ValueError):  # absent, or "max"
            limits.append(int(path.read_text()))
    return min(limits)


def _local(settings: Mapping[str, str], meanwhile: Meanwhile | None) -> SparkSession:
    # Without these, the workers take the system's Python.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    heap = f"{int(memory() * 0.4) >> 20}m"
    defaults = {
        "spark.master": "local[*]",
        "spark.app.name": "bfpack",
        # Shuffle files stay until the JVM collects what has made them, which has little else to do.
        "spark.cleaner.periodicGC.interval": "1min",
        "spark.driver.memory": heap,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": java_options(),
        "spark.driver.extraClassPath": os.pathsep.join(_jars_first()),
        _SAFE_PATH: "1",
        "spark.redaction.regex": _SECRETS,
        # If true, every DataFrame notes its line of Python, and loads IPython to do so.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.sql.shuffle.partitions": "32",
        # Blocks are small already and there is no network; this saves 5 ns of CPU a token.
        "spark.shuffle.compress": "false",
    }
    return _started({**defaults, **settings}, meanwhile)


def _started(settings: dict[str, str], meanwhile: Meanwhile | None) -> SparkSession:
    check_start(settings)
    folder = make_private_folder(temporary_directory())
    own = keep_private(settings, folder)
    with (
        settings_file(own.settings, folder),
        environment(own.variables),
        umask(own.umask),
        stderr_without_routine() as stderr,
        meanwhile(call_in(folder)) if meanwhile else nullcontext(),
        no_jvm_left_behind(),
    ):
        gateway = launch_gateway(popen_kwargs={"stderr": stderr})  # type: ignore[no-untyped-call]
        context = SparkContext(gateway=gateway)
    keep_quiet_of_lost_jvm(context)
    return SparkSession.builder.getOrCreate()


def _jars_first() -> list[str]:
    home = os.environ.get("SPARK_HOME") or Path(pyspark.__file__).parent
    folder = Path(home) / "jars"
    return [
        str(path) for name in _JARS_FIRST.split() for path in sorted(folder.glob(f"{name}*.jar"))
    ]
