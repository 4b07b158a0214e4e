"""Packers alone: lengths in, the place of every document out; ours beside those in use today.

    python scripts/bench/packers.py --work DIR [--peers .bench/peers/bin/python] [--runs 3]

Lengths are log-normal (mu 5.82, sigma 0.99), like RefinedWeb's. Each packer is a process of its
own, on one thread; CPU time around the call, so neither imports nor making the lengths count.
The table says which peers pack for over two minutes by the clock, refuse such lengths, or fail.
A billion documents are packed on counts: not a draw, but the histogram to expect of so many.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from about import about
from processes import run

from bfpack_spark.core.accounting import Histogram
from bfpack_spark.core.best_fit import pack, pack_counts
from bfpack_spark.core.fragments import Int64, count_fragments, cut_documents

HERE = Path(__file__).resolve().parent
SECONDS_MAX = 120  # of a peer's packing
PROCESS_SECONDS_MAX = 300  # of its process, which also imports, prepares, checks what it made
MU, SIGMA = 5.82, 0.99  # of the logarithm of a document's tokens
FAST_PEERS = {
    "seqpacker (Rust)": ("seqpacker", "seqpacker_bfd"),
    "lightbinpack (C++)": ("lightbinpack", "lightbinpack_bfd"),
}
PEERS = {
    **FAST_PEERS,
    "OLMo-core": ("olmo_core",),
    "TRL": ("trl",),
}  # the better of a package's variants counts
RUN_ONCE = ("olmo_core", "trl")
NO_FIGURE = {3: "refused", 4: "loses tokens"}  # what peer_packers.py returns; else it failed


@dataclass(frozen=True, kw_only=True)
class Row:
    """Figures are ns of CPU a document; in place of a peer's, why there is none."""

    documents: int
    seq_len: int
    sequences: int
    lower_bound: int
    ours: float
    peers: dict[str, float | str]

    def __str__(self) -> str:
        cells = (_said(figure) for figure in (self.ours, *self.peers.values()))
        over = f"{self.sequences / self.lower_bound - 1:.4%}"
        shape = f"{self.documents:,} | {self.seq_len:,} | {self.sequences:,} | {over}"
        return f"| {shape} | {' | '.join(cells)} |"

    @property
    def to_fast_peers(self) -> float | None:
        """Ours as a multiple of the faster of the Rust and the C++ packer; None without either."""
        theirs = [self.peers[name] for name in FAST_PEERS if name in self.peers]
        figures = [figure for figure in theirs if isinstance(figure, float)]
        return self.ours / min(figures) if figures else None


def main() -> None:
    options = _parse_options()
    if options.one:
        print(json.dumps(measure_ours(np.load(options.one), options.seq_len[0])))
        return
    options.work.mkdir(parents=True, exist_ok=True)
    names = ["ours", *(PEERS if options.peers else [])]
    print(f"{about()} ns of CPU a document, median of {options.runs} (TRL and OLMo-core: 1).\n")
    print(f"| documents | seq_len | sequences | over the bound | {' | '.join(names)} |")
    print("|---:|---:|---:|---:|" + "---:|" * len(names))
    rows = []
    for row in _measure(options):
        print(row, flush=True)
        rows.append(row)
    _print_targets(rows)
    _print_counts(options.runs)


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
    return Histogram(lengths=lengths + 1, counts=counts[lengths])


def measure_ours(lengths: Int64, seq_len: int) -> dict[str, float]:
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
    own = [sys.executable, str(Path(__file__)), "--one", str(path), "--seq-len", str(seq_len)]
    found = [json.loads(run(own).out) for _ in range(options.runs)]
    return Row(
        documents=len(lengths),
        seq_len=seq_len,
        sequences=found[0]["bins"],
        lower_bound=-(-int(lengths.sum()) // seq_len),
        ours=statistics.median(said["ns_per_document"] for said in found),
        peers={
            name: _too_slow(name, len(lengths), smaller)
            or _best([_peer(options, variant, path, seq_len) for variant in variants])
            for name, variants in (PEERS if options.peers else {}).items()
        },
    )


def _too_slow(name: str, documents: int, smaller: Row | None) -> str | None:
    """A peer that would take over two minutes even if it took no more a document than before."""
    known = smaller.peers[name] if smaller else None
    if isinstance(known, float) and known * documents > SECONDS_MAX * 1e9:
        return f"over {SECONDS_MAX} s"
    return None


def _best(variants: list[float | str]) -> float | str:
    """The least figure; with none, why each variant has none."""
    figures = [found for found in variants if isinstance(found, float)]
    return min(figures) if figures else ", ".join(dict.fromkeys(map(str, variants)))


def _peer(options: argparse.Namespace, packer: str, path: Path, seq_len: int) -> float | str:
    """ns a document, or why there is no figure."""
    where = ["--packer", packer, "--lengths", str(path), "--seq-len", str(seq_len)]
    found = []
    for _ in range(1 if packer in RUN_ONCE else options.runs):
        once = _run_peer([options.peers, str(HERE / "peer_packers.py"), *where])
        if isinstance(once, str):
            return once
        found.append(once)
    return statistics.median(found)


def _run_peer(command: list[str]) -> float | str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PROCESS_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return f"over {SECONDS_MAX} s"
    if done.returncode:
        print(f"{' '.join(command)}: {done.returncode} {done.stderr[-500:]}", file=sys.stderr)
        return NO_FIGURE.get(done.returncode, "failed")
    said = json.loads(done.stdout)
    if said["wall_seconds"] > SECONDS_MAX:
        return f"over {SECONDS_MAX} s"
    if not said["same_as_exact_bfd"]:
        return f"{said['bins']:,} sequences"
    return float(said["ns_per_document"])


def _said(figure: float | str) -> str:
    return figure if isinstance(figure, str) else f"{figure:,.0f}"


def _print_targets(rows: Sequence[Row]) -> None:
    """A line for each size that has a target and was run, of its worst seq_len."""
    targets = list(_targets(rows))
    if targets:
        print("\n| target | here | met |\n|---|---:|---|")
    for target, here, met in targets:
        print(f"| {target} | {here} | {'yes' if met else 'no'} |")


def _targets(rows: Iterable[Row]) -> Iterator[tuple[str, str, bool]]:
    """What must be, what is, whether it is so."""
    by_documents: dict[int, list[Row]] = {}
    for row in rows:
        by_documents.setdefault(row.documents, []).append(row)
    for documents, own in sorted(by_documents.items()):
        if documents == 10**7:
            slowest = max(own, key=lambda row: row.ours)
            here = f"{slowest.ours:,.0f} (at {slowest.seq_len:,})"
            yield f"ours at {documents:,} documents, ns: <= 150", here, slowest.ours <= 150
        ratios = [(row.to_fast_peers, row.seq_len) for row in own if row.to_fast_peers is not None]
        if ratios and (documents == 10**5 or documents >= 10**6):
            ratio, seq_len = max(ratios)
            limit, met = ("< 1", ratio < 1) if documents >= 10**6 else ("<= 3", ratio <= 3)
            target = f"ours / the faster of Rust and C++ at {documents:,} documents: {limit}"
            yield target, f"{ratio:.2f} (at {seq_len:,})", met


def _print_counts(runs: int) -> None:
    print("\n| a billion documents on counts, seq_len | sequences | ms of CPU | target, ms |")
    print("|---:|---:|---:|---:|")
    histogram = expected_histogram(10**9)
    for seq_len, target in ((2048, 200), (8192, 1500), (131_072, 5000)):
        fragments = count_fragments(histogram.lengths, histogram.counts, seq_len, "split")
        spent = []
        for _ in range(runs):
            start = time.process_time()
            packing = pack_counts(fragments)
            spent.append((time.process_time() - start) * 1e3)
        milliseconds = statistics.median(spent)
        print(f"| {seq_len:,} | {packing.num_bins:,} | {milliseconds:.0f} | {target:,} |")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path(".bench/packers"))
    parser.add_argument("--peers", help="python of the peers' environment; without it, ours alone")
    parser.add_argument("--documents", type=int, action="append")
    parser.add_argument("--seq-len", type=int, action="append")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
