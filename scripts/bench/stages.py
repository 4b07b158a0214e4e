"""The job, stage by stage and whole, against the floor and against peers: tables from one run.

    python scripts/bench/stages.py --work DIR [--size-mb 100 --size-mb 400] [--runs 3] [--prose]
        [--peers .bench/peers/bin/python]

Every line is its own process; CPU is that of the whole tree (JVM, Python workers). The cost of a
token is the slope between two sizes of corpus, run one after the other, so start-up (JVM, imports,
loading the tokenizer) stands apart. No plan is broadcast, as none could be at scale. A machine has
some 200 MB of prose; more is the same documents over and over, by other ids. The engine's cache
makes them cheaper to tokenize than others, for the floor as for us, so ratios to the floor come out
higher, not lower. Peers take turns with us in every repetition, on corpora of their own sizes.
"""

import argparse
import shutil
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from commands import BUCKET, bfpack, flags, parser_of
from corpora import SCRIPTS, WHOLE_MB, Text, sized_corpus, text_tokenizer
from events import log_options, read_tasks
from figures import Line, about, medians, print_head, spread, verdict
from pipelines import PEERS, measure_peers, print_packed, tokens_made
from processes import Cost, Yardstick, run

from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.publication import Home, current, current_sequences

FLOOR, WHOLE, AGAIN, VERIFY = "floor", "whole job at 2048", "8192 from the store", "verify at 2048"
STAGES = (TOKENIZE, PLAN, ASSEMBLE) = ("tokenize", "plan at 2048", "assemble at 2048")

SIZES_MB = {"code": (100, 400), "prose": (200, 800)}
PEERS_MB = (10, 40)
SECONDS_MAX = 25  # of CPU, to start up
TARGETS = (  # CPU a token of the one over that of the other, at most
    (WHOLE, FLOOR, 1.5),
    (AGAIN, FLOOR, 0.8),
    (VERIFY, WHOLE, 0.25),
)
PEERS_MIN = 10  # likewise a peer's over the whole job's, at least


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What one series of processes works on."""

    corpus: Path
    tokenizer: Path
    output: Path

    @property
    def text(self) -> list[str]:
        return flags(input=self.corpus, tokenizer=self.tokenizer, id_column="doc_id")

    def events(self, stage: str) -> Path:
        """Where Spark's event log of the stage goes."""
        return self.output.with_name(f"{self.output.name}-events") / stage.partition(" ")[0]

    @property
    def home(self) -> Home:
        return Home(output=str(self.output), bucket=BUCKET, seq_len=2048)

    @property
    def manifest(self) -> SequencesManifest:
        return current_sequences(self.home)[1]


def main() -> None:
    options = _parse_options()
    text: Text = "prose" if options.prose else "code"
    sizes_mb = sorted(options.size_mb)
    corpora = [sized_corpus(options.work, size, text, sizes_mb[-1]) for size in sizes_mb]
    made = options.tokenizer or text_tokenizer(options.work)
    tokenizer = made / "tokenizer.json" if made.is_dir() else made
    grounds = [
        Ground(corpus=corpus, tokenizer=tokenizer, output=options.work / f"out-{corpus.name}")
        for corpus in corpora
    ]
    of_peers = [
        sized_corpus(options.work, size, text, sizes_mb[-1])
        for size in (PEERS_MB if options.peers else ())
    ]
    peers = (options.peers, of_peers, tokenizer, options.work / "out-peer")
    costs: dict[str, list[tuple[Cost, Cost]]] = {}
    with Yardstick() as yardstick:
        for _ in range(options.runs):
            for name, small, large in (
                *measure_both(grounds, yardstick),
                *(measure_peers(*peers, yardstick) if options.peers else ()),
            ):
                costs.setdefault(name, []).append((small, large))
    tokens = [ground.manifest.totals.tokens for ground in grounds]
    lines = {
        name: Line(sizes=_tokens(name, pairs[0], tokens), costs=pairs)
        for name, pairs in costs.items()
    }
    sizes = " and ".join(f"{count / 1e6:.0f} M" for count in tokens)
    print(f"{about()} {sizes} tokens of {text}, median of {options.runs}. {yardstick.said()}")
    _print_costs(lines)
    _print_ratios(lines)
    _print_jvm(lines)
    _print_bytes(grounds[1], tokens[1])
    if options.peers:
        print_packed({name: lines[name].costs[0][1] for name in PEERS})


def _tokens(name: str, pair: tuple[Cost, Cost], ours: Sequence[int]) -> Sequence[int]:
    return [tokens_made(cost) for cost in pair] if name in PEERS else ours


def measure_both(
    grounds: Sequence[Ground], yardstick: Yardstick
) -> Iterator[tuple[str, Cost, Cost]]:
    """Every line of ours once, from nothing: a step on the small corpus, and at once on the large
    one, since a machine's speed may change from one minute to the next."""
    for (name, small), (_, large) in zip(*map(_measure, grounds), strict=True):
        yardstick.look()
        yield name, small, large


def _measure(ground: Ground) -> Iterator[tuple[str, Cost]]:
    output, text = ground.output, ground.text
    shutil.rmtree(output, ignore_errors=True)
    yield WHOLE, run(bfpack("pack", output, *text, seq_len=2048))
    shutil.rmtree(output)
    logs = [log_options(ground.events(stage)) for stage in STAGES]
    yield TOKENIZE, run(bfpack("tokenize", output, *text, *logs[0]))
    yield PLAN, run(bfpack("plan", output, *logs[1], seq_len=2048))
    yield ASSEMBLE, run(bfpack("assemble", output, *logs[2], seq_len=2048))
    yield VERIFY, run(bfpack("verify", output, seq_len=2048))
    yield AGAIN, run(bfpack("pack", output, *text, seq_len=8192))
    yield FLOOR, run_floor(ground)


def run_floor(ground: Ground) -> Cost:
    made = ground.output.with_name("floor")
    shutil.rmtree(made, ignore_errors=True)
    version, _ = current_sequences(ground.home)
    where = flags(corpus=ground.corpus, tokenizer=ground.tokenizer, sequences=version, output=made)
    return run([sys.executable, str(SCRIPTS / "bench" / "floor.py"), *where])


def _print_costs(lines: dict[str, Line]) -> None:
    """The table. Speed is by wall time and with start-up; memory, on both corpora, that of the
    largest Python process, of ours but the driver."""
    print_head(
        "| ns of CPU a token | least, most | x the floor | start-up, s of CPU "
        "| larger corpus, M tokens a second | largest process, MB",
        "lrrrrrr",
    )
    for name in (FLOOR, *STAGES, WHOLE, AGAIN, VERIFY, *PEERS):
        if name not in lines:
            continue
        line = lines[name]
        slopes = [slope * 1e9 for slope in line.slopes]
        (wall,) = medians((large for _, large in line.costs), "wall")
        peaks = [_peak(pair[n] for pair in line.costs) for n in (0, 1)]
        print(
            f"| {name} | {statistics.median(slopes):,.0f} | {spread(slopes, ',.0f')} "
            f"| {statistics.median(line.per(lines[FLOOR])):.2f} "
            f"| {statistics.median(line.starts):.1f} | {line.sizes[1] / wall / 1e6:.2f} "
            f"| {peaks[0]:,.0f}, {peaks[1]:,.0f} |"
        )


def _peak(costs: Iterable[Cost]) -> float:
    """Only ours has a JVM, and a driver that holds no tokens."""
    return statistics.median(c.worker_mb if c.jvm_mb else c.python_mb for c in costs)


def _print_ratios(lines: dict[str, Line]) -> None:
    """Ratios within each repetition: median, least and most."""
    print_head("by CPU a token | here | least, most | target |", "lrrrl")
    for above, below, most in TARGETS:
        _print_ratio(f"{above} / {below}", lines[above].per(lines[below]), "<=", most)
    for name in (name for name in PEERS if name in lines):
        found = lines[name].per(lines[WHOLE])
        _print_ratio(f"{name} / {WHOLE}", found, ">=", PEERS_MIN)
    _print_ratio(f"start-up of the {WHOLE}, s", lines[WHOLE].starts, "<=", SECONDS_MAX)


def _print_ratio(name: str, found: Sequence[float], sign: str, target: float) -> None:
    here = statistics.median(found)
    met = [value >= target if sign == ">=" else value <= target for value in (here, *found)]
    said = verdict(met[0]) + ("" if len({*met}) == 1 else ", but not every run")
    print(f"| {name} | {here:.2f} | {spread(found, '.2f')} | {sign} {target} | {said} |")


def _print_jvm(lines: dict[str, Line]) -> None:
    print_head("on the larger corpus | the JVM, MB", "lr")
    for name in (WHOLE, VERIFY):
        (jvm,) = medians((large for _, large in lines[name].costs), "jvm_mb")
        print(f"| {name} | {jvm:.0f} |")


def _print_bytes(ground: Ground, tokens: int) -> None:
    _, stored = current(Home(output=str(ground.output), bucket=BUCKET))
    shards = sum(entry.bytes for entry in ground.manifest.files_of("shards"))
    every = sum(entry.bytes for entry in [*ground.manifest.files, *stored.files])
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
    print_head("bytes, at the larger size | here | target", "lrr")
    for name, found, target in rows:
        print(f"| {name} | {found:.2f} | {target} |")


def _parse_options() -> argparse.Namespace:
    parser = parser_of(__doc__, "work", "tokenizer", "peers", "runs")
    parser.add_argument("--size-mb", type=int, action="append", help="two sizes of text")
    parser.add_argument("--prose", action="store_true", help="documents instead of sources")
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
