"""What the options for long contexts cost: sequences, and CPU of the packer, beside none of them.

    python scripts/bench/contexts.py [--documents 1000000] [--runs 3]

Lengths of prose are log-normal like RefinedWeb's. Lengths of code are those of this machine's files
of Python at 3.4 bytes a token, drawn with replacement. Sequences are exact. CPU time is around the
packer's call in this process, with an option and without it in turns, and the ratio is that of the
same turn. Documents are cut before the clock starts.
"""

import statistics
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from commands import parser_of
from figures import about, print_head
from model import best_fit
from packers import draw_lengths
from processes import in_turns

from bfpack_spark.core.accounting import account
from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.fragments import Int64, cut_documents
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules

BYTES_A_TOKEN = 3.4
SEQ_LENS = (8192, 131_072)
LIMITS = (1, 16, 64, 256)
ALIGNMENTS = (16, 64, 256)
OVERLAPS = (8, 4, 2)  # parts of seq_len
MULTIPLE = 1024
RATIO_MAX = 3


def main() -> None:
    parser = parser_of(__doc__, "runs")
    parser.add_argument("--documents", type=int, default=10**6)
    options = parser.parse_args()
    print(f"{about()} {options.documents:,} documents, median of {options.runs}.")
    names = "lengths of | seq_len | option | sequences | more | CPU, ms | x without, least, most"
    print_head(names, "lrlrrrr")
    worst = 0.0
    for name, lengths in _corpora(options.documents):
        for seq_len in SEQ_LENS:
            plain = best_fit(seq_len, 10**9)
            for option, rules in _choices(plain):
                worst = max(worst, _print_row(name, option, lengths, plain, rules, options.runs))
    met = "yes" if worst <= RATIO_MAX else "no"
    print(f"\n| packer with an option / without: <= {RATIO_MAX} | {worst:.2f} | {met} |")


def _corpora(documents: int) -> Iterator[tuple[str, Int64]]:
    yield "prose", draw_lengths(documents)
    folders = sorted({sysconfig.get_paths()[name] for name in ("stdlib", "purelib")})
    paths = (path for folder in folders for path in sorted(Path(folder).rglob("*.py")))
    sizes = [path.stat().st_size for path in paths if path.is_file()]
    drawn = np.random.default_rng(0).choice(np.array(sizes), documents)
    yield "code", np.maximum(1, drawn / BYTES_A_TOKEN).astype(np.int64)


def _choices(plain: Rules) -> Iterator[tuple[str, Rules]]:
    for limit in LIMITS:
        yield f"`--max-documents {limit}`", replace(plain, max_documents=limit)
    for align in ALIGNMENTS:
        yield f"`--align {align}`", replace(plain, align=align)
    yield "`--bos-at fragment`", replace(plain, bos_at="fragment")
    for part in OVERLAPS:
        size = plain.seq_len // part
        yield f"`--overlap {size}`", replace(plain, long_documents="slide", overlap=size)
    yield f"`--num-sequences-multiple {MULTIPLE}`", replace(plain, num_sequences_multiple=MULTIPLE)


def _print_row(
    name: str, option: str, lengths: Int64, plain: Rules, rules: Rules, runs: int
) -> float:
    """Print what an option costs, and return the median ratio of CPU."""
    values, counts = np.unique(lengths, return_counts=True)
    histogram = Histogram(values=values, counts=counts.astype(np.int64))
    before, after = (account(histogram, each).num_sequences for each in (plain, rules))
    acts = {"without": _packer(lengths, plain), "with": _packer(lengths, rules)}
    without, with_it = in_turns(acts, runs).values()
    ratios = [after / before for before, after in zip(without, with_it, strict=True)]
    milliseconds = statistics.median(with_it) * 1e3
    ratio = statistics.median(ratios)
    print(
        f"| {name} | {rules.seq_len:,} | {option} | {after:,} | {after / before - 1:.2%} "
        f"| {milliseconds:.0f} | {ratio:.2f}, {min(ratios):.2f}, {max(ratios):.2f} |",
        flush=True,
    )
    return ratio


def _packer(lengths: Int64, rules: Rules) -> Callable[[], object]:
    fragments = cut_documents(lengths, rules.seq_len, rules.overlap, rules.bos).length
    return partial(pack, fragments, rules.seq_len, rules.max_documents, rules.align)


if __name__ == "__main__":
    main()
