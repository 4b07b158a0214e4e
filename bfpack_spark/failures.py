"""What is said of a failure, in one line, and the exit code that goes with it."""

import logging
import re

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from bfpack_spark.errors import BusyError, InputError, JobError

CODES: dict[type[Exception], int] = {InputError: 2, BusyError: 3, JobError: 5}

log = logging.getLogger("bfpack")


def explain(error: Exception) -> tuple[str | None, int]:
    """The line and the exit code; None where only a traceback, which is logged, says enough."""
    for kind, code in CODES.items():
        if isinstance(error, kind):
            return str(error), code
    if isinstance(error, PySparkException | Py4JError):
        return _from_worker(error)
    if isinstance(error, OSError):
        return f"storage: {error}; free space or mend access, then run it again", 5
    log.error("a fault in bfpack itself; nothing was published", exc_info=error)
    return None, 5


def _from_worker(error: Exception) -> tuple[str, int]:
    """What a worker raised, out of Spark's many lines."""
    text = str(error)
    for kind, code in CODES.items():
        found = re.search(rf"{re.escape(f'{kind.__module__}.{kind.__name__}')}: (.*)", text)
        if found:
            return found.group(1), code
    if "JAVA_GATEWAY_EXITED" in text:
        return (
            "Spark's JVM did not start, for the reason above: it needs Java 17 or newer (JAVA_HOME "
            "names it), and the jars of spark.jars.packages within reach",
            2,
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    log.error("%s", text)
    why = raised[-1] if raised else next(iter(lines), "?")
    return f"the Spark job failed, nothing was published: {why}", 5
