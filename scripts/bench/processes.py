"""What a command costs: CPU of its process tree, wall time, peaks of memory. Linux only."""

import contextlib
import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_EVERY = 0.05  # seconds between two looks


@dataclass(kw_only=True)
class Cost:
    """Seconds of CPU and wall; resident megabytes of the largest Python process and of the JVM."""

    cpu: float = 0.0
    wall: float = 0.0
    python_mb: float = 0.0
    jvm_mb: float = 0.0
    out: str = ""


@dataclass
class _Tree:
    cpu: dict[psutil.Process, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=lambda: {"java": 0.0, "python": 0.0})


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
            python_mb=tree.peak["python"],
            jvm_mb=tree.peak["java"],
            out=out.read().decode(),
        )


def _sample(tree: _Tree, main: int) -> None:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            times = process.cpu_times()
            tree.cpu[process] = times.user + times.system
            if process.status() == psutil.STATUS_ZOMBIE:
                if process.pid != main:
                    os.waitpid(process.pid, os.WNOHANG)
                continue
            # A child that the JVM forks has its memory and a thread's name until it is python.
            for kind in tree.peak:
                if process.name().startswith(kind):
                    tree.peak[kind] = max(tree.peak[kind], _peak_mb(process.pid))


def _peak_mb(pid: int) -> float:
    """The most that was ever resident, not what is now: a peak between two looks counts."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
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
        started, total = time.process_time(), 0
        for number in range(5_000_000):
            total += number
        self._seconds.append(time.process_time() - started)

    def said(self) -> str:
        low, high = min(self._seconds), max(self._seconds)
        return f"A fixed loop, timed between the runs, took {low:.2f} to {high:.2f} s of CPU."
