"""What every table begins with: commit, date, CPU, versions."""

import datetime
import importlib.metadata
import os
import subprocess
from pathlib import Path

_PACKAGES = ("pyspark", "pyarrow", "numpy", "fastokens", "tokenizers")


def about() -> str:
    """One line: where and of what the figures below are."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        check=False,
    ).stdout.strip()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    date = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    return f"Commit {commit}, {date}, {os.cpu_count()} x {_cpu()}, {versions}."


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown CPU")
