"""Around the start of a JVM: its stderr without what it says in every good run, no JVM that lives
on if the start is interrupted, and no traceback if it is gone later."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
from pyspark import SparkContext

# Java says this of a module that spark-submit always adds, and has no option against it.
_ALWAYS = b"WARNING: Using incubator modules: jdk.incubator.vector\n"
_SECONDS = 5.0  # to wait for the last lines of a JVM that did not start


@contextmanager
def stderr_without_routine() -> Iterator[int]:
    """Yield a file descriptor, the stderr of a process that is started inside. What is written to
    it goes, line by line through a thread of this process, to the stderr that this process has now.
    If there is an error inside, all that was written has arrived there."""
    ours = os.dup(2)
    reading, writing = os.pipe()
    relay = threading.Thread(target=_relay, args=(reading, ours), daemon=True, name="JVM's stderr")
    relay.start()
    started = False
    try:
        yield writing
        started = True
    finally:
        os.close(writing)
        if not started:
            relay.join(_SECONDS)


@contextmanager
def no_jvm_left_behind() -> Iterator[None]:
    """End the processes that were started inside, if it is interrupted. A JVM that finds nobody to
    report to when it has started does not end by itself."""
    before = set(psutil.Process().children())
    try:
        yield
    except KeyboardInterrupt:
        for process in set(psutil.Process().children()) - before:
            process.kill()
        raise


def keep_quiet_of_lost_jvm(context: SparkContext) -> None:
    """Let the server to which the JVM tells of accumulators print no traceback if the JVM is gone.
    That is said once, where the run ends."""
    server = getattr(context, "_accumulatorServer", None)
    if server is not None:
        server.handle_error = lambda *_: None


def _relay(reading: int, writing: int) -> None:
    """Copy lines until nobody writes any more, or nobody reads."""
    with open(reading, "rb") as lines, open(writing, "wb", buffering=0) as out, suppress(OSError):
        for line in lines:
            if line != _ALWAYS:
                out.write(line)
