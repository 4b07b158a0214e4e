"""What Spark's failures mean: the cause out of many lines, and what to do about it."""

import re
import signal
import subprocess

from py4j.protocol import Py4JError
from pyspark import SparkContext

_OUT_OF_MEMORY = 52  # exit code of a JVM that Spark ends for lack of memory
_FULL = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|\[Errno (?:28|122|27)\]"
)
GO_ON = "what was published stands; run it again to go on"
_HEAP = "--spark-conf spark.driver.memory, or spark-submit's --driver-memory"


def context_has_stopped() -> bool:
    """Return whether the JVM of this process has begun to end. Its first step is to stop Spark's
    context, and what fails after that fails for this reason, whatever its message says."""
    context = _active_context()
    if context is None:
        return False
    try:
        return bool(context._jsc.sc().isStopped())
    except (Py4JError, OSError):  # it does not answer any more
        return True
    except AttributeError:  # a version of Spark without these inner parts
        return False


def why_jvm_ended(seconds: float = 20) -> str | None:
    """Return why the JVM that this process started has ended. Return None if it lives, or if this
    process started none. Where memory is short, a JVM may take so many seconds to end."""
    gateway = getattr(SparkContext, "_gateway", None)
    process: subprocess.Popen[bytes] | None = getattr(gateway, "proc", None)
    if process is None:
        return None
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    if code == _OUT_OF_MEMORY:
        return _out_of_memory()
    if code < 0:
        name = signal.Signals(-code).name
        return (
            f"Spark's JVM was ended by {name}, as the system does where memory is short; leave it "
            f"more, or give the JVM less by {_HEAP}; {GO_ON}"
        )
    return f"Spark's JVM ended with exit code {code}, for the reason above; {GO_ON}"


def known_cause(text: str) -> str | None:
    """Return a line for a message of Spark if its cause is known and lies outside the job."""
    full = _FULL.search(text)
    if full:
        line = next(line for line in text.splitlines() if full[0] in line).strip()
        return f"disk full: {said_of_full(line)}"
    if "java.lang.OutOfMemoryError" in text:
        return _out_of_memory()
    if re.search(r"Python worker (exited unexpectedly|.*crashed)", text):
        return (
            "a Python worker was killed or crashed, as happens where memory is short (then let "
            "fewer work at a time by --spark-conf spark.master=local[N]), and to Arrow on some "
            f"Parquet files that are damaged (then write them anew); {GO_ON}"
        )
    return None


def said_of_full(line: str) -> str:
    """Return a line that says what to do if nothing more can be written."""
    return (
        f"{line}; free space for --output and for temporary files (TMPDIR or spark.local.dir), or "
        f"name larger disks; {GO_ON}"
    )


def lacks_package(text: str) -> str | None:
    """Return a line if the Python of the workers lacks bfpack_spark or a package that it needs."""
    found = re.search(r"No module named '?(bfpack_spark|pyarrow|pandas|numpy|tokenizers)\b", text)
    if found is None:
        return None
    context = _active_context()
    named = "" if context is None else f" {context.pythonExec}"
    return (
        f"the workers' Python{named} lacks {found[1]}; let PYSPARK_PYTHON name one with "
        "bfpack_spark installed, or ship it (jobs/README.md)"
    )


def _active_context() -> SparkContext | None:
    """Return the context of this process, or None if there is none, or if this version of Spark
    keeps it elsewhere."""
    return getattr(SparkContext, "_active_spark_context", None)


def _out_of_memory() -> str:
    return (
        f"Spark's JVM ran out of memory: raise its heap by {_HEAP} (on a cluster also "
        f"spark.executor.memory); {GO_ON}"
    )
