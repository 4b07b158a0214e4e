"""No cliff: documents of 20 million tokens, a million documents of one line, a lopsided bucket.

    python scripts/bench/cliffs.py --work DIR [--tokenizer FILE] [--only long --only lines ...]

Each case is set against the same tokens in ordinary documents, so start-up cancels. CPU is that of
the whole process tree, median of --runs. Whether two cores were used is read from Spark's event
log: of the time in which a task ran, the share in which two did. A task that waits counts there,
and time without any does not, so CPU / (wall x 2) stands beside it.
"""

import argparse
import itertools
import shutil
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from commands import BUCKET, bfpack_4g, flags, parser_of
from corpora import make_corpus, text_tokenizer
from events import Task, log_options, read_tasks, share_of_time_at
from figures import about, medians, print_head, verdict
from generated import corpus_of_tokens, random_ids
from packers import draw_lengths
from processes import Cost, Yardstick, run

from bfpack_spark.core.fragments import Int64

SEQ_LEN = flags(seq_len=2048)
LONG_TOKENS = 20_000_000
LONG_RATIO_MAX = 1.5
LINE_MICROSECONDS_MAX = 15
LINES_A_DOCUMENT = 1000
LOPSIDED_TOKENS = 100_000_000
LOPSIDED_RATIO_MIN = 0.9  # of how well two cores are used, to the same of ordinary documents
CORES = 2


def main() -> None:
    cases = {"long": _print_long, "lines": _print_lines, "lopsided": _print_lopsided}
    parser = parser_of(__doc__, "work", "tokenizer", "runs")
    parser.add_argument("--only", action="append", choices=cases)
    parser.add_argument("--long-documents", type=int, default=8)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--lopsided-tokens", type=int, default=LOPSIDED_TOKENS)
    options = parser.parse_args()
    print(f"{about()} seq_len 2048, median of {options.runs}.")
    with Yardstick() as yardstick:
        for name in options.only or cases:
            cases[name](options, yardstick)
    print(f"\n{yardstick.said()}")


# Documents of 20 million tokens


def _print_long(options: argparse.Namespace, yardstick: Yardstick) -> None:
    """The cost of what is added to a base: long documents, or as many tokens of ordinary ones."""
    added = options.long_documents * LONG_TOKENS
    base = ordinary(LONG_TOKENS)
    corpora = {
        "base": base,
        "ordinary": np.concatenate([base, ordinary(added)]),
        "long": np.concatenate([base, np.full(options.long_documents, LONG_TOKENS)]),
    }
    costs = {name: _plan_and_assemble(options, own, yardstick) for name, own in corpora.items()}
    names = f"{added / 1e6:.0f} M tokens more, in | ns of CPU a token, plan | assemble | both"
    print_head(names, "lrrr")
    both = {}
    for name in ("ordinary", "long"):
        more = [
            (whole - less) / added * 1e9
            for whole, less in zip(costs[name], costs["base"], strict=True)
        ]
        both[name] = sum(more)
        kind = "ordinary documents" if name == "ordinary" else f"documents of {LONG_TOKENS:,}"
        print(f"| {kind} | {more[0]:.0f} | {more[1]:.0f} | {both[name]:.0f} |")
    print(f"\nRatio {both['long'] / both['ordinary']:.2f}, target <= {LONG_RATIO_MAX}.")


def ordinary(tokens: int) -> Int64:
    """Lengths like RefinedWeb's that come to this many tokens."""
    drawn = draw_lengths(tokens // 500)
    end = int(np.searchsorted(np.cumsum(drawn), tokens)) + 1
    lengths = drawn[:end].copy()
    lengths[-1] -= lengths.sum() - tokens
    return lengths


def _plan_and_assemble(
    options: argparse.Namespace, lengths: Int64, yardstick: Yardstick
) -> tuple[float, float]:
    """Seconds of CPU of each command."""
    output = options.work / "output"
    run(bfpack_4g("tokenize", output, *_write_corpus(options.work, lengths)))
    shutil.rmtree(options.work / "corpus")
    found = []
    for _ in range(options.runs):
        yardstick.look()
        shutil.rmtree(output / BUCKET / "sequences-2048", ignore_errors=True)
        found.append([run(bfpack_4g(name, output, *SEQ_LEN)).cpu for name in ("plan", "assemble")])
    shutil.rmtree(output)
    plan, assemble = (statistics.median(column) for column in zip(*found, strict=True))
    return plan, assemble


def _write_corpus(work: Path, lengths: Int64) -> list[str]:
    """Documents of these lengths in place of what was there, and the options that read them."""
    for name in ("corpus", "corpus-tokenizer", "output"):
        shutil.rmtree(work / name, ignore_errors=True)
    stretch = random_ids(np.random.default_rng(0), 1 << 22)
    return corpus_of_tokens(work / "corpus", lengths, stretch=stretch)


# A million documents of one line


def _print_lines(options: argparse.Namespace, yardstick: Yardstick) -> None:
    """The same lines as documents of their own, and a thousand to a document."""
    tokenizer = options.tokenizer or text_tokenizer(options.work)
    source = flags(tokenizer=tokenizer, id_column="doc_id")
    costs = []
    for at_once in (1, LINES_A_DOCUMENT):
        corpus, output = options.work / f"lines-{at_once}", options.work / "output"
        shutil.rmtree(corpus, ignore_errors=True)
        _write_lines(options.work, corpus, options.lines, at_once)
        pack = bfpack_4g("pack", output, *source, *SEQ_LEN, input=corpus)
        costs.append(_median_cost(options.runs, pack, output, yardstick))
    each = (costs[0].cpu - costs[1].cpu) / options.lines * 1e6
    names = f"{options.lines:,} lines, packed from text | CPU, s | wall, s | worker, MB | us more"
    print_head(names, "lrrrr")
    for name, cost, more in (
        ("a document each", costs[0], f"{each:.1f} (target <= {LINE_MICROSECONDS_MAX})"),
        (f"{LINES_A_DOCUMENT:,} to a document", costs[1], ""),
    ):
        print(f"| {name} | {cost.cpu:.1f} | {cost.wall:.1f} | {cost.worker_mb:.0f} | {more} |")


def _median_cost(runs: int, arguments: list[str], output: Path, yardstick: Yardstick) -> Cost:
    costs = []
    for _ in range(runs):
        yardstick.look()
        shutil.rmtree(output, ignore_errors=True)
        costs.append(run(arguments))
    return sorted(costs, key=lambda cost: cost.cpu)[(runs - 1) // 2]


def _write_lines(work: Path, corpus: Path, count: int, at_once: int) -> None:
    """Four files of `count` lines in all, `at_once` to a document."""
    corpus.mkdir(parents=True)
    lines = itertools.islice(_lines(work), count)
    documents = iter(lambda: list(itertools.islice(lines, at_once)), [])
    texts = ["\n".join(document) for document in documents]
    for number in range(4):
        own = texts[number::4]
        names = [f"{number}-{row}" for row in range(len(own))]
        pq.write_table(pa.table({"doc_id": names, "text": own}), corpus / f"part-{number}.parquet")


def _lines(work: Path) -> Iterator[str]:
    """Lines of this machine's own text without end, each with a number, so that none comes
    twice."""
    texts = pq.read_table(make_corpus(work, 24), columns=["text"]).column("text").to_pylist()
    own = [line for text in texts for line in text.split("\n") if 20 <= len(line) <= 120]
    return (f"{number} {line}" for number, line in enumerate(itertools.cycle(own)))


# Nine tenths of the tokens in a hundredth of the documents


@dataclass(frozen=True, kw_only=True)
class Use:
    """How a command, or several, used the cores."""

    cpu: float
    wall: float
    tasks: list[Task]

    @property
    def busy(self) -> float:
        return self.cpu / (self.wall * CORES)

    @property
    def at_two(self) -> float:
        return share_of_time_at(self.tasks, CORES)

    @property
    def longest(self) -> float:
        return max(task.end - task.start for task in self.tasks)


COMMANDS = ("tokenize", "plan", "assemble")
TOGETHER = "all three"
Uses: TypeAlias = dict[str, list[Use]]  # by command, and of all three; one a run


def _print_lopsided(options: argparse.Namespace, yardstick: Yardstick) -> None:
    tokens = options.lopsided_tokens
    cases = {
        "ordinary documents": ordinary(tokens),
        "90 % of them in 1 % of the documents": _lopsided(tokens),
    }
    print_head(
        f"{tokens / 1e6:.0f} M tokens | | CPU, s | wall, s | CPU / (wall x {CORES}) | "
        "two tasks, of the time in which one ran | longest task, s",
        "llrrrrr",
    )
    together: list[list[Use]] = []
    for case, lengths in cases.items():
        uses = _uses(options, lengths, yardstick)
        for name, own in uses.items():
            print(f"| {case} | {name} | {_cells(own)} |", flush=True)
        together.append(uses[TOGETHER])
    print()
    _print_ratio(f"CPU / (wall x {CORES})", together, lambda use: use.busy)
    _print_ratio("Time with two tasks", together, lambda use: use.at_two)


def _lopsided(tokens: int) -> Int64:
    few, many = 100, 9_900
    sizes = [np.full(few, tokens * 9 // 10 // few), np.full(many, tokens // 10 // many)]
    return np.random.default_rng(0).permutation(np.concatenate(sizes))


def _uses(options: argparse.Namespace, lengths: Int64, yardstick: Yardstick) -> Uses:
    source = _write_corpus(options.work, lengths)
    output, log = options.work / "output", options.work / "events"
    more = {"tokenize": source, "plan": SEQ_LEN, "assemble": SEQ_LEN}
    uses: Uses = {name: [] for name in (*COMMANDS, TOGETHER)}
    for _ in range(options.runs):
        yardstick.look()
        shutil.rmtree(output, ignore_errors=True)
        for name in COMMANDS:
            cost = run(bfpack_4g(name, output, *more[name], *log_options(log)))
            uses[name].append(Use(cpu=cost.cpu, wall=cost.wall, tasks=read_tasks(log)))
        each = [uses[name][-1] for name in COMMANDS]  # one after the other
        cpu, wall = sum(use.cpu for use in each), sum(use.wall for use in each)
        tasks = [task for use in each for task in use.tasks]
        uses[TOGETHER].append(Use(cpu=cpu, wall=wall, tasks=tasks))
    for folder in (output, log, options.work / "corpus"):
        shutil.rmtree(folder)
    return uses


def _cells(uses: list[Use]) -> str:
    names = ("cpu", "wall", "busy", "at_two", "longest")
    cpu, wall, busy, at_two, longest = medians(uses, *names)
    return f"{cpu:.1f} | {wall:.1f} | {busy:.0%} | {at_two:.0%} | {longest:.1f}"


def _print_ratio(what: str, cases: list[list[Use]], share: Callable[[Use], float]) -> None:
    """Of two cases, the ordinary one first."""
    of_usual, of_lopsided = (statistics.median(map(share, uses)) for uses in cases)
    ratio = of_lopsided / of_usual
    print(
        f"{what}, {TOGETHER}: {of_lopsided:.0%} lopsided, {of_usual:.0%} ordinary, "
        f"ratio {ratio:.2f}, limit >= {LOPSIDED_RATIO_MIN}: {verdict(ratio >= LOPSIDED_RATIO_MIN)}."
    )


if __name__ == "__main__":
    main()
