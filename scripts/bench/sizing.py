"""What a corpus takes: a model of measured constants, a run with 2,000 shards, a simulation beyond.

    python scripts/bench/sizing.py --work DIR [--only model --only shards --only simulation]

The model is arithmetic on constants that the other benchmarks measure; each is an option, and its
default is a figure of theirs. Documents are as long as RefinedWeb's. The run checks names and rows
of 2,000 shards. The simulation counts 5 trillion tokens through the planner's own arithmetic.
"""

import argparse
import itertools
import json
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from about import about
from cliffs import ordinary
from events import log_options, read_tasks
from generated import BUCKET, command, corpus_of_tokens
from packers import MU, SIGMA, expected_histogram
from processes import run

from bfpack_spark.core.accounting import Rules, account
from bfpack_spark.core.groups import num_groups
from bfpack_spark.core.rows import default_num_shards

MEAN_TOKENS = math.exp(MU + SIGMA**2 / 2)
SIMULATED_TOKENS = 5 * 10**12
SEQ_LENS = (2048, 8192)
FILE_TOKENS = 1 << 25  # a token file: one mapper of the assemble shuffle
BLOCK_BYTES_MIN = 64 << 10
GROUP_DOCUMENTS_MAX = 2_000_000
NUM_SHARDS = 2000


def main() -> None:
    options = _parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    print(about())
    parts = {"model": _print_model, "shards": _print_shards, "simulation": _print_simulation}
    for name in options.only or parts:
        parts[name](options)


# The model


@dataclass(frozen=True, kw_only=True)
class Case:
    """A corpus and how to pack it: so many buckets, one run each."""

    tokens: int
    buckets: int = 1
    num_shards: int | None = None  # default: the job's own choice

    def words(self) -> str:
        many = f", {self.buckets} buckets" if self.buckets > 1 else ""
        return f"{self.tokens:,} tokens{many}" + (
            f", --num-shards {self.num_shards}" if self.num_shards else ""
        )


CASES = (
    Case(tokens=10**9),
    Case(tokens=10**11, buckets=3),
    Case(tokens=10**11, num_shards=512),
    Case(tokens=SIMULATED_TOKENS, buckets=150),
)


def _print_model(options: argparse.Namespace) -> None:
    columns = [dict(model(case, options)) for case in CASES]
    print(f"\n| at {options.seq_len:,} | {' | '.join(case.words() for case in CASES)} |")
    print("|---|" + "---:|" * len(CASES))
    for name in columns[0]:
        print(f"| {name} | {' | '.join(column[name] for column in columns)} |")
    shards = largest_num_shards(options.shuffle_ratio)
    print(
        f"\nBlocks of {BLOCK_BYTES_MIN >> 10} KiB: up to {shards:,} shards, so one run takes a "
        f"bucket of up to {shards * 2**26 / 1e9:,.0f} billion tokens with shards of 2^26 tokens, "
        f"and of {shards * 2**30 / 1e12:.1f} trillion with shards of 2^30 (--num-shards {shards})."
    )


def model(case: Case, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Name and value of each line of the table; CPU and bytes are those of all buckets, the rest
    is a bucket's."""
    tokens = case.tokens // case.buckets
    documents = round(tokens / MEAN_TOKENS)
    shards = case.num_shards or default_num_shards(-(-tokens // options.seq_len), options.seq_len)
    mappers = -(-tokens // FILE_TOKENS)
    shuffled = 4 * tokens * options.shuffle_ratio
    all_documents = documents * case.buckets
    assemble = case.tokens * options.assemble_ns + shards * case.buckets * options.shard_ms * 1e6
    yield "CPU hours, tokenize", _hours(case.tokens * options.tokenize_ns)
    yield "CPU hours, plan", _hours(all_documents * options.plan_us * 1e3)
    yield "CPU hours, assemble", _hours(assemble)
    yield "shuffled by plan, GB", f"{all_documents * options.plan_shuffle_bytes / 1e9:,.1f}"
    yield "shuffled by assemble, GB", f"{shuffled * case.buckets / 1e9:,.0f}"
    yield "documents a bucket", f"{documents:,}"
    yield "groups", f"{num_groups(documents, GROUP_DOCUMENTS_MAX):,}"
    yield "token files, so mappers", f"{mappers:,}"
    yield "shards, so reducers", f"{shards:,}"
    yield "mean block, KiB", f"{shuffled / mappers / shards / 2**10:,.1f}"
    yield "worker, plan, MB", f"{_plan_mb(documents, options):,.0f}"
    yield "worker, assemble, MB", f"{_shard_mb(tokens / shards, options):,.0f}"


def largest_num_shards(shuffle_ratio: float) -> int:
    """The largest power of two whose blocks are not too small: a token file's bytes, divided by the
    shards."""
    return int(2 ** math.floor(math.log2(4 * FILE_TOKENS * shuffle_ratio / BLOCK_BYTES_MIN)))


def _hours(nanoseconds: float) -> str:
    return f"{nanoseconds / 3.6e12:,.1f}"


def _plan_mb(documents: int, options: argparse.Namespace) -> float:
    group = min(documents, GROUP_DOCUMENTS_MAX)
    return float(options.plan_mb + group * options.plan_bytes / 2**20)


def _shard_mb(shard_tokens: float, options: argparse.Namespace) -> float:
    return float(options.assemble_mb + shard_tokens * options.shard_bytes / 2**20)


# 2,000 shards


def _print_shards(options: argparse.Namespace) -> None:
    """A real run; exits if a name, a row or a token is missing."""
    corpus, output, log = options.work / "corpus", options.work / "output", options.work / "events"
    for folder in (corpus, corpus.with_name("corpus-tokenizer"), output):
        shutil.rmtree(folder, ignore_errors=True)
    source = corpus_of_tokens(corpus, ordinary(options.shard_run_tokens))
    run(command("tokenize", output, *source))
    shape = ["--seq-len", 512, "--num-shards", NUM_SHARDS]
    plan = run(command("plan", output, *shape))
    assemble = run(command("assemble", output, *shape, *log_options(log)))
    (version,) = (output / BUCKET / "sequences-512").glob("*/_manifest.json")
    rows = check_shards(version.parent)
    tasks = read_tasks(log)
    blocks = sum(task.shuffle_blocks for task in tasks)
    print(f"\n| {NUM_SHARDS:,} shards of {options.shard_run_tokens:,} tokens at 512 | |")
    print("|---|---:|")
    for name, value in (
        ("rows a shard", f"{min(rows)} to {max(rows)}"),
        ("plan, s of CPU", f"{plan.cpu:.1f}"),
        ("assemble, s of CPU", f"{assemble.cpu:.1f}"),
        ("assemble, s of wall", f"{assemble.wall:.1f}"),
        ("largest Python process, MB", f"{assemble.python_mb:.0f}"),
        ("blocks fetched", f"{blocks:,}"),
        ("mean block, KiB", f"{sum(task.shuffle_bytes for task in tasks) / blocks / 2**10:.1f}"),
    ):
        print(f"| {name} | {value} |")
    shutil.rmtree(output)


def check_shards(version: Path) -> list[int]:
    """Rows of each shard, by the Parquet footers; names and totals are those they must be."""
    manifest = json.loads((version / "_manifest.json").read_text())
    names = sorted(path.name for path in (version / "shards").iterdir())
    rows = [pq.read_metadata(version / "shards" / name).num_rows for name in names]
    wanted = [f"part-{number:05d}.parquet" for number in range(NUM_SHARDS)]
    for what, found, expected in (
        ("names", names, wanted),
        ("rows", sum(rows), manifest["accounting"]["num_sequences"]),
        ("tokens", manifest["totals"]["tokens"], manifest["accounting"]["num_tokens"]),
        ("spread of rows", max(rows) - min(rows) <= 1, True),
    ):
        if found != expected:
            raise SystemExit(f"{version}: {what} are {found}, should be {expected}")
    return rows


# Beyond


def _print_simulation(options: argparse.Namespace) -> None:
    histogram = expected_histogram(round(options.simulated_tokens / MEAN_TOKENS))
    print(
        f"\n| {histogram.num_documents:,} documents, {histogram.num_tokens:,} tokens, counted at | "
        "groups of | groups | sequences | over the bound | s of CPU |"
    )
    print("|---:|---:|---:|---:|---:|---:|")
    for seq_len, size in itertools.product(SEQ_LENS, (GROUP_DOCUMENTS_MAX, 10**11)):
        rules = Rules(
            seq_len=seq_len,
            packing="best_fit",
            long_documents="split",
            group_documents_max=size,
            seed=0,
        )
        start = time.process_time()
        found = account(histogram, rules)
        spent = time.process_time() - start
        groups = num_groups(histogram.num_documents, size)
        print(
            f"| {seq_len:,} | {size:,} | {groups:,} | {found.num_sequences:,} "
            f"| {found.overhead:.5%} | {spent:.1f} |",
            flush=True,
        )


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", action="append", choices=["model", "shards", "simulation"])
    parser.add_argument("--seq-len", type=int, default=2048)
    parser.add_argument("--shard-run-tokens", type=int, default=30_000_000)
    parser.add_argument("--simulated-tokens", type=int, default=SIMULATED_TOKENS)
    constants = parser.add_argument_group("measured constants")
    for name, default, meaning in (
        ("tokenize-ns", 52.0, "CPU a token, tokenize (stages.py, the higher of code and prose)"),
        ("assemble-ns", 58.0, "CPU a token, assemble (likewise)"),
        ("shard-ms", 50.0, "CPU a shard above its tokens (the run with 2,000 shards)"),
        ("plan-us", 2.5, "CPU a document, plan (lengths.py)"),
        ("shuffle-ratio", 0.42, "bytes shuffled by assemble / bytes of its tokens (stages.py)"),
        ("plan-shuffle-bytes", 88.0, "shuffled by plan a document (lengths.py)"),
        ("plan-mb", 190.0, "memory of a worker of plan, but for its group (memory.py)"),
        ("assemble-mb", 280.0, "memory of a worker of assemble, but for its shard (memory.py)"),
        ("plan-bytes", 190.0, "memory a document of a group (memory.py)"),
        ("shard-bytes", 8.0, "memory a token of a shard (memory.py)"),
    ):
        constants.add_argument(f"--{name}", type=float, default=default, help=meaning)
    return parser.parse_args()


if __name__ == "__main__":
    main()
