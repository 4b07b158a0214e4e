"""Packers alone: fragments in, the sequence of every fragment out; ours beside those in use today.

    python scripts/bench/packers.py --work DIR [--peers .bench/peers/bin/python] [--runs 3]

Lengths are log-normal (mu 5.82, sigma 0.99), like RefinedWeb's. Each packer is a process of its
own, on one thread; CPU time around the call, so neither imports nor making the lengths nor cutting
them count. Ours and the fast peers take turns, and their ratio is that of the same turn, so that a
drift of the machine's speed hits all alike; the slow peers run once. The table says which peers
pack for over two minutes by the clock, refuse such lengths, or fail. A billion documents are packed
on counts: not a draw, but the histogram to expect of so many.
"""

import argparse
import json
import math
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
from commands import flags, made_folder, parser_of
from figures import about, print_head
from processes import Yardstick, in_turns, run

from bfpack_spark.core.best_fit import pack, pack_counts
from bfpack_spark.core.fragments import Int64, count_fragments, cut_documents
from bfpack_spark.core.histogram import Histogram

HERE = Path(__file__).resolve().parent
SECONDS_MAX = 120  # of a peer's packing, by the clock
PROCESS_SECONDS_MAX = 300  # of its process, which also imports, prepares, checks what it made
PACKING_TOO_SLOW = f"over {SECONDS_MAX} s"
PROCESS_TOO_SLOW = f"process over {PROCESS_SECONDS_MAX} s"
NOT_RUN = f"not run, over {SECONDS_MAX} s"
MU, SIGMA = 5.82, 0.99  # of the logarithm of a document's tokens
MEAN_TOKENS = math.exp(MU + SIGMA**2 / 2)  # of a document: 550
FAST_PEERS = {
    "seqpacker (Rust)": ("seqpacker", "seqpacker_bfd"),
    "lightbinpack (C++)": ("lightbinpack", "lightbinpack_bfd"),
}  # the better of a package's variants counts
SLOW_PEERS = {"OLMo-core": "olmo_core", "TRL": "trl"}
PACKAGES = ("seqpacker", "lightbinpack", "ai2-olmo-core", "trl")
# By what peer_packers.py returns, or the signal that ends it; else it failed.
NO_FIGURE = {3: "refused", 4: "loses tokens", -signal.SIGALRM: PACKING_TOO_SLOW}

# ns of CPU a document, one a turn; or why there are none.
Figures: TypeAlias = list[float] | str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One size at one seq_len."""

    documents: int
    seq_len: int
    sequences: int
    lower_bound: int
    ours: list[float]
    peers: dict[str, Figures]

    def __str__(self) -> str:
        cells = [_said(figures) for figures in (self.ours, *self.peers.values())]
        if self.peers:
            ratios = self.to_fast_peers
            cells.append(f"{statistics.median(ratios):.2f}" if ratios else "no figure")
        over = f"{self.sequences / self.lower_bound - 1:.4%}"
        shape = f"{self.documents:,} | {self.seq_len:,} | {self.sequences:,} | {over}"
        return f"| {shape} | {' | '.join(cells)} |"

    @property
    def to_fast_peers(self) -> list[float]:
        """Turn by turn, ours as a multiple of the faster of the Rust and the C++ packer; empty
        when neither has figures."""
        theirs = [self.peers[name] for name in FAST_PEERS if name in self.peers]
        figures = [own for own in theirs if not isinstance(own, str)]
        return [ours / min(turn) for ours, *turn in zip(self.ours, *figures, strict=True) if turn]


def main() -> None:
    parser = parser_of(__doc__, "peers", "runs")
    parser.add_argument("--work", type=made_folder, default=".bench/packers")
    parser.add_argument("--documents", type=int, action="append")
    parser.add_argument("--seq-len", type=int, action="append")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure_ours(np.load(options.one), options.seq_len[0])))
        return
    _print_head(options)
    rows = []
    with Yardstick() as yardstick:
        for row in _measure(options):
            print(row, flush=True)
            rows.append(row)
            yardstick.look()
    print(f"\n{yardstick.said()}")
    _print_targets(rows)
    _print_counts(options.runs)


def _print_head(options: argparse.Namespace) -> None:
    print(f"{about()} ns of CPU a document, median of {options.runs} (OLMo-core and TRL: 1).")
    timed = "fragments in, cut beforehand; out, the sequence of every fragment"
    print(f"Timed, for all packers: {timed}, with no order within a sequence.")
    names = ["ours"]
    if options.peers:
        names += [*FAST_PEERS, *SLOW_PEERS, "ours / the faster of Rust and C++"]
        print(f"Peers: {_versions(options.peers)}; TRL also moves the tokens, here of a byte each.")
        print(f"'{NOT_RUN}': at the cost a document of the size before it would take longer.")
    shape = "documents | seq_len | sequences | over the bound"
    print_head(f"{shape} | {' | '.join(names)}", "r" * (4 + len(names)))


def _versions(python: str) -> str:
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    found = run([python, "-c", code, *PACKAGES]).out.split()
    return ", ".join(map(" ".join, zip(PACKAGES, found, strict=True)))


def draw_lengths(documents: int) -> Int64:
    drawn = np.random.default_rng(0).lognormal(MU, SIGMA, documents)
    return np.maximum(1, np.rint(drawn)).astype(np.int64)


def expected_histogram(documents: int) -> Histogram:
    """How many of so many documents have each length. The running total is what is rounded, so
    lengths that less than one document has each still get their share together."""
    normal = NormalDist(MU, SIGMA)
    longest = round(math.exp(normal.inv_cdf(1 - 1 / documents)))
    edges = np.log(np.arange(1, longest) + 0.5).tolist()  # of lengths 1, 2, ... longest
    below = np.rint(np.array([0.0, *map(normal.cdf, edges), 1.0]) * documents)
    counts = np.diff(below).astype(np.int64)
    lengths = np.flatnonzero(counts)
    return Histogram(values=lengths + 1, counts=counts[lengths])


def measure_ours(lengths: Int64, seq_len: int) -> dict[str, Any]:
    """As for the peers, documents are cut before the clock starts."""
    fragments = cut_documents(lengths, seq_len).length
    start = time.process_time()
    _, num_sequences = pack(fragments, seq_len)
    spent = time.process_time() - start
    return {"ns_per_document": spent / len(lengths) * 1e9, "bins": num_sequences}


def _measure(options: argparse.Namespace) -> Iterator[Row]:
    smaller: dict[int, Row] = {}  # seq_len -> the row of the size before
    for documents in options.documents or [10**5, 10**6, 10**7]:
        lengths = draw_lengths(documents)
        path = options.work / f"lengths-{documents}.npy"
        np.save(path, lengths)
        for seq_len in options.seq_len or [2048, 8192, 131_072]:
            row = _row(options, path, lengths, seq_len, smaller.get(seq_len))
            smaller[seq_len] = row
            yield row


def _row(
    options: argparse.Namespace, path: Path, lengths: Int64, seq_len: int, smaller: Row | None
) -> Row:
    said, peers = _take_turns(options, path, seq_len)
    for name, packer in SLOW_PEERS.items() if options.peers else ():
        if _too_slow(name, len(lengths), smaller):
            peers[name] = NOT_RUN
        else:
            figure = _run_peer(options.peers, packer, path, seq_len, said[0]["bins"])
            peers[name] = figure if isinstance(figure, str) else [figure]
    return Row(
        documents=len(lengths),
        seq_len=seq_len,
        sequences=said[0]["bins"],
        lower_bound=-(-int(lengths.sum()) // seq_len),
        ours=[turn["ns_per_document"] for turn in said],
        peers=peers,
    )


def _take_turns(
    options: argparse.Namespace, path: Path, seq_len: int
) -> tuple[list[dict[str, Any]], dict[str, Figures]]:
    """What ours said, turn by turn, and the fast peers' figures of the same turns."""
    own = [sys.executable, __file__, *flags(one=path, seq_len=seq_len)]
    fast = FAST_PEERS if options.peers else {}
    said: list[dict[str, Any]] = []
    found: dict[str, Figures] = {packer: [] for packers in fast.values() for packer in packers}
    for _ in range(options.runs):
        said.append(json.loads(run(own).out))
        for packer, figures in found.items():
            if not isinstance(figures, str):
                figure = _run_peer(options.peers, packer, path, seq_len, said[-1]["bins"])
                found[packer] = figure if isinstance(figure, str) else [*figures, figure]
    return said, {name: _best([found[p] for p in packers]) for name, packers in fast.items()}


def _best(variants: Sequence[Figures]) -> Figures:
    """Those of the least median; with none, why each variant has none."""
    figures = [found for found in variants if not isinstance(found, str)]
    if figures:
        return min(figures, key=statistics.median)
    return ", ".join(dict.fromkeys(map(str, variants)))


def _too_slow(name: str, documents: int, smaller: Row | None) -> bool:
    """Whether a peer would take over two minutes even if it took no more a document than before."""
    known = smaller.peers[name] if smaller else ""
    return not isinstance(known, str) and known[0] * documents > SECONDS_MAX * 1e9


def _run_peer(python: str, packer: str, path: Path, seq_len: int, num_bins: int) -> float | str:
    """ns a document, or why there is no figure: so many bins are what exact best fit makes."""
    told = flags(packer=packer, lengths=path, seq_len=seq_len, seconds_max=SECONDS_MAX)
    command = [python, str(HERE / "peer_packers.py"), *told]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PROCESS_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return PROCESS_TOO_SLOW
    if done.returncode:
        print(f"{' '.join(command)}: {done.returncode} {done.stderr[-500:]}", file=sys.stderr)
        return NO_FIGURE.get(done.returncode, "failed")
    said = json.loads(done.stdout)
    if said["bins"] != num_bins:
        return f"{said['bins']:,} sequences"
    return float(said["ns_per_document"])


def _said(figures: Figures) -> str:
    return figures if isinstance(figures, str) else f"{statistics.median(figures):,.0f}"


def _print_targets(rows: Sequence[Row]) -> None:
    """A line for each size that has a target and was run, of its worst seq_len."""
    targets = list(_targets(rows))
    if targets:
        print_head("target | here | met", "lrl")
    for target in targets:
        print(f"| {' | '.join(target)} |")


def _targets(rows: Iterable[Row]) -> Iterator[tuple[str, str, str]]:
    """What must be, what is, whether it is so."""
    by_documents: dict[int, list[Row]] = {}
    for row in rows:
        by_documents.setdefault(row.documents, []).append(row)
    for documents, own in sorted(by_documents.items()):
        if documents == 10**7:
            slowest = max(own, key=lambda row: statistics.median(row.ours))
            met = statistics.median(slowest.ours) <= 150
            here = f"{_spread(slowest.ours, 0)} at {slowest.seq_len:,}"
            yield f"ours at {documents:,} documents, ns: <= 150", here, "yes" if met else "no"
        if own[0].peers and (documents == 10**5 or documents >= 10**6):
            limit = "< 1" if documents >= 10**6 else "<= 3"
            target = f"ours / the faster of Rust and C++ at {documents:,} documents: {limit}"
            yield target, *_worst_ratio(own, documents)


def _worst_ratio(rows: Sequence[Row], documents: int) -> tuple[str, str]:
    """The highest median ratio of all seq_lens, and whether it meets its target. A seq_len at which
    neither fast peer has a figure is named, and then the target may be missed, but not met."""
    known = [row for row in rows if row.to_fast_peers]
    unknown = [f"{row.seq_len:,}" for row in rows if not row.to_fast_peers]
    said = [f"no figure of either at {' and '.join(unknown)}"] if unknown else []
    if not known:
        return said[0], "not known"
    worst = max(known, key=lambda row: statistics.median(row.to_fast_peers))
    ratio = statistics.median(worst.to_fast_peers)
    said.insert(0, f"{_spread(worst.to_fast_peers, 2)} at {worst.seq_len:,}")
    met = ratio < 1 if documents >= 10**6 else ratio <= 3
    return "; ".join(said), "no" if not met else "not known" if unknown else "yes"


def _spread(figures: Sequence[float], digits: int) -> str:
    """[1, 4, 2] -> "2 (1 to 4)"."""
    middle, low, high = statistics.median(figures), min(figures), max(figures)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def _print_counts(runs: int) -> None:
    names = "a billion documents on counts, seq_len | sequences | ms of CPU | target, ms"
    print_head(names, "rrrr")
    histogram = expected_histogram(10**9)
    for seq_len, target in ((2048, 200), (8192, 1500), (131_072, 5000)):
        fragments = count_fragments(histogram.values, histogram.counts, seq_len, "split")
        (spent,) = in_turns({"counts": partial(pack_counts, fragments)}, runs).values()
        milliseconds = statistics.median(spent) * 1e3
        num_bins = pack_counts(fragments).num_bins
        print(f"| {seq_len:,} | {num_bins:,} | {milliseconds:.0f} | {target:,} |")


if __name__ == "__main__":
    main()
