"""What the tables share: where they were made, heads, slopes between two sizes, medians, spreads,
and whether a limit is met."""

import datetime
import importlib.metadata
import os
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import Cost

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


def print_head(names: str, sides: str) -> None:
    """Print a blank line and the head of a table: "a | b", and "lr" where a column is aligned."""
    rule = "|".join({"l": "---", "r": "---:"}[side] for side in sides)
    print(f"\n| {names} |\n|{rule}|", flush=True)


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """What one more of the size adds: sizes 10 and 30, values 5 and 9 -> 0.2."""
    (small, large), (less, more) = sizes, values
    return (more - less) / (large - small)


def medians(measured: Iterable[Any], *names: str) -> list[float]:
    """The median of each of these attributes."""
    every = list(measured)
    return [statistics.median(getattr(each, name) for each in every) for name in names]


def spread(figures: Sequence[float], form: str = ".0f") -> str:
    """[1, 4, 2] -> "1, 4"."""
    return f"{min(figures):{form}}, {max(figures):{form}}"


def verdict(met: bool) -> str:  # noqa: FBT001
    return "met" if met else "NOT met"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of a table: what it cost at the small size and the large, a pair a repetition."""

    sizes: Sequence[int]  # tokens or documents
    costs: Sequence[tuple[Cost, Cost]]

    @property
    def slopes(self) -> list[float]:
        """Seconds of CPU a token or document, in each repetition."""
        return [slope(self.sizes, (small.cpu, large.cpu)) for small, large in self.costs]

    @property
    def starts(self) -> list[float]:
        """Seconds of CPU that no token or document costs."""
        pairs = zip(self.slopes, self.costs, strict=True)
        return [small.cpu - each * self.sizes[0] for each, (small, _) in pairs]

    def per(self, other: "Line") -> list[float]:
        """Ratios of the slopes within each repetition."""
        return [a / b for a, b in zip(self.slopes, other.slopes, strict=True)]
