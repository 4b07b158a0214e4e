"""What a corpus takes: a model of measured constants, a run with 2,000 shards, a simulation beyond.

    python scripts/bench/sizing.py --work DIR [--only model --only shards --only simulation]

The model (model.py) multiplies the layout that the job would choose by constants that the other
benchmarks print; each is an option. The run checks names and rows of 2,000 shards, and the model's
blocks. The simulation counts a bucket of 15 trillion tokens in 100 through the planner's own
arithmetic.
"""

import argparse
import itertools
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from cliffs import ordinary
from commands import BUCKET, bfpack_4g, flags, parser_of
from events import log_options
from figures import about, print_head, slope
from generated import corpus_of_tokens
from model import (
    BLOCK_BYTES_MIN,
    GROUP_DOCUMENTS_MAX,
    Layout,
    best_fit,
    largest_bucket,
    print_blocks,
)
from packers import MEAN_TOKENS, expected_histogram
from processes import Cost, run

from bfpack_spark.core.accounting import account
from bfpack_spark.core.groups import num_groups
from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.publication import Home, current, current_sequences

SIMULATED_TOKENS, SIMULATED_BUCKETS = 15 * 10**12, 100
SEQ_LENS = (2048, 8192)
NUM_SHARDS, FEW_SHARDS, SHARDS_SEQ_LEN = 2000, 32, 512
CONSTANTS = {
    "tokenize_ns": (42.0, "CPU a token, tokenize (stages.py, the higher, or scale.py)"),
    "assemble_ns": (47.0, "CPU a token, assemble (likewise)"),
    "shard_ms": (46.0, "CPU a shard above its tokens (--only shards)"),
    "plan_us": (2.5, "CPU a document, plan (lengths.py, the higher)"),
    "shuffle_ratio": (0.42, "bytes shuffled of tokens / their bytes (stages.py, the higher)"),
    "plan_mb": (230.0, "a worker of plan, but for its group (memory.py)"),
    "plan_bytes": (217.0, "memory a document of a group (memory.py)"),
    "assemble_mb": (440.0, "a worker of assemble, but for its shard (memory.py)"),
    "shard_bytes": (8.0, "memory a token of a shard (memory.py)"),
}


def main() -> None:
    parser = parser_of(__doc__, "work", "seq-len")
    parser.add_argument("--only", action="append", choices=["model", "shards", "simulation"])
    parser.add_argument("--shard-run-tokens", type=int, default=30_000_000)
    parser.add_argument("--simulated-tokens", type=int, default=SIMULATED_TOKENS)
    constants = parser.add_argument_group("measured constants")
    for name, (default, meaning) in CONSTANTS.items():
        option = f"--{name.replace('_', '-')}"
        constants.add_argument(option, type=float, default=default, help=meaning)
    options = parser.parse_args()
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

    def words(self) -> str:
        return f"{self.tokens:,} tokens" + (f", {self.buckets} buckets" if self.buckets > 1 else "")


CASES = (
    Case(tokens=10**9),
    Case(tokens=10**11),
    Case(tokens=SIMULATED_TOKENS, buckets=SIMULATED_BUCKETS),
)


def _print_model(options: argparse.Namespace) -> None:
    print(f"\n{', '.join(f'{name} {getattr(options, name):g}' for name in CONSTANTS)}")
    columns = [dict(model(case, options)) for case in CASES]
    print_head(f"at {options.seq_len:,} | {' | '.join(case.words() for case in CASES)}", "lrrr")
    for name in dict.fromkeys(name for column in columns for name in column):
        print(f"| {name} | {' | '.join(column.get(name, '') for column in columns)} |")
    largest = largest_bucket(_layout(CASES[1], options))
    low = min(largest.shuffles, key=lambda shuffle: shuffle.block_bytes)
    print(
        f"\nOne run takes a bucket of up to {largest.tokens / 1e12:.1f} trillion tokens "
        f"({largest.documents / 1e9:.1f} billion documents) with no blocks under "
        f"{BLOCK_BYTES_MIN >> 10} KiB in the mean; beyond it {low.name.partition(': ')[2]} "
        "would be sent in smaller ones."
    )


def _layout(case: Case, options: argparse.Namespace) -> Layout:
    return Layout(
        tokens=case.tokens // case.buckets,
        seq_len=options.seq_len,
        shuffle_ratio=options.shuffle_ratio,
    )


def model(case: Case, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Name and value of each line of the table; CPU and bytes are those of all buckets, the rest
    is a bucket's."""
    own = _layout(case, options)
    shards_ns = own.shards * case.buckets * options.shard_ms * 1e6
    yield "CPU hours, tokenize", _hours(case.tokens * options.tokenize_ns)
    yield "CPU hours, plan", _hours(own.documents * case.buckets * options.plan_us * 1e3)
    yield "CPU hours, assemble", _hours(case.tokens * options.assemble_ns + shards_ns)
    for stage in ("tokenize", "plan", "assemble"):
        moved = sum(s.num_bytes for s in own.shuffles if s.name.startswith(f"{stage}:"))
        yield f"shuffled by {stage}, GB", f"{moved * case.buckets / 1e9:,.1f}"
    yield "documents a bucket", f"{own.documents:,}"
    yield "groups", f"{own.groups:,}"
    yield "token files", f"{own.files:,}"
    yield "shards", f"{own.shards:,}"
    of_group = min(own.documents, GROUP_DOCUMENTS_MAX) * options.plan_bytes / 1e6
    yield "worker, plan, MB", f"{options.plan_mb + of_group:,.0f}"
    of_shard = own.shard_tokens * options.shard_bytes / 1e6
    yield "worker, assemble, MB", f"{options.assemble_mb + of_shard:,.0f}"
    for shuffle in own.shuffles:
        blocks = f"{shuffle.senders:,} x {shuffle.receivers:,}"
        yield shuffle.name, f"{blocks}, {shuffle.block_bytes / 2**10:,.0f} KiB"


def _hours(nanoseconds: float) -> str:
    return f"{nanoseconds / 3.6e12:,.1f}"


# 2,000 shards


def _print_shards(options: argparse.Namespace) -> None:
    """A real run, and one with few shards, whose difference is what a shard costs; exits if a name,
    a row or a token is missing."""
    corpus, output, log = options.work / "corpus", options.work / "output", options.work / "events"
    for folder in (corpus, corpus.with_name("corpus-tokenizer"), output):
        shutil.rmtree(folder, ignore_errors=True)
    source = corpus_of_tokens(corpus, ordinary(options.shard_run_tokens))
    run(bfpack_4g("tokenize", output, *source))
    few, _ = _assemble(output, FEW_SHARDS, log)
    many, rows = _assemble(output, NUM_SHARDS, log)
    each = slope((FEW_SHARDS, NUM_SHARDS), (few.cpu, many.cpu))
    what = f"{NUM_SHARDS:,} shards of {options.shard_run_tokens:,} tokens at {SHARDS_SEQ_LEN}"
    print_head(f"{what} |", "lr")
    for name, value in (
        ("rows a shard", f"{min(rows)} to {max(rows)}"),
        ("assemble, s of CPU", f"{many.cpu:.1f}"),
        (f"assemble, s of CPU, with {FEW_SHARDS} shards", f"{few.cpu:.1f}"),
        ("ms of CPU a shard more", f"{each * 1e3:.0f}"),
        ("assemble, s of wall", f"{many.wall:.1f}"),
        ("largest worker, MB", f"{many.worker_mb:.0f}"),
    ):
        print(f"| {name} | {value} |")
    files = len(current(Home(output=str(output), bucket=BUCKET))[1].files_of("documents"))
    layout = Layout(
        tokens=options.shard_run_tokens,
        seq_len=SHARDS_SEQ_LEN,
        shuffle_ratio=1,  # random ids do not compress
        file_tokens=-(-options.shard_run_tokens // files),
        num_shards=NUM_SHARDS,
    )
    print_blocks(list(layout.assemble_shuffles()), log)
    shutil.rmtree(output)


def _assemble(output: Path, num_shards: int, log: Path) -> tuple[Cost, list[int]]:
    """What it costs, and the rows of each shard."""
    home = Home(output=str(output), bucket=BUCKET, seq_len=SHARDS_SEQ_LEN)
    shutil.rmtree(home.directory, ignore_errors=True)
    shape = flags(seq_len=SHARDS_SEQ_LEN, num_shards=num_shards)
    run(bfpack_4g("plan", output, *shape))
    cost = run(bfpack_4g("assemble", output, *shape, *log_options(log)))
    version, manifest = current_sequences(home)
    return cost, check_shards(Path(version), manifest, num_shards)


def check_shards(version: Path, manifest: SequencesManifest, num_shards: int) -> list[int]:
    """Rows of each shard, by the Parquet footers; names and totals are those they must be."""
    names = sorted(path.name for path in (version / "shards").iterdir())
    rows = [pq.read_metadata(version / "shards" / name).num_rows for name in names]
    wanted = [f"part-{number:05d}.parquet" for number in range(num_shards)]
    for what, found, expected in (
        ("names", names, wanted),
        ("rows", sum(rows), manifest.accounting.num_sequences),
        ("tokens", manifest.totals.tokens, manifest.accounting.num_tokens),
        ("spread of rows", max(rows) - min(rows) <= 1, True),
    ):
        if found != expected:
            raise SystemExit(f"{version}: {what} are {found}, should be {expected}")
    return rows


# Beyond


def _print_simulation(options: argparse.Namespace) -> None:
    """One bucket, since all are alike; sequences and groups are those of all buckets."""
    buckets = SIMULATED_BUCKETS
    histogram = expected_histogram(round(options.simulated_tokens / buckets / MEAN_TOKENS))
    print_head(
        f"{buckets} buckets of {histogram.count:,} documents, {histogram.total:,} tokens, at | "
        "groups of | groups | sequences | over the bound | s of CPU a bucket",
        "rrrrrr",
    )
    for seq_len, size in itertools.product(SEQ_LENS, (GROUP_DOCUMENTS_MAX, 10**11)):
        start = time.process_time()
        found = account(histogram, best_fit(seq_len, size))
        spent = time.process_time() - start
        groups = num_groups(histogram.count, size)
        print(
            f"| {seq_len:,} | {size:,} | {groups * buckets:,} | {found.num_sequences * buckets:,} "
            f"| {found.overhead:.5%} | {spent:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
