"""How far a stage is: its Spark jobs are named by bucket and stage, and a terminal shows a bar.

The bar counts to the tokens or bytes of the whole. How many are done is approximate: it follows
from the tasks that are done in each of Spark's stages, from its status tracker, twice a second.
Spark begins one stage after another, so the number of its stages is known here beforehand. Under
Spark Connect jobs are named by tags, there is no status tracker, and no bar is shown.
"""

import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias

from pyspark import SparkContext
from pyspark.sql import SparkSession
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from bfpack_spark.logs import facts, log
from bfpack_spark.printable import one_line
from bfpack_spark.spark.versions import context_of

Unit: TypeAlias = Literal["tokens", "bytes", "documents"]

_SECONDS = 0.5
# Shares of the time of a step that its stages of Spark take, in their order; the first of tokenize
# deals the splits, and its last three look for repeated ids.
PARTS: dict[str, tuple[float, ...]] = {
    "tokenize": (0.02, 0.92, 0.02, 0.02, 0.02),
    "plan": (0.1, 0.1, 0.2, 0.3, 0.3),
    "assemble": (0.05, 0.05, 0.1, 0.35, 0.45),
    "export": (0.02, 0.98),
}
_OTHERS = (1 / 23,) * 23  # verify has 18 stages, and 23 with the text
_LOCAL = ("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel")


@dataclass(frozen=True, kw_only=True)
class Work:
    """A stage of a bucket, and its amount in tokens, or in bytes or documents before tokens."""

    bucket: str
    stage: str
    seq_len: int | None = None
    amount: int
    unit: Unit = "tokens"

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
    log.info("%s", line, extra=told)


@contextmanager
def watched(spark: SparkSession, work: Work) -> Iterator[None]:
    """Name the Spark jobs that are run inside, and show how far they are."""
    with described(spark, work.title) as group:
        context = context_of(spark)
        if context is None:
            yield
            return
        with _bar(context, group, work):
            yield


@contextmanager
def described(spark: SparkSession, title: str) -> Iterator[str]:
    """Name the Spark jobs that are run inside, and yield their group. What the session said of its
    jobs before, it says again afterwards."""
    context, group = context_of(spark), f"bfpack {uuid.uuid4().hex}"
    if context is None:
        tag = title.replace(",", ";")  # Spark Connect names operations by tags without a comma
        spark.addTag(tag)
        try:
            yield group
        finally:
            spark.removeTag(tag)
        return
    before = {name: context.getLocalProperty(name) for name in _LOCAL}
    context.setJobGroup(group, title)
    try:
        yield group
    finally:
        for name, value in before.items():
            context.setLocalProperty(name, value)  # type: ignore[arg-type]


@contextmanager
def repeating(act: Callable[[], object], seconds: float) -> Iterator[None]:
    """Call `act` every `seconds` seconds in its own thread while the code inside runs, and once
    more after that code has ended or failed."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            act()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        act()


@contextmanager
def _bar(context: SparkContext, group: str, work: Work) -> Iterator[None]:
    if not sys.stderr.isatty():
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), _Amount(work))
    console = Console(file=sys.stderr)
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(escape(work.title), total=work.amount)
        with repeating(partial(_show, context, group, progress, work), _SECONDS):
            yield
        # The tracker learns of the last tasks a moment after the job has ended.
        progress.update(task, completed=work.amount)


def _show(context: SparkContext, group: str, progress: Progress, work: Work) -> None:
    (task,) = progress.tasks
    share = share_done(stages_of(context, group), PARTS.get(work.stage, _OTHERS))
    progress.update(task.id, completed=max(task.completed, share * work.amount))


def share_done(stages: Sequence[tuple[int, int]], parts: Sequence[float]) -> float:
    """Return the share of a step that is done, 0 to 1. stages: tasks done and all tasks of each
    stage that has begun; parts: the share that each stage has of the step.

    (2, 2), (1, 4) of parts 0.2, 0.8 -> 0.2 + 0.8 / 4 = 0.4
    """
    pairs = zip(stages, parts, strict=False)
    return sum(part * done / total for (done, total), part in pairs if total)


def stages_of(context: SparkContext, group: str) -> list[tuple[int, int]]:
    """Return the tasks done and all tasks of each stage that Spark has begun for the jobs of a
    group, in the order of the stages. A stage whose result an earlier job made has none."""
    tracker = context.statusTracker()
    jobs = filter(None, map(tracker.getJobInfo, tracker.getJobIdsForGroup(group)))
    numbers = sorted({number for job in jobs for number in job.stageIds})
    stages = filter(None, map(tracker.getStageInfo, numbers))
    begun = ((stage.numCompletedTasks, stage.numActiveTasks, stage.numTasks) for stage in stages)
    return [(done, total) for done, active, total in begun if done or active]


class _Amount(ProgressColumn):
    """A column of the bar: about how much is done, and how fast."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def render(self, task: Task) -> Text:
        done = task.completed
        rate = done / task.elapsed if task.elapsed else 0
        if self._work.unit == "bytes":
            return Text(f"{decimal(int(done))}, {decimal(int(rate))}/s")
        return Text(f"{done:,.0f} {self._work.unit}, {rate:,.0f}/s")
