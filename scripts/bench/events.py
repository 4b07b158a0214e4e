"""What Spark's event log says of the tasks of a command."""

import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Task:
    """One finished task; times in seconds since 1970."""

    stage: int
    start: float
    end: float
    shuffle_bytes: int  # written
    shuffle_blocks: int  # read


def log_options(folder: Path) -> list[str]:
    """Options of a command that make it write its log to this folder, which is emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    values = {"dir": folder.resolve().as_uri(), "enabled": "true", "compress": "false"}
    pairs = (("--spark-conf", f"spark.eventLog.{key}={value}") for key, value in values.items())
    return list(itertools.chain.from_iterable(pairs))


def read_tasks(folder: Path) -> list[Task]:
    return [_task(event) for event in _events(folder) if event["Event"] == "SparkListenerTaskEnd"]


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """What one stage wrote for the next, and the blocks in which that fetched it."""

    num_bytes: int
    blocks: int


def read_shuffles(folder: Path) -> list[Shuffled]:
    """In the order in which they were written."""
    tasks = sorted(read_tasks(folder), key=lambda task: task.stage)
    by_stage = [list(own) for _, own in itertools.groupby(tasks, key=lambda task: task.stage)]
    written = [sum(task.shuffle_bytes for task in own) for own in by_stage]
    fetched = [sum(task.shuffle_blocks for task in own) for own in by_stage]
    pairs = zip(written[:-1], fetched[1:], strict=True)
    return [Shuffled(num_bytes=size, blocks=blocks) for size, blocks in pairs if size and blocks]


def share_of_time_at(tasks: list[Task], cores: int) -> float:
    """Of the time in which any task ran, the share in which at least `cores` did. A task runs from
    its launch to its end, also while it waits; time without a task does not count."""
    edges = sorted((at, step) for t in tasks for at, step in ((t.start, 1), (t.end, -1)))
    busy = full = 0.0
    running = 0
    for (at, step), (until, _) in itertools.pairwise(edges):
        running += step
        busy += (until - at) * (running >= 1)
        full += (until - at) * (running >= cores)
    return full / busy if busy else 0.0


def _events(folder: Path) -> Iterator[dict]:  # type: ignore[type-arg]
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "appstatus" not in p.name):
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def _task(event: dict) -> Task:  # type: ignore[type-arg]
    info, metrics = event["Task Info"], event.get("Task Metrics") or {}
    written, read = (metrics.get(f"Shuffle {kind} Metrics", {}) for kind in ("Write", "Read"))
    return Task(
        stage=event["Stage ID"],
        start=info["Launch Time"] / 1e3,
        end=info["Finish Time"] / 1e3,
        shuffle_bytes=written.get("Shuffle Bytes Written", 0),
        shuffle_blocks=sum(read.get(f"{w} Blocks Fetched", 0) for w in ("Local", "Remote")),
    )
