"""The plan stage (measure, group, pack, write) on generated lengths: CPU a document.

    python scripts/bench/lengths.py --work DIR [--documents 1000000 ...]

Runs `bfpack plan` on token stores that hold lengths and no tokens: the command reads no more. CPU
is that of the whole process tree; a document's cost is the slope between two sizes, so start-up
stands apart. A second table: sequences over ceil(tokens / seq_len), by the packer on counts, whose
numbers the plan stage is held to. A third: `bfpack stats` of a hundred million documents.
"""

import argparse
import itertools
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from about import about
from events import log_options, read_tasks
from generated import BUCKET, command, store_of_lengths
from packers import draw_lengths
from processes import Cost, run
from stages import BFPACK

from bfpack_spark.core.accounting import Histogram, Rules, account
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.groups import num_groups

GROUP_DOCUMENTS_MAX = 2_000_000
SEQ_LEN = 2048
MICROSECONDS_MAX = 5
OVERHEAD_MAX = 1e-4
STATS_DOCUMENTS = 10**8
STATS_SEQ_LENS = (2048, 8192)


def main() -> None:
    options = _parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    sizes = sorted(options.documents or [10**6, 10**7, 3 * 10**7])
    print(f"{about()} seq_len {SEQ_LEN}, median of {options.runs}.\n")
    costs, shuffled = zip(*(measure(options, size) for size in sizes), strict=True)
    _print_costs(sizes, costs, shuffled)
    _print_overheads(draw_lengths(10**6))
    _print_stats(options)


def measure(options: argparse.Namespace, documents: int) -> tuple[Cost, int]:
    """The run of median CPU, and the bytes that it shuffles; the plan is made anew each time."""
    output = options.work / f"lengths-{documents}"
    shutil.rmtree(output, ignore_errors=True)
    store_of_lengths(output, draw_lengths(documents))
    log = options.work / "events"
    plan = command("plan", output, "--seq-len", SEQ_LEN)
    runs = []
    for _ in range(options.runs):
        shutil.rmtree(output / BUCKET / f"sequences-{SEQ_LEN}", ignore_errors=True)
        runs.append(run([*plan, *log_options(log)]))
    shutil.rmtree(output)
    shuffled = sum(task.shuffle_bytes for task in read_tasks(log))
    middle = statistics.median_low(cost.cpu for cost in runs)
    return next(cost for cost in runs if cost.cpu == middle), shuffled


def _print_costs(sizes: Sequence[int], costs: Sequence[Cost], shuffled: Sequence[int]) -> None:
    print(
        "| documents | groups | CPU, s | wall, s | Python worker peak, MB | JVM peak, MB "
        "| shuffled, bytes a document |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for size, cost, num_bytes in zip(sizes, costs, shuffled, strict=True):
        groups = num_groups(size, GROUP_DOCUMENTS_MAX)
        print(
            f"| {size:,} | {groups} | {cost.cpu:.1f} | {cost.wall:.1f} "
            f"| {cost.python_mb:.0f} | {cost.jvm_mb:.0f} | {num_bytes / size:.0f} |"
        )
    print("\n| from, to | us of CPU a document | start-up, s of CPU | target, us |")
    print("|---|---:|---:|---:|")
    for (small, less), (large, more) in itertools.pairwise(zip(sizes, costs, strict=True)):
        slope = (more.cpu - less.cpu) / (large - small)
        start = less.cpu - slope * small
        print(f"| {small:,}, {large:,} | {slope * 1e6:.2f} | {start:.1f} | <= {MICROSECONDS_MAX} |")


def _print_overheads(drawn: Int64) -> None:
    lengths, counts = np.unique(drawn, return_counts=True)
    histogram = Histogram(lengths=lengths, counts=counts)
    print(f"\n| {len(drawn):,} documents at | groups | sequences | over the bound | target |")
    print("|---:|---:|---:|---:|---:|")
    for seq_len, groups in itertools.product((2048, 8192), (1, 10)):
        rules = Rules(
            seq_len=seq_len,
            packing="best_fit",
            long_documents="split",
            group_documents_max=len(drawn) // groups,
            seed=0,
        )
        found = account(histogram, rules)
        print(
            f"| {seq_len:,} | {groups} | {found.num_sequences:,} | {found.overhead:.4%} "
            f"| <= {OVERHEAD_MAX:.2%} |"
        )


def _print_stats(options: argparse.Namespace) -> None:
    output = options.work / "lengths-stats"
    shutil.rmtree(output, ignore_errors=True)
    store_of_lengths(output, draw_lengths(options.stats_documents))
    stats = [*BFPACK, "stats", "--output", str(output), "--bucket", BUCKET]
    stats += [part for seq_len in STATS_SEQ_LENS for part in ("--seq-len", str(seq_len))]
    costs = [run(stats) for _ in range(options.runs)]
    shutil.rmtree(output)
    at = " and ".join(f"{seq_len:,}" for seq_len in STATS_SEQ_LENS)
    print(f"\n| documents, stats at {at} | wall, s | CPU, s | peak, MB |")
    print("|---:|---:|---:|---:|")
    middle = (
        statistics.median(getattr(cost, name) for cost in costs)
        for name in ("wall", "cpu", "python_mb")
    )
    print("| {:,} | {:.1f} | {:.1f} | {:.0f} |".format(options.stats_documents, *middle))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--documents", type=int, action="append", help="sizes; two or more")
    parser.add_argument("--stats-documents", type=int, default=STATS_DOCUMENTS)
    parser.add_argument("--runs", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
