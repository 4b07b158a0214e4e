"""The job, stage by stage and whole, against the floor: markdown tables from one run.

    python scripts/bench/stages.py --work DIR [--size-mb 100 --size-mb 400] [--runs 3]

Every line is its own process; CPU is that of the whole tree (JVM, Python workers). The cost of a
token is the slope between two sizes of corpus, run one after the other, so start-up (JVM, imports,
loading the tokenizer) stands apart. No plan is broadcast, as none could be at scale.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from about import about
from events import log_options, read_tasks
from processes import Cost, Yardstick, run

HERE = Path(__file__).resolve().parent
BFPACK = [sys.executable, "-c", "from bfpack_spark.cli import main; main()"]
NO_BROADCAST = ["--spark-conf", "spark.sql.autoBroadcastJoinThreshold=-1"]
FLOOR, WHOLE, AGAIN, VERIFY = "floor", "whole job at 2048", "8192 from the store", "verify at 2048"
STAGES = ("tokenize", "plan at 2048", "assemble at 2048")

WHOLE_MB = {"code": 400, "prose": 200}

Text: TypeAlias = Literal["code", "prose"]
Pair: TypeAlias = tuple[str, Cost, Cost]  # a step, on the small corpus and on the large one


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What one series of processes works on."""

    corpus: Path
    tokenizer: Path
    output: Path

    def command(self, name: str, *more: object) -> list[str]:
        where = ["--output", self.output, "--bucket", "b", *more]
        return [*BFPACK, name, *map(str, where), *NO_BROADCAST]

    @property
    def text(self) -> list[object]:
        return ["--input", self.corpus, "--tokenizer", self.tokenizer, "--id-column", "doc_id"]

    @property
    def events(self) -> Path:
        """Where Spark's event log of the assembly goes."""
        return self.output.with_name(f"{self.output.name}-events")

    def version(self, seq_len: int) -> Path:
        folder = self.output / "b" / f"sequences-{seq_len}"
        return folder / str(json.loads((folder / "_current.json").read_text())["version"])


def main() -> None:
    options = _parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    text: Text = "prose" if options.prose else "code"
    sizes_mb = sorted(options.size_mb)
    corpora = [make_corpus(options.work, size, text, sizes_mb[-1]) for size in sizes_mb]
    tokenizer = options.tokenizer or _tokenizer(options.work, corpora[0])
    grounds = [
        Ground(corpus=corpus, tokenizer=tokenizer, output=options.work / f"out-{corpus.name}")
        for corpus in corpora
    ]
    with Yardstick() as yardstick:
        pairs = [list(measure_both(grounds, yardstick)) for _ in range(options.runs)]
    tokens = [_manifest(ground.version(2048))["totals"]["tokens"] for ground in grounds]
    sizes = " and ".join(f"{count / 1e6:.0f} M" for count in tokens)
    print(f"{about()} {sizes} tokens of {text}, median of {options.runs}. {yardstick.said()}\n")
    _print_ratios(*_print_costs(pairs, tokens))
    _print_bytes(grounds[1], tokens[1])


def measure_both(grounds: Sequence[Ground], yardstick: Yardstick) -> Iterator[Pair]:
    """Every line of the table once, from nothing: a step on the small corpus, and at once on the
    large one, since a machine's speed may change from one minute to the next."""
    for (name, small), (_, large) in zip(*map(_measure, grounds), strict=True):
        yardstick.look()
        yield name, small, large


def _measure(ground: Ground) -> Iterator[tuple[str, Cost]]:
    at = ["--seq-len", 2048]
    shutil.rmtree(ground.output, ignore_errors=True)
    yield WHOLE, run(ground.command("pack", *ground.text, *at))
    shutil.rmtree(ground.output)
    yield "tokenize", run(ground.command("tokenize", *ground.text))
    yield "plan at 2048", run(ground.command("plan", *at))
    yield "assemble at 2048", run(ground.command("assemble", *at, *log_options(ground.events)))
    yield VERIFY, run(ground.command("verify", *at))
    yield AGAIN, run(ground.command("pack", *ground.text, "--seq-len", 8192))
    yield FLOOR, run_floor(ground)


def run_floor(ground: Ground) -> Cost:
    made = ground.output.with_name("floor")
    shutil.rmtree(made, ignore_errors=True)
    file = ground.tokenizer
    where = {
        "corpus": ground.corpus,
        "tokenizer": file / "tokenizer.json" if file.is_dir() else file,
        "sequences": ground.version(2048),
        "output": made,
    }
    options = [str(part) for name, path in where.items() for part in (f"--{name}", path)]
    return run([sys.executable, str(HERE / "floor.py"), *options])


def _print_costs(
    pairs: list[list[Pair]], tokens: list[int]
) -> tuple[dict[str, float], dict[str, float]]:
    """The table; returns seconds of CPU a token and of start-up. Peaks are those of both sizes."""
    print("| | ns of CPU a token | start-up, s of CPU | larger, wall, s | Python peaks, MB |")
    print("|---|---:|---:|---:|---:|")
    per_token, start_up = {}, {}
    for name in (FLOOR, *STAGES, WHOLE, AGAIN, VERIFY):
        own = [pair[1:] for run in pairs for pair in run if pair[0] == name]
        slopes = [(large.cpu - small.cpu) / (tokens[1] - tokens[0]) for small, large in own]
        starts = [small.cpu - s * tokens[0] for s, (small, _) in zip(slopes, own, strict=True)]
        per_token[name] = statistics.median(slopes)
        wall = statistics.median(large.wall for _, large in own)
        peaks = [statistics.median(pair[n].python_mb for pair in own) for n in (0, 1)]
        start_up[name] = statistics.median(starts)
        print(
            f"| {name} | {per_token[name] * 1e9:.0f} | {start_up[name]:.1f} | {wall:.1f} "
            f"| {peaks[0]:.0f}, {peaks[1]:.0f} |"
        )
    return per_token, start_up


def _print_ratios(per_token: dict[str, float], start_up: dict[str, float]) -> None:
    rows = (
        ("whole job / floor", per_token[WHOLE] / per_token[FLOOR], "2.5"),
        ("8192 from the store / floor", per_token[AGAIN] / per_token[FLOOR], "1.3"),
        ("verify / whole job", per_token[VERIFY] / per_token[WHOLE], "0.25"),
        ("start-up of the whole job, s", start_up[WHOLE], "25"),
    )
    print("\n| ratio, by CPU a token | here | target |\n|---|---:|---:|")
    for name, found, target in rows:
        print(f"| {name} | {found:.2f} | <= {target} |")


def _print_bytes(ground: Ground, tokens: int) -> None:
    held = _manifest(ground.version(2048))
    store = ground.output / "b" / "tokens"
    stored = json.loads((store / "_current.json").read_text())["version"]
    shards = sum(e["bytes"] for e in held["files"] if e["kind"] == "shards")
    every = sum(e["bytes"] for e in [*held["files"], *_manifest(store / stored)["files"]])
    shuffled = sum(task.shuffle_bytes for task in read_tasks(ground.events))
    rows = (
        ("shards, bytes a token", shards / tokens, ""),
        ("token store + plan + shards / shards", every / shards, "<= 2.2"),
        ("shuffle written by assemble / token bytes", shuffled / (4 * tokens), "<= 1.15"),
    )
    print("\n| bytes, at the larger size | here | target |\n|---|---:|---:|")
    for name, found, target in rows:
        print(f"| {name} | {found:.2f} | {target} |")


def _manifest(version: Path) -> dict:  # type: ignore[type-arg]
    return dict(json.loads((version / "_manifest.json").read_text()))


def make_corpus(work: Path, size_mb: int, text: Text = "code", of_mb: int | None = None) -> Path:
    """So much of this machine's text: every n-th document of a corpus of `of_mb`, so that smaller
    and larger ones are alike (the script takes sources first, and then what else there is)."""
    whole_mb = max(size_mb, of_mb or WHOLE_MB[text])
    whole = work / f"{text}-{whole_mb}"
    if not whole.exists():
        maker = [sys.executable, HERE.parent / "make_corpus.py", "--output", whole]
        size = ["--size-mb", str(whole_mb), "--min-documents", "1"]
        kind = ["--prose"] if text == "prose" else []
        subprocess.run([*map(str, maker), *size, *kind], check=True)
    if size_mb == whole_mb:
        return whole
    part = work / f"{text}-{size_mb}-of-{whole_mb}"
    if not part.exists():
        _write_part(whole, part, size_mb / whole_mb)
    return part


def _write_part(whole: Path, part: Path, share: float) -> None:
    unfinished = part.with_name(f".{part.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for path in sorted(whole.glob("*.parquet")):
        table = pq.read_table(path)
        reached = np.floor(np.arange(len(table) + 1) * share)
        chosen = table.filter(pa.array(np.diff(reached) > 0))
        pq.write_table(chosen, unfinished / path.name, row_group_size=256)
    unfinished.rename(part)


def _tokenizer(work: Path, corpus: Path) -> Path:
    tokenizer = work / "tokenizer"
    if not tokenizer.exists():
        trainer = [sys.executable, HERE.parent / "train_tokenizer.py", "--corpus", corpus]
        subprocess.run([*map(str, trainer), "--output", str(tokenizer)], check=True)
    return tokenizer


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="directory for corpora and output")
    parser.add_argument("--size-mb", type=int, action="append", help="two sizes of text")
    parser.add_argument("--prose", action="store_true", help="documents instead of sources")
    parser.add_argument("--tokenizer", type=Path, help="default: one of 16k trained on the corpus")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    whole_mb = WHOLE_MB["prose" if options.prose else "code"]
    options.size_mb = options.size_mb or [whole_mb // 4, whole_mb]
    if len(options.size_mb) != 2:
        parser.error("--size-mb: give two sizes")
    return options


if __name__ == "__main__":
    main()
