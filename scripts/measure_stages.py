"""What each stage costs in CPU per token: a table for the README, from one run on one machine.

    python scripts/measure_stages.py --work DIR [--size-mb 100 --size-mb 400] [--runs 3]

Every stage is its own `bfpack` process; CPU is that of the whole tree (JVM, Python workers). The
cost of a token is the slope between the two corpus sizes, so start-up stands apart. Linux only.
"""

import argparse
import contextlib
import ctypes
import datetime
import importlib.metadata
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
BFPACK = [sys.executable, "-c", "from bfpack_spark.cli import main; main()"]
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """Of one process tree, in seconds."""

    cpu: float
    wall: float


def main() -> None:
    options = _options()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    small, large = (_corpus(options.work, size) for size in sorted(options.size_mb))
    tokenizer = options.tokenizer or _tokenizer(options.work, small)
    measured = [
        [_stages(corpus, tokenizer, options.work / "output") for _ in range(options.runs)]
        for corpus in (small, large)
    ]
    tokens = [runs[0][1] for runs in measured]
    print(_about(options, tokens))
    print("| stage | ns of CPU a token | start-up, s of CPU | wall of the larger, s |")
    print("|---|---:|---:|---:|")
    for stage in measured[0][0][0]:
        cpu = [statistics.median(run[0][stage].cpu for run in runs) for runs in measured]
        wall = statistics.median(run[0][stage].wall for run in measured[1])
        slope = (cpu[1] - cpu[0]) / (tokens[1] - tokens[0])
        print(f"| {stage} | {slope * 1e9:.0f} | {cpu[0] - slope * tokens[0]:.1f} | {wall:.1f} |")


def _stages(corpus: Path, tokenizer: Path, output: Path) -> tuple[dict[str, Cost], int]:
    """Run every stage once from nothing; what each cost, and the tokens of the corpus."""
    shutil.rmtree(output, ignore_errors=True)
    where = ["--output", output, "--bucket", "measured"]
    text = ["--input", corpus, "--tokenizer", tokenizer, "--id-column", "doc_id"]
    no_broadcast = ["--spark-conf", "spark.sql.autoBroadcastJoinThreshold=-1"]
    at = [*where, "--seq-len", 2048]
    commands = {
        "tokenize": ["tokenize", *where, *text],
        "plan at 2048": ["plan", *at],
        "assemble at 2048": ["assemble", *at, *no_broadcast],
        "verify at 2048": ["verify", *at, *no_broadcast],
    }
    costs = {stage: _run([*BFPACK, *map(str, command)]) for stage, command in commands.items()}
    manifest = json.loads(next(output.glob("measured/tokens/*/_manifest.json")).read_text())
    return costs, manifest["totals"]["tokens"]


def _run(command: list[str]) -> Cost:
    """CPU of the process and all its descendants, sampled: Spark's Python daemon lets the kernel
    discard what its workers used, so accounting by wait() would miss them."""
    start = time.monotonic()
    cpu: dict[psutil.Process, float] = {}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None or psutil.Process().children(recursive=True):
            _sample(cpu, process.pid)
            time.sleep(0.05)
        if process.returncode:
            said.seek(0)
            sys.exit(f"measure_stages: {' '.join(command)}: {said.read().decode()[-2000:]}")
    return Cost(sum(cpu.values()), time.monotonic() - start)


def _sample(cpu: dict[psutil.Process, float], main: int) -> None:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            times = process.cpu_times()
            cpu[process] = times.user + times.system
            if process.status() == psutil.STATUS_ZOMBIE and process.pid != main:
                os.waitpid(process.pid, os.WNOHANG)


def _corpus(work: Path, size_mb: int) -> Path:
    corpus = work / f"corpus-{size_mb}"
    if not corpus.exists():
        maker = [sys.executable, HERE / "make_corpus.py", "--output", corpus]
        subprocess.run([*map(str, maker), "--size-mb", str(size_mb)], check=True)
    return corpus


def _tokenizer(work: Path, corpus: Path) -> Path:
    tokenizer = work / "tokenizer"
    if not tokenizer.exists():
        trainer = [sys.executable, HERE / "train_tokenizer.py", "--corpus", corpus]
        subprocess.run([*map(str, trainer), "--output", str(tokenizer)], check=True)
    return tokenizer


def _about(options: argparse.Namespace, tokens: list[int]) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        cwd=HERE,
        check=False,
    ).stdout.strip()
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown CPU",
    )
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("pyspark", "pyarrow", "fastokens")
    )
    sizes = " and ".join(f"{count / 1e6:.0f} M" for count in tokens)
    return (
        f"{sizes} tokens, median of {options.runs}; commit {commit}, "
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {os.cpu_count()} x {cpu}, {versions}\n"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="directory for corpora and output")
    parser.add_argument("--size-mb", type=int, action="append", help="two sizes of text")
    parser.add_argument("--tokenizer", type=Path, help="default: one of 16k trained on the corpus")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    options.size_mb = options.size_mb or [100, 400]
    if len(options.size_mb) != 2:
        parser.error("--size-mb: give two sizes")
    return options


if __name__ == "__main__":
    main()
