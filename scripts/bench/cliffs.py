"""No cliff: documents of 20 million tokens, a million documents of one line, a lopsided bucket.

    python scripts/bench/cliffs.py --work DIR [--tokenizer FILE] [--only long --only lines ...]

Each case is set against the same tokens in ordinary documents, so start-up cancels. CPU is that of
the whole process tree, median of --runs. Whether the cores were used is read from Spark's event
log: of the time in which a task ran, the share in which two did.
"""

import argparse
import itertools
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from about import about
from events import log_options, read_tasks, share_of_time_at
from generated import BUCKET, command, corpus_of_tokens, text_tokenizer
from packers import draw_lengths
from processes import Cost, run
from stages import make_corpus

from bfpack_spark.core.fragments import Int64

SEQ_LEN = ["--seq-len", "2048"]
LONG_TOKENS = 20_000_000
LONG_RATIO_MAX = 1.5
LINE_MICROSECONDS_MAX = 15
LINES_A_DOCUMENT = 1000
LOPSIDED_TOKENS = 100_000_000


def main() -> None:
    options = _parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    print(f"{about()} seq_len 2048, median of {options.runs}.")
    cases = {"long": _print_long, "lines": _print_lines, "lopsided": _print_lopsided}
    for name in options.only or cases:
        cases[name](options)


# Documents of 20 million tokens


def _print_long(options: argparse.Namespace) -> None:
    """The cost of what is added to a base: long documents, or as many tokens of ordinary ones."""
    added = options.long_documents * LONG_TOKENS
    base = ordinary(LONG_TOKENS)
    corpora = {
        "base": base,
        "ordinary": np.concatenate([base, ordinary(added)]),
        "long": np.concatenate([base, np.full(options.long_documents, LONG_TOKENS)]),
    }
    costs = {name: _plan_and_assemble(options, lengths) for name, lengths in corpora.items()}
    print(f"\n| {added / 1e6:.0f} M tokens more, in | ns of CPU a token, plan | assemble | both |")
    print("|---|---:|---:|---:|")
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


def _plan_and_assemble(options: argparse.Namespace, lengths: Int64) -> tuple[float, float]:
    """Seconds of CPU of each command."""
    output = _token_store(options.work, lengths)
    found = []
    for _ in range(options.runs):
        shutil.rmtree(output / BUCKET / "sequences-2048", ignore_errors=True)
        found.append([run(command(name, output, *SEQ_LEN)).cpu for name in ("plan", "assemble")])
    shutil.rmtree(output)
    plan, assemble = (statistics.median(column) for column in zip(*found, strict=True))
    return plan, assemble


def _token_store(work: Path, lengths: Int64) -> Path:
    corpus, output = work / "corpus", work / "output"
    for folder in (corpus, corpus.with_name("corpus-tokenizer"), output):
        shutil.rmtree(folder, ignore_errors=True)
    source = corpus_of_tokens(corpus, lengths, tiled=True)
    run(command("tokenize", output, *source))
    shutil.rmtree(corpus)
    return output


# A million documents of one line


def _print_lines(options: argparse.Namespace) -> None:
    """The same lines as documents of their own, and a thousand to a document."""
    tokenizer = options.tokenizer or text_tokenizer(options.work)
    source = ["--tokenizer", tokenizer, "--id-column", "doc_id"]
    costs = []
    for at_once in (1, LINES_A_DOCUMENT):
        corpus, output = options.work / f"lines-{at_once}", options.work / "output"
        shutil.rmtree(corpus, ignore_errors=True)
        _write_lines(options.work, corpus, options.lines, at_once)
        pack = command("pack", output, "--input", corpus, *source, *SEQ_LEN)
        costs.append(_median_cost(options.runs, pack, output))
    each = (costs[0].cpu - costs[1].cpu) / options.lines * 1e6
    print(
        f"\n| {options.lines:,} lines, packed from text | CPU, s | wall, s | Python, MB | us more |"
    )
    print("|---|---:|---:|---:|---:|")
    for name, cost, more in (
        ("a document each", costs[0], f"{each:.1f} (target <= {LINE_MICROSECONDS_MAX})"),
        (f"{LINES_A_DOCUMENT:,} to a document", costs[1], ""),
    ):
        print(f"| {name} | {cost.cpu:.1f} | {cost.wall:.1f} | {cost.python_mb:.0f} | {more} |")


def _median_cost(runs: int, arguments: list[str], output: Path) -> Cost:
    costs = []
    for _ in range(runs):
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


def _print_lopsided(options: argparse.Namespace) -> None:
    few, many = 100, 9_900
    tokens = options.lopsided_tokens
    sizes = [np.full(few, tokens * 9 // 10 // few), np.full(many, tokens // 10 // many)]
    lopsided = np.random.default_rng(0).permutation(np.concatenate(sizes))
    print(
        f"\n| {tokens / 1e6:.0f} M tokens, assembled | CPU, s | wall, s | time with two tasks | "
        "longest task, s |"
    )
    print("|---|---:|---:|---:|---:|")
    for name, lengths in (
        ("ordinary documents", ordinary(tokens)),
        ("90 % of them in 1 % of the documents", lopsided),
    ):
        output = _token_store(options.work, lengths)
        run(command("plan", output, *SEQ_LEN))
        log = options.work / "events"
        cost = run(command("assemble", output, *SEQ_LEN, *log_options(log)))
        tasks = read_tasks(log)
        longest = max(task.end - task.start for task in tasks)
        share = share_of_time_at(tasks, 2)
        print(f"| {name} | {cost.cpu:.1f} | {cost.wall:.1f} | {share:.0%} | {longest:.1f} |")
        shutil.rmtree(output)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, help="default: one of 16k that is trained here")
    parser.add_argument("--only", action="append", choices=["long", "lines", "lopsided"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--long-documents", type=int, default=8)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--lopsided-tokens", type=int, default=LOPSIDED_TOKENS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
