"""What each stage of a run costs: wall time, CPU, and how long Spark's tasks held a core.

CPU is that of the processes on this machine (driver, JVM, Python workers). They are looked at once
a second, because Spark's Python daemon lets the kernel forget what an ended worker used. On a
cluster the workers are elsewhere, so there is no CPU; the time of the tasks says what a stage cost.
Under Spark Connect only wall time is known.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

import psutil
from pyspark import SparkContext
from pyspark.sql import SparkSession

from bfpack_spark.spark.progress import repeating
from bfpack_spark.spark.versions import context_of

_SECONDS = 1.0
_PATIENCE = 10_000  # milliseconds

Used: TypeAlias = dict[psutil.Process, float]
Roots: TypeAlias = tuple[psutil.Process, psutil.Process]
Known = TypeVar("Known")


STAGES = ("tokenize", "plan", "assemble")


@dataclass(frozen=True, kw_only=True)
class StageCost:
    """What one stage of a run cost."""

    stage: str  # one of STAGES
    seq_len: int | None  # None: for every seq_len
    seconds: float  # wall time
    cpu_seconds: float | None  # of all processes on this machine; None: the work is elsewhere
    task_seconds: float | None  # Spark's tasks, added up; None: unknown


@contextmanager
def metered(
    spark: SparkSession, costs: list[StageCost], stage: str, seq_len: int | None = None
) -> Iterator[None]:
    """Add the cost of what is run inside to `costs`, unless it fails."""
    context = context_of(spark)
    started, first_job = time.monotonic(), _or_none(partial(_num_jobs, context))
    with _sampled(_or_none(partial(_roots, context))) as cpu:
        yield
    costs.append(
        StageCost(
            stage=stage,
            seq_len=seq_len,
            seconds=time.monotonic() - started,
            cpu_seconds=sum(cpu.values()) if cpu else None,
            task_seconds=_or_none(partial(_task_seconds, context, first_job)),
        )
    )


def _or_none(measure: Callable[[], Known]) -> Known | None:
    """Return what `measure` returns, or None if it fails. It asks inner parts of Spark, and no run
    may fail for that."""
    try:
        return measure()
    except Exception:
        return None


@contextmanager
def _sampled(roots: Roots | None) -> Iterator[Used]:
    """Yield the CPU seconds that each process uses meanwhile. They are filled in at the end."""
    found: Used = {}
    if roots is None:
        yield found
        return
    before = _used(roots)
    seen = dict(before)
    with repeating(lambda: seen.update(_used(roots)), _SECONDS):
        yield found
    found.update({process: cpu - before.get(process, 0.0) for process, cpu in seen.items()})


def _used(roots: Roots) -> Used:
    """Return the CPU seconds of these processes and of all below them, each counted once."""
    found: Used = {}
    for root in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    times = process.cpu_times()
                    found[process] = times.user + times.system
    return found


def _roots(context: SparkContext | None) -> Roots | None:
    """Return this process and the JVM, which is its child or, under spark-submit, its parent.
    Return None unless Spark runs on this machine."""
    if context is None or not str(context.master).startswith("local"):
        return None
    jvm = context._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
    return psutil.Process(), psutil.Process(int(jvm))


def _num_jobs(context: SparkContext | None) -> int:
    """Return the number of Spark jobs begun so far, which is the number of the next job."""
    return 0 if context is None else int(context._jsc.sc().dagScheduler().numTotalJobs())


def _task_seconds(context: SparkContext | None, first_job: int | None) -> float | None:
    """Return the time of all tasks in the jobs from `first_job` on, those side by side in full."""
    if context is None or first_job is None:
        return None
    # What Spark tells of its jobs comes after them, and late on a busy machine.
    context._jsc.sc().listenerBus().waitUntilEmpty(_PATIENCE)
    tracker, store = context.statusTracker(), context._jsc.sc().statusStore()
    jobs = filter(None, map(tracker.getJobInfo, range(first_job, _num_jobs(context))))
    stages = sorted({stage for job in jobs for stage in job.stageIds})
    return sum(int(store.lastStageAttempt(stage).executorRunTime()) for stage in stages) / 1e3
