"""The job, stage by stage and whole, against the floor: markdown tables from one run.

    python scripts/bench/stages.py --work DIR [--size-mb 100 --size-mb 400] [--runs 3] [--prose]

Every line is its own process; CPU is that of the whole tree (JVM, Python workers). The cost of a
token is the slope between two sizes of corpus, run one after the other, so start-up (JVM, imports,
loading the tokenizer) stands apart. No plan is broadcast, as none could be at scale. A machine has
some 200 MB of prose; more is the same documents over and over, by other ids. The engine's cache
makes them cheaper to tokenize than others, for the floor as for us, so ratios to the floor come out
higher, not lower.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from about import about
from events import log_options, read_tasks
from processes import Cost, Yardstick, run

HERE = Path(__file__).resolve().parent
BFPACK = [sys.executable, "-c", "from bfpack_spark.cli import main; main()"]
NO_BROADCAST = ["--spark-conf", "spark.sql.autoBroadcastJoinThreshold=-1"]
FLOOR, WHOLE, AGAIN, VERIFY = "floor", "whole job at 2048", "8192 from the store", "verify at 2048"
STAGES = (TOKENIZE, PLAN, ASSEMBLE) = ("tokenize", "plan at 2048", "assemble at 2048")

WHOLE_MB = {"code": 400, "prose": 200}
SIZES_MB = {"code": (100, 400), "prose": (200, 800)}

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

    def events(self, stage: str) -> Path:
        """Where Spark's event log of the stage goes."""
        return self.output.with_name(f"{self.output.name}-events") / stage.partition(" ")[0]

    def version(self, seq_len: int) -> Path:
        folder = self.output / "b" / f"sequences-{seq_len}"
        return folder / str(json.loads((folder / "_current.json").read_text())["version"])


def main() -> None:
    options = _parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    text: Text = "prose" if options.prose else "code"
    sizes_mb = sorted(options.size_mb)
    corpora = [_corpus(options.work, size, text, sizes_mb[-1]) for size in sizes_mb]
    tokenizer = options.tokenizer or text_tokenizer(options.work)
    grounds = [
        Ground(corpus=corpus, tokenizer=tokenizer, output=options.work / f"out-{corpus.name}")
        for corpus in corpora
    ]
    with Yardstick() as yardstick:
        pairs = [list(measure_both(grounds, yardstick)) for _ in range(options.runs)]
    tokens = [_manifest(ground.version(2048))["totals"]["tokens"] for ground in grounds]
    sizes = " and ".join(f"{count / 1e6:.0f} M" for count in tokens)
    print(f"{about()} {sizes} tokens of {text}, median of {options.runs}. {yardstick.said()}\n")
    slopes = _print_costs(pairs, tokens)
    _print_ratios(slopes, _costs(pairs, WHOLE), tokens)
    _print_memory(pairs)
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
    logs = [log_options(ground.events(stage)) for stage in STAGES]
    yield TOKENIZE, run(ground.command("tokenize", *ground.text, *logs[0]))
    yield PLAN, run(ground.command("plan", *at, *logs[1]))
    yield ASSEMBLE, run(ground.command("assemble", *at, *logs[2]))
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


def _costs(pairs: list[list[Pair]], name: str) -> list[tuple[Cost, Cost]]:
    """Of this step, on the small corpus and on the large one, a pair a repetition."""
    return [pair[1:] for repetition in pairs for pair in repetition if pair[0] == name]


def _start(slope: float, small: Cost, tokens: list[int]) -> float:
    """Seconds of CPU that no token costs."""
    return small.cpu - slope * tokens[0]


def _print_costs(pairs: list[list[Pair]], tokens: list[int]) -> dict[str, list[float]]:
    """The table; returns seconds of CPU a token in each repetition. Peaks are of both sizes."""
    print(
        "| | ns of CPU a token | least, most | start-up, s of CPU | larger, wall, s | worker, MB |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    found = {}
    for name in (FLOOR, *STAGES, WHOLE, AGAIN, VERIFY):
        own = _costs(pairs, name)
        slopes = [(large.cpu - small.cpu) / (tokens[1] - tokens[0]) for small, large in own]
        starts = [_start(s, small, tokens) for s, (small, _) in zip(slopes, own, strict=True)]
        wall = statistics.median(large.wall for _, large in own)
        peaks = [_peak(pair[n] for pair in own) for n in (0, 1)]
        print(
            f"| {name} | {statistics.median(slopes) * 1e9:.0f} "
            f"| {min(slopes) * 1e9:.0f}, {max(slopes) * 1e9:.0f} "
            f"| {statistics.median(starts):.1f} | {wall:.1f} | {peaks[0]:.0f}, {peaks[1]:.0f} |"
        )
        found[name] = slopes
    return found


def _peak(costs: Iterable[Cost]) -> float:
    """Of the largest Python process but the driver; the floor is but one."""
    return statistics.median(cost.worker_mb or cost.driver_mb for cost in costs)


def _print_ratios(
    slopes: dict[str, list[float]], whole: list[tuple[Cost, Cost]], tokens: list[int]
) -> None:
    """Ratios within each repetition: median, least and most."""
    starts = [_start(s, small, tokens) for s, (small, _) in zip(slopes[WHOLE], whole, strict=True)]
    rows = (
        ("whole job / floor", _ratios(slopes, WHOLE, FLOOR), 2.5),
        ("8192 from the store / floor", _ratios(slopes, AGAIN, FLOOR), 1.3),
        ("verify / whole job", _ratios(slopes, VERIFY, WHOLE), 0.25),
        ("start-up of the whole job, s", starts, 25),
    )
    print("\n| ratio, by CPU a token | here | least, most | target | |\n|---|---:|---:|---:|---|")
    for name, found, target in rows:
        here = statistics.median(found)
        print(
            f"| {name} | {here:.2f} | {min(found):.2f}, {max(found):.2f} | <= {target} "
            f"| {_verdict(found, here, target)} |"
        )


def _verdict(found: Sequence[float], here: float, target: float) -> str:
    clear = min(found) > target or max(found) <= target
    return ("met" if here <= target else "NOT met") + ("" if clear else ", but not in every run")


def _ratios(slopes: dict[str, list[float]], above: str, below: str) -> list[float]:
    return [a / b for a, b in zip(slopes[above], slopes[below], strict=True)]


def _print_memory(pairs: list[list[Pair]]) -> None:
    print("\n| at the larger size | a worker, MB | the JVM, MB |\n|---|---:|---:|")
    for name in (WHOLE, VERIFY):
        own = [large for _, large in _costs(pairs, name)]
        jvm = statistics.median(cost.jvm_mb for cost in own)
        print(f"| {name} | {_peak(own):.0f} | {jvm:.0f} |")


def _print_bytes(ground: Ground, tokens: int) -> None:
    held = _manifest(ground.version(2048))
    store = ground.output / "b" / "tokens"
    stored = json.loads((store / "_current.json").read_text())["version"]
    shards = sum(e["bytes"] for e in held["files"] if e["kind"] == "shards")
    every = sum(e["bytes"] for e in [*held["files"], *_manifest(store / stored)["files"]])
    shuffled = {
        stage: sum(task.shuffle_bytes for task in read_tasks(ground.events(stage))) / (4 * tokens)
        for stage in STAGES
    }
    rows = (
        ("shards, bytes a token", shards / tokens, ""),
        ("token store + plan + shards / shards", every / shards, "<= 2.2"),
        *((f"shuffle written by {s} / token bytes", by, "") for s, by in shuffled.items()),
        ("shuffle written by all / token bytes", sum(shuffled.values()), "<= 1.15"),
    )
    print("\n| bytes, at the larger size | here | target |\n|---|---:|---:|")
    for name, found, target in rows:
        print(f"| {name} | {found:.2f} | {target} |")


def _manifest(version: Path) -> dict:  # type: ignore[type-arg]
    return dict(json.loads((version / "_manifest.json").read_text()))


def _corpus(work: Path, size_mb: int, text: Text, largest_mb: int) -> Path:
    there = largest_mb if text == "code" else WHOLE_MB["prose"]
    if size_mb <= there:
        return make_corpus(work, size_mb, text, there)
    folder = work / f"{text}-{size_mb}"
    if not folder.exists():
        _write_copies(make_corpus(work, there, text), folder, size_mb // there)
    return folder


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
    with _written_whole(part) as folder:
        for path in sorted(whole.glob("*.parquet")):
            table = pq.read_table(path)
            reached = np.floor(np.arange(len(table) + 1) * share)
            chosen = table.filter(pa.array(np.diff(reached) > 0))
            pq.write_table(chosen, folder / path.name, row_group_size=256)


def _write_copies(whole: Path, corpus: Path, copies: int) -> None:
    with _written_whole(corpus) as folder:
        for path in sorted(whole.glob("*.parquet")):
            table = pq.read_table(path)
            for number in range(copies):
                doc_id = pc.binary_join_element_wise(table.column("doc_id"), str(number), "~")
                copy = table.set_column(0, "doc_id", doc_id)
                pq.write_table(copy, folder / f"{number}-{path.name}", row_group_size=256)


@contextmanager
def _written_whole(corpus: Path) -> Iterator[Path]:
    """Where to write it; it has its name when all is there."""
    unfinished = corpus.with_name(f".{corpus.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    yield unfinished
    unfinished.rename(corpus)


def text_tokenizer(work: Path) -> Path:
    """A byte-level BPE of 16k entries, trained on this machine's own text."""
    folder = work / "tokenizer"
    if not folder.exists():
        trainer = [sys.executable, HERE.parent / "train_tokenizer.py"]
        where = ["--corpus", make_corpus(work, 24), "--output", folder]
        subprocess.run([str(part) for part in (*trainer, *where)], check=True)
    return folder


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
    text = "prose" if options.prose else "code"
    options.size_mb = options.size_mb or SIZES_MB[text]
    if len(options.size_mb) != 2:
        parser.error("--size-mb: give two sizes")
    there = WHOLE_MB["prose"]
    if options.prose and any(size > there and size % there for size in options.size_mb):
        parser.error(f"--size-mb: of prose more than {there} is that over and over, so a multiple")
    return options


if __name__ == "__main__":
    main()
