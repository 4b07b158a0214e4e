"""What a command costs: CPU of its process tree, wall time, peaks of memory; and the CPU of a
call in this process. Linux only."""

import contextlib
import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_EVERY = 0.05  # seconds between two looks


@dataclass(kw_only=True)
class Cost:
    """Seconds of CPU and wall; peaks of resident memory in megabytes of 10^6 bytes."""

    cpu: float = 0.0
    wall: float = 0.0
    worker_mb: float = (
        0.0  # the largest Python process that the command started, Spark's daemon too
    )
    driver_mb: float = 0.0  # the command's own process
    jvm_mb: float = 0.0
    out: str = ""

    @property
    def python_mb(self) -> float:
        """The larger of worker and driver."""
        return max(self.worker_mb, self.driver_mb)


@dataclass
class _Tree:
    cpu: dict[psutil.Process, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def run(command: list[str], *, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; exits with its stderr where it fails.

    CPU is sampled: Spark's Python daemon lets the kernel discard what its workers used, so
    accounting by wait() would miss them.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start, tree = time.monotonic(), _Tree()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        env = {**os.environ, **(environment or {})}
        process = subprocess.Popen(command, stdout=out, stderr=err, env=env)
        while process.poll() is None or psutil.Process().children(recursive=True):
            _sample(tree, process.pid)
            time.sleep(_EVERY)
        wall = time.monotonic() - start
        for file in (out, err):
            file.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(command)}: {err.read().decode()[-2000:]}")
        return Cost(
            cpu=sum(tree.cpu.values()),
            wall=wall,
            worker_mb=tree.peak["worker"],
            driver_mb=tree.peak["driver"],
            jvm_mb=tree.peak["jvm"],
            out=out.read().decode(),
        )


def seconds_of(act: Callable[[], object]) -> float:
    """Return the seconds of CPU that an act takes in this process."""
    before = time.process_time()
    act()
    return time.process_time() - before


def in_turns(acts: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Return the seconds of CPU of each act, turn by turn."""
    spent: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(turns):
        for name, act in acts.items():
            spent[name].append(seconds_of(act))
    return spent


def _sample(tree: _Tree, main: int) -> None:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            times = process.cpu_times()
            tree.cpu[process] = times.user + times.system
            if process.status() == psutil.STATUS_ZOMBIE:
                if process.pid != main:
                    os.waitpid(process.pid, os.WNOHANG)
                continue
            kind = _kind(process, main)
            tree.peak[kind] = max(tree.peak[kind], _peak_mb(process.pid))


def _kind(process: psutil.Process, main: int) -> str:
    """By name: a child that the JVM forks has its memory and a thread's name until it is python."""
    if process.pid == main:
        return "driver"
    name = process.name()
    return "jvm" if name.startswith("java") else "worker" if name.startswith("python") else "other"


def _peak_mb(pid: int) -> float:
    """The most that was ever resident, not what is now: a peak between two looks counts."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


class Yardstick:
    """One fixed loop, timed between measurements: how even the machine's speed was."""

    def __init__(self) -> None:
        self._seconds: list[float] = []

    def __enter__(self) -> "Yardstick":
        self.look()
        return self

    def __exit__(self, *_: object) -> None:
        self.look()

    def look(self) -> None:
        self._seconds.append(seconds_of(_loop))

    def said(self) -> str:
        low, high = min(self._seconds), max(self._seconds)
        return f"A fixed loop, timed between the runs, took {low:.2f} to {high:.2f} s of CPU."


def _loop() -> None:
    total = 0
    for number in range(5_000_000):
        total += number
