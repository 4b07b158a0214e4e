"""The line that explains a failure, and its exit code."""

import errno
import re

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException

from bfpack_spark.errors import CODES, code_of
from bfpack_spark.logs import log
from bfpack_spark.spark.failures import (
    GO_ON,
    context_has_stopped,
    known_cause,
    lacks_package,
    said_of_full,
    why_jvm_ended,
)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explain(error: Exception) -> tuple[str | None, int]:
    """Return the line and the exit code. The line is None if only a traceback, which is logged,
    says enough."""
    code = code_of(error)
    if code is not None:
        return str(error), code
    if isinstance(error, PySparkException | Py4JError | ConnectionError | EOFError):
        # What the JVM says of an error tells nothing of its end, unless it says it while it ends.
        said_by_it = isinstance(error, PySparkException | Py4JJavaError)
        ended = None if said_by_it and not context_has_stopped() else why_jvm_ended()
        if ended is not None:
            return ended, 5
    if isinstance(error, PySparkException | Py4JError):
        return _from_worker(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"disk full: {said_of_full(str(error))}", 5
    if isinstance(error, OSError):
        return f"storage: {error}; free space or correct access to it, then run it again", 5
    log.error("a fault in bfpack itself; %s", GO_ON, exc_info=error)
    return None, 5


def _from_worker(error: Exception) -> tuple[str, int]:
    """Return what a worker raised, out of Spark's many lines, and the exit code."""
    text = str(error)
    for kind, code in CODES.items():
        line = re.search(rf"{re.escape(f'{kind.__module__}.{kind.__name__}')}: (.*)", text)
        if line:
            return line.group(1), code
    if "JAVA_GATEWAY_EXITED" in text:
        return (
            "Spark's JVM did not start, for the reason above: it needs Java 17 or newer (JAVA_HOME "
            "names it), and the jars of spark.jars.packages within reach",
            2,
        )
    lacking = lacks_package(text)
    if lacking is not None:
        return lacking, 2
    known = known_cause(text)
    if known is not None:
        return known, 5
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    log.error("%s", text)
    why = raised[-1] if raised else next(iter(lines), "?")
    return f"the Spark job failed ({why}); {GO_ON}", 5
