"""Packers alone: lengths in, the place of every document out; ours beside those in use today.

    python scripts/bench/packers.py --work DIR [--peers .bench/peers/bin/python] [--runs 3]

Lengths are log-normal (mu 5.82, sigma 0.99), like RefinedWeb's. Each packer is a process of its
own, on one thread; CPU time around the call, so neither imports nor making the lengths count.
Peers over two minutes are cut off, which the table says.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from about import about
from processes import run

from bfpack_spark.core.best_fit import pack, pack_counts
from bfpack_spark.core.fragments import Int64, cut_documents

HERE = Path(__file__).resolve().parent
SECONDS_MAX = 120
MU, SIGMA = 5.82, 0.99  # of the logarithm of a document's tokens
PEERS = {
    "seqpacker (Rust)": ("seqpacker", "seqpacker_bfd"),
    "lightbinpack (C++)": ("lightbinpack", "lightbinpack_bfd"),
    "OLMo-core": ("olmo_core",),
    "TRL": ("trl",),
}  # the better of a package's variants counts


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
    for documents in options.documents or [10**5, 10**6, 10**7]:
        lengths = draw_lengths(documents)
        path = options.work / f"lengths-{documents}.npy"
        np.save(path, lengths)
        for seq_len in options.seq_len or [2048, 8192, 131_072]:
            print(_row(options, path, lengths, seq_len), flush=True)
    _print_counts()


def draw_lengths(documents: int) -> Int64:
    drawn = np.random.default_rng(0).lognormal(MU, SIGMA, documents)
    return np.maximum(1, np.rint(drawn)).astype(np.int64)


def measure_ours(lengths: Int64, seq_len: int) -> dict[str, float]:
    """As for the peers, documents are cut before the clock starts."""
    fragments = cut_documents(lengths, seq_len).length
    start = time.process_time()
    _, num_sequences = pack(fragments, seq_len)
    spent = time.process_time() - start
    return {"ns_per_document": spent / len(lengths) * 1e9, "bins": num_sequences}


def _row(options: argparse.Namespace, path: Path, lengths: Int64, seq_len: int) -> str:
    own = [sys.executable, str(Path(__file__)), "--one", str(path), "--seq-len", str(seq_len)]
    found = [json.loads(_output(own)) for _ in range(options.runs)]
    sequences = found[0]["bins"]
    cells = [f"{statistics.median(f['ns_per_document'] for f in found):.0f}"]
    others = PEERS.values() if options.peers else ()
    cells += [_peer_cell(options, variants, path, seq_len) for variants in others]
    bound = -(-int(lengths.sum()) // seq_len)
    over = f"{sequences / bound - 1:.4%}"
    return f"| {len(lengths):,} | {seq_len:,} | {sequences:,} | {over} | {' | '.join(cells)} |"


def _peer_cell(
    options: argparse.Namespace, variants: tuple[str, ...], path: Path, seq_len: int
) -> str:
    best = [c for v in variants if isinstance(c := _peer(options, v, path, seq_len), float)]
    if best:
        return f"{min(best):,.0f}"
    return str(_peer(options, variants[0], path, seq_len))


def _peer(options: argparse.Namespace, packer: str, path: Path, seq_len: int) -> float | str:
    """ns a document, or why there is no figure."""
    where = ["--packer", packer, "--lengths", str(path), "--seq-len", str(seq_len)]
    found = []
    for _ in range(1 if packer in ("trl", "olmo_core") else options.runs):
        command = [options.peers, str(HERE / "peer_packers.py"), *where]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=SECONDS_MAX
            )
        except subprocess.TimeoutExpired:
            return f"over {SECONDS_MAX} s"
        said = json.loads(done.stdout or '{"refused": "failed"}')
        if "refused" in said:
            return "refused"
        if not said["same_as_exact_bfd"]:
            return f"{said['bins']:,} sequences"
        found.append(float(said["ns_per_document"]))
    return statistics.median(found)


def _output(command: list[str]) -> str:
    return run(command).out


def _print_counts() -> None:
    """The plan of a billion documents on counts: expectations of the same distribution."""
    print("\n| a billion documents on counts, seq_len | sequences | ms of CPU | target, ms |")
    print("|---:|---:|---:|---:|")
    drawn = draw_lengths(10**7)
    lengths, counts = np.unique(drawn, return_counts=True)
    for seq_len, target in ((2048, 200), (8192, 1500), (131_072, 5000)):
        fragments = np.zeros(seq_len + 1, dtype=np.int64)
        np.add.at(fragments, lengths % seq_len, counts * 100)
        fragments[0] = 0
        fragments[seq_len] += int((lengths // seq_len * counts * 100).sum())
        start = time.process_time()
        packing = pack_counts(fragments)
        spent = (time.process_time() - start) * 1e3
        print(f"| {seq_len:,} | {packing.num_bins:,} | {spent:.0f} | {target:,} |")


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
