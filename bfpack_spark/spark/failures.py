"""What Spark's failures mean: the cause out of many lines, and what to do about it."""

import re
import signal
import subprocess

from py4j.protocol import Py4JError
from pyspark import SparkContext

_OUT_OF_MEMORY = 52  # the exit code of a JVM that Spark ends for it
_SECONDS = 20  # of a JVM that is short of memory, to end
_FULL = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|\[Errno (?:28|122|27)\]"
)
_GO_ON = "what was published stands; run it again to go on"


def context_has_stopped() -> bool:
    """Has the JVM of this process begun to end? Its first step is to stop Spark's context, and what
    fails then fails for that reason, whatever it says of itself."""
    context = SparkContext._active_spark_context
    if context is None:
        return False
    try:
        return bool(context._jsc.sc().isStopped())
    except (Py4JError, OSError):  # it does not answer any more
        return True


def why_jvm_ended() -> str | None:
    """Why the JVM that this process started is gone; None if it lives, or was none of ours."""
    gateway = SparkContext._gateway
    process: subprocess.Popen[bytes] | None = getattr(gateway, "proc", None)
    if process is None:
        return None
    try:
        code = process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    if code == _OUT_OF_MEMORY:
        return _out_of_memory()
    if code < 0:
        name = signal.Signals(-code).name
        return (
            f"Spark's JVM was ended by {name}, as the system does where memory is short; leave it "
            f"more, or give the JVM less by --spark-conf spark.driver.memory; {_GO_ON}"
        )
    return f"Spark's JVM ended with exit code {code}, for the reason above; {_GO_ON}"


def known_cause(text: str) -> str | None:
    """A line for what Spark says, where the cause is known and not the job's own."""
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
            f"Parquet files that are damaged (then write them anew); {_GO_ON}"
        )
    return None


def said_of_full(line: str) -> str:
    """What to do where nothing more can be written."""
    return (
        f"{line}; free space for --output and for temporary files (TMPDIR or spark.local.dir), or "
        f"name larger disks; {_GO_ON}"
    )


def lacks_package(text: str) -> str | None:
    """A line if the workers' Python has no bfpack_spark."""
    found = re.search(r"No module named '?(bfpack_spark|pyarrow|pandas|numpy|tokenizers)\b", text)
    if found is None:
        return None
    python = SparkContext._active_spark_context
    named = "" if python is None else f" {python.pythonExec}"
    return (
        f"the workers' Python{named} lacks {found[1]}; let PYSPARK_PYTHON name one with "
        "bfpack_spark installed, or ship it (jobs/README.md)"
    )


def _out_of_memory() -> str:
    return (
        "Spark's JVM ran out of memory: raise its heap by --spark-conf spark.driver.memory (on a "
        f"cluster also spark.executor.memory); {_GO_ON}"
    )
