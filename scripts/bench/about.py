"""What every table begins with: commit, date, CPU, versions."""

import datetime
import importlib.metadata
import os
import subprocess
from pathlib import Path

_PACKAGES = (
    *("pyspark", "pyarrow", "numpy", "fastokens", "gigatoken", "tokenizers"),
    *("transformers", "trl"),
)


def about() -> str:
    """One line: where and of what the figures below are."""
    commit = _git("rev-parse", "--short", "HEAD")
    # Files that git does not know may be part of what is measured too; those it ignores are not.
    changes = "+changes" if _git("status", "--porcelain", "--untracked-files=normal") else ""
    found = {each.metadata["Name"].lower() for each in importlib.metadata.distributions()}
    named = [name for name in _PACKAGES if name in found]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in named)
    date = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    return f"Commit {commit}{changes}, {date}, {os.cpu_count()} x {_cpu()}, {versions}."


def _git(*command: str) -> str:
    return subprocess.run(
        ["git", *command], capture_output=True, text=True, cwd=Path(__file__).parent, check=False
    ).stdout.strip()


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown CPU")
