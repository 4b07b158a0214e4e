"""How far a stage is: its Spark jobs are named by bucket and stage, and a terminal shows a bar.

The share done is that of the tasks of the jobs, from Spark's status tracker, twice a second. The
tokens or bytes done are that share of the whole, so they are approximate. Under Spark Connect there
is no status tracker, and nothing is shown.
"""

import logging
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from pyspark import SparkContext
from pyspark.sql import SparkSession
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from bfpack_spark.logs import facts
from bfpack_spark.printable import one_line
from bfpack_spark.spark.repeating import repeating

_SECONDS = 0.5
_LOCAL = ("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel")


@dataclass(frozen=True, kw_only=True)
class Work:
    """A stage of a bucket, and its amount in tokens, or in bytes before the tokens are known."""

    bucket: str
    stage: str
    seq_len: int | None = None
    amount: int
    unit: Literal["tokens", "bytes"] = "tokens"

    @property
    def title(self) -> str:
        """Return what people read: "web: plan 2048"."""
        at = "" if self.seq_len is None else f" {self.seq_len}"
        return one_line(f"{self.bucket}: {self.stage}{at}")


@dataclass(kw_only=True)
class Ending:
    """How a step ended: a line, in which {seconds} stands for the time that it took, and what its
    line of JSON holds beside stage, version and seconds."""

    line: str = ""
    counts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def step(spark: SparkSession, work: Work, version: str) -> Iterator[Ending]:
    """Watch what is done inside for a version, and log how it ended and how long it took."""
    ending, started = Ending(), time.monotonic()
    with watched(spark, work):
        yield ending
    seconds = time.monotonic() - started
    told = facts(stage=work.stage, version=version, **{"seconds": seconds, **ending.counts})
    line = ending.line.replace("{seconds}", f"{seconds:.1f} s")
    logging.getLogger("bfpack").info("%s", line, extra=told)


@contextmanager
def watched(spark: SparkSession, work: Work) -> Iterator[None]:
    """Name the Spark jobs that are run inside, and show how far they are."""
    context: SparkContext | None = getattr(spark, "sparkContext", None)
    if context is None:
        yield
        return
    group = f"bfpack {uuid.uuid4().hex}"
    context.setJobGroup(group, work.title)
    try:
        with _bar(context, group, work):
            yield
    finally:
        for name in _LOCAL:
            context.setLocalProperty(name, None)  # type: ignore[arg-type]


@contextmanager
def _bar(context: SparkContext, group: str, work: Work) -> Iterator[None]:
    if not sys.stderr.isatty():
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), _Tasks(), _Amount(work))
    console = Console(file=sys.stderr)
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(escape(work.title), total=None)
        with repeating(partial(_show, context, group, progress, task), _SECONDS):
            yield
        # The tracker learns of the last tasks a moment after the job has ended.
        progress.update(task, completed=progress.tasks[0].total)


def _show(context: SparkContext, group: str, progress: Progress, task: int) -> None:
    done, total = tasks_of(context, group)
    if total:
        progress.update(task, completed=done, total=total)  # type: ignore[arg-type]


def tasks_of(context: SparkContext, group: str) -> tuple[int, int]:
    """Return the tasks done and all tasks, of the stages that Spark has begun for the jobs of a
    group."""
    tracker = context.statusTracker()
    jobs = filter(None, map(tracker.getJobInfo, tracker.getJobIdsForGroup(group)))
    stages = filter(None, (tracker.getStageInfo(number) for job in jobs for number in job.stageIds))
    found = [(stage.numCompletedTasks, stage.numTasks) for stage in stages]
    return sum(done for done, _ in found), sum(total for _, total in found)


class _Tasks(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:.0f}/{task.total or 0:.0f} tasks")


class _Amount(ProgressColumn):
    """A column of the bar: about how much is done, and how fast."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def render(self, task: Task) -> Text:
        done = self._work.amount * task.completed / task.total if task.total else 0
        rate = done / task.elapsed if task.elapsed else 0
        if self._work.unit == "bytes":
            return Text(f"{decimal(int(done))}, {decimal(int(rate))}/s")
        return Text(f"{done:,.0f} tokens, {rate:,.0f}/s")
