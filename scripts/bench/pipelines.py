"""End to end as people do it today, and ours: CPU a token, from Parquet text to Parquet sequences.

    python scripts/bench/pipelines.py --work DIR --peers .bench/peers/bin/python --tokenizer FILE

Slopes between two sizes of corpus, run one after the other, by whole process trees. Start-up, with
imports, stands apart. A peer's slope is set against ours of the same repetition. The peers' sizes
are small because of the time they take, so what a token costs them on more text is not measured;
ours are larger, since at such sizes our cost is lost in that of start-up.
"""

import argparse
import json
import shutil
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from about import about
from processes import Yardstick, run
from stages import HERE, Ground, make_corpus

SEQ_LEN = 2048
RATIO_MIN = 10  # a peer's CPU a token, over ours
OURS = "bfpack pack"
PEERS = {
    "datasets + TRL pack_dataset, default batch": "trl",
    "datasets + TRL pack_dataset, whole set": "trl_whole",
    "OLMo-core tokens + pack_documents_into_instances": "olmo_core",
}


@dataclass(frozen=True, kw_only=True)
class Made:
    """One run: seconds of CPU and what came of them."""

    cpu: float
    imports: float  # seconds of CPU that `cpu` leaves out
    documents: int
    documents_per_batch: int  # packed apart from the others
    tokens: int
    sequences: int
    least_sequences: int
    versions: dict[str, str]


@dataclass(frozen=True)
class Pair:
    """A run on the small corpus and one on the large."""

    small: Made
    large: Made

    @property
    def slope(self) -> float:
        return (self.large.cpu - self.small.cpu) / (self.large.tokens - self.small.tokens)

    @property
    def start(self) -> float:
        """Seconds of CPU that no token costs."""
        imports = statistics.mean((self.small.imports, self.large.imports))
        return imports + self.small.cpu - self.slope * self.small.tokens


def main() -> None:
    options = _parse_options()
    ours = [make_corpus(options.work, size) for size in options.ours_size_mb]
    theirs = [make_corpus(options.work, size) for size in options.size_mb]
    pairs: dict[str, list[Pair]] = {name: [] for name in (OURS, *PEERS)}
    with Yardstick() as yardstick:
        for _ in range(options.runs):
            pairs[OURS].append(_measure_both(partial(measure_ours, options), ours))
            yardstick.look()
            for name, peer in PEERS.items():
                pairs[name].append(_measure_both(partial(measure_peer, options, peer), theirs))
                yardstick.look()
    _print_head(options, pairs, yardstick)
    _print_costs(pairs)


def _measure_both(measure: Callable[[Path], Made], corpora: Sequence[Path]) -> Pair:
    """The large run at once after the small one, since a machine's speed drifts."""
    return Pair(*map(measure, corpora))


def measure_ours(options: argparse.Namespace, corpus: Path) -> Made:
    output = options.work / "pipelines-output"
    shutil.rmtree(output, ignore_errors=True)
    ground = Ground(corpus=corpus, tokenizer=options.tokenizer, output=output)
    cost = run(ground.command("pack", *ground.text, "--seq-len", SEQ_LEN))
    counted = json.loads((ground.version(SEQ_LEN) / "_manifest.json").read_text())["accounting"]
    shutil.rmtree(output)
    return Made(
        cpu=cost.cpu,
        imports=0,
        documents=counted["num_documents"],
        documents_per_batch=counted["num_documents"],
        tokens=counted["num_tokens"],
        sequences=counted["num_sequences"],
        least_sequences=counted["lower_bound"],
        versions={},
    )


def measure_peer(options: argparse.Namespace, peer: str, corpus: Path) -> Made:
    output = options.work / "peer-output"
    shutil.rmtree(output, ignore_errors=True)
    where = {"peer": peer, "corpus": corpus, "tokenizer": options.tokenizer, "output": output}
    more = [str(part) for name, value in where.items() for part in (f"--{name}", value)]
    command = [options.peers, str(HERE / "peer_pipelines.py"), *more, "--seq-len", str(SEQ_LEN)]
    said = json.loads(run(command).out)
    shutil.rmtree(output)
    same = ("documents", "documents_per_batch", "tokens", "sequences", "least_sequences")
    return Made(
        cpu=said["cpu_seconds"],
        imports=said["imports_cpu_seconds"],
        versions=said["versions"],
        **{name: said[name] for name in same},
    )


def _print_head(
    options: argparse.Namespace, pairs: dict[str, list[Pair]], yardstick: Yardstick
) -> None:
    made = [pair.large for name in PEERS for pair in pairs[name]]
    versions = {name: version for one in made for name, version in one.versions.items()}
    named = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    print(f"{about()} seq_len {SEQ_LEN}, median of {options.runs}. {yardstick.said()}")
    print(f"Peers: {named}. Text: {_sizes(options.ours_size_mb)} MB for ours, ", end="")
    print(f"{_sizes(options.size_mb)} MB for the peers.\n")


def _print_costs(pairs: dict[str, list[Pair]]) -> None:
    print(f"| from text at {SEQ_LEN} | ns of CPU a token | start-up, s of CPU | sequences ", end="")
    print(f"| x ours, median (least to most) | target: >= {RATIO_MIN} |")
    print("|---|---:|---:|---:|---:|---|")
    for name, own in pairs.items():
        slope = statistics.median(pair.slope for pair in own)
        start = statistics.median(pair.start for pair in own)
        small, large = own[0].small, own[0].large
        batches = _sizes([small.documents_per_batch, large.documents_per_batch])
        print(
            f"| {name}: {batches} documents a batch | {slope * 1e9:,.0f} | {start:.0f} "
            f"| {large.sequences:,} (least {large.least_sequences:,}) "
            f"| {'1 | ' if name == OURS else _to_ours(own, pairs[OURS])} |"
        )


def _to_ours(peer: Sequence[Pair], ours: Sequence[Pair]) -> str:
    """Two cells: the ratio of the slopes within each repetition, whether it meets its target."""
    ratios = [their.slope / our.slope for their, our in zip(peer, ours, strict=True)]
    middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
    return f"{middle:,.1f} ({low:,.1f} to {high:,.1f}) | {'yes' if middle >= RATIO_MIN else 'no'}"


def _sizes(pair: Sequence[int]) -> str:
    """[10, 40] -> "10 and 40"."""
    return " and ".join(f"{size:,}" for size in pair)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--peers", required=True, help="python of the peers' environment")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    for name, whose in (("--size-mb", "the peers'"), ("--ours-size-mb", "our")):
        parser.add_argument(name, type=int, action="append", help=f"{whose} two sizes of text")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    options.size_mb = sorted(options.size_mb or [10, 40])
    options.ours_size_mb = sorted(options.ours_size_mb or [100, 400])
    for name in ("size_mb", "ours_size_mb"):
        if len(set(getattr(options, name))) != 2:
            parser.error(f"--{name.replace('_', '-')}: give two sizes")
    return options


if __name__ == "__main__":
    main()
