"""The plan stage (measure, group, pack, write) on generated lengths: CPU a document.

    python scripts/bench/lengths.py --work DIR [--documents 1000000 ...]

Runs `bfpack plan` on token stores that hold lengths and no tokens: the command reads no more. CPU
is that of the whole process tree; a document's cost is the slope between two sizes, run one after
the other, so start-up stands apart. A second table: sequences over ceil(tokens / seq_len), by the
packer on counts, whose numbers the plan stage is held to. Then one plan and `bfpack stats` of a
hundred million documents: more than two minutes a run are needed for the next tenfold.
"""

import argparse
import itertools
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from commands import BFPACK, BUCKET, bfpack_4g, flags, parser_of
from events import log_options, read_tasks
from figures import Line, about, medians, print_head, spread, verdict
from generated import FILE_TOKENS, store_of_lengths
from model import GROUP_DOCUMENTS_MAX, Layout, best_fit, print_blocks
from packers import MEAN_TOKENS, draw_lengths
from processes import Cost, Yardstick, run

from bfpack_spark.core.accounting import account
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.groups import num_groups
from bfpack_spark.core.histogram import Histogram

SEQ_LEN = 2048
MICROSECONDS_MAX = 5
OVERHEAD_MAX = 1e-4
LARGEST_DOCUMENTS = 10**8
STATS_SEQ_LENS = (2048, 8192)


def main() -> None:
    parser = parser_of(__doc__, "work", "runs")
    parser.add_argument("--documents", type=int, action="append", help="sizes; two or more")
    parser.add_argument("--largest-documents", type=int, default=LARGEST_DOCUMENTS)
    options = parser.parse_args()
    sizes = sorted(options.documents or [10**6, 10**7, 3 * 10**7])
    stores = [_make_store(options.work, size) for size in sizes]
    with Yardstick() as yardstick:
        runs = [_run_all(stores, yardstick) for _ in range(options.runs)]
    print(f"{about()} seq_len {SEQ_LEN}, median of {options.runs}. {yardstick.said()}")
    _print_costs(sizes, runs)
    _print_slopes(sizes, runs)
    for store in stores:
        shutil.rmtree(store)
    _print_overheads(draw_lengths(10**6))
    _print_largest(options)


def _make_store(work: Path, documents: int) -> Path:
    output = work / f"lengths-{documents}"
    shutil.rmtree(output, ignore_errors=True)
    store_of_lengths(output, draw_lengths(documents))
    return output


def _run_all(stores: Sequence[Path], yardstick: Yardstick) -> list[tuple[Cost, int]]:
    """A plan of each store, and the bytes that it shuffles."""
    found = []
    for store in stores:
        found.append(_plan(store))
        yardstick.look()
    return found


def _plan(store: Path) -> tuple[Cost, int]:
    log = store.with_name("events")
    shutil.rmtree(store / BUCKET / f"sequences-{SEQ_LEN}", ignore_errors=True)
    cost = run(bfpack_4g("plan", store, *log_options(log), seq_len=SEQ_LEN))
    return cost, sum(task.shuffle_bytes for task in read_tasks(log))


def _print_costs(sizes: Sequence[int], runs: Sequence[list[tuple[Cost, int]]]) -> None:
    print_head(
        "documents | groups | CPU, s | wall, s | Python worker peak, MB | JVM peak, MB "
        "| shuffled, bytes a document",
        "rrrrrrr",
    )
    for size, own in zip(sizes, zip(*runs, strict=True), strict=True):
        costs = (cost for cost, _ in own)
        cpu, wall, worker, jvm = medians(costs, "cpu", "wall", "worker_mb", "jvm_mb")
        groups = num_groups(size, GROUP_DOCUMENTS_MAX)
        print(
            f"| {size:,} | {groups} | {cpu:.1f} | {wall:.1f} | {worker:.0f} | {jvm:.0f} "
            f"| {own[0][1] / size:.0f} |"
        )


def _print_slopes(sizes: Sequence[int], runs: Sequence[list[tuple[Cost, int]]]) -> None:
    names = "from, to | us of CPU a document | least, most | start-up, s of CPU | target, us"
    print_head(names, "lrrrr")
    before = None
    for at, (small, large) in enumerate(itertools.pairwise(sizes)):
        line = Line(sizes=(small, large), costs=[(own[at][0], own[at + 1][0]) for own in runs])
        slopes = [slope * 1e6 for slope in line.slopes]
        slope = statistics.median(slopes)
        limit = MICROSECONDS_MAX if before is None else before
        print(
            f"| {small:,}, {large:,} | {slope:.2f} | {spread(slopes, '.2f')} "
            f"| {statistics.median(line.starts):.1f} | <= {limit:.2f}: {verdict(slope <= limit)} |"
        )
        before = slope if before is None else before


def _print_overheads(drawn: Int64) -> None:
    lengths, counts = np.unique(drawn, return_counts=True)
    histogram = Histogram(values=lengths, counts=counts)
    names = f"{len(drawn):,} documents at | groups | sequences | over the bound | target"
    print_head(names, "rrrrr")
    for seq_len, groups in itertools.product((2048, 8192), (1, 10)):
        found = account(histogram, best_fit(seq_len, len(drawn) // groups))
        print(
            f"| {seq_len:,} | {groups} | {found.num_sequences:,} | {found.overhead:.4%} "
            f"| <= {OVERHEAD_MAX:.2%} |"
        )


def _print_largest(options: argparse.Namespace) -> None:
    """One plan at the largest size, beside the model of its blocks, and statistics of it."""
    documents = options.largest_documents
    store = _make_store(options.work, documents)
    cost, _ = _plan(store)
    layout = Layout(
        tokens=round(documents * MEAN_TOKENS),
        seq_len=SEQ_LEN,
        shuffle_ratio=0,
        file_tokens=FILE_TOKENS,
    )
    print(
        f"\n{documents:,} documents in {layout.groups} groups, planned in {cost.cpu:.0f} s of CPU, "
        f"{cost.wall:.0f} of wall, {cost.worker_mb:.0f} MB a worker, {cost.jvm_mb:.0f} the JVM."
    )
    print_blocks(list(layout.plan_shuffles()), store.with_name("events"))
    stats = [*BFPACK, "stats", *flags(output=store, bucket=BUCKET)]
    stats += [part for seq_len in STATS_SEQ_LENS for part in flags(seq_len=seq_len)]
    costs = [run(stats) for _ in range(options.runs)]
    shutil.rmtree(store)
    at = " and ".join(f"{seq_len:,}" for seq_len in STATS_SEQ_LENS)
    print_head(f"documents, stats at {at} | wall, s | CPU, s | peak, MB", "rrrr")
    middle = medians(costs, "wall", "cpu", "python_mb")
    print("| {:,} | {:.1f} | {:.1f} | {:.0f} |".format(documents, *middle))


if __name__ == "__main__":
    main()
