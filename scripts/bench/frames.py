"""What a token costs to tokenize if Spark reads the text, beside workers that read it: a table.

    python scripts/bench/frames.py --work DIR [--size-mb 50 --size-mb 200] [--runs 3]

Both take the same Parquet: by its path, and as `spark.read.parquet`. They take turns, and every run
is its own process. The cost of a token is the slope between two sizes of corpus.
"""

import shutil
import statistics
import sys
from pathlib import Path

from commands import parser_of
from corpora import sized_corpus, text_tokenizer
from figures import about, print_head, spread
from processes import run

from bfpack_spark import pipeline
from bfpack_spark.cli.running import run_each_slice
from bfpack_spark.config import Settings
from bfpack_spark.spark.session import get_session

KINDS = ("files", "frame")


def main() -> None:
    parser = parser_of(__doc__, "work", "runs", "tokenizer")
    parser.add_argument("--size-mb", type=int, action="append")
    options = parser.parse_args()
    small, large = sorted(options.size_mb or (50, 200))
    corpora = [sized_corpus(options.work, size, "code", large) for size in (small, large)]
    tokenizer = options.tokenizer or text_tokenizer(options.work)
    slopes: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(options.runs):
        for kind in KINDS:
            few, many = (
                measure(kind, corpus, tokenizer, options.work / "out") for corpus in corpora
            )
            slopes[kind].append((many[0] - few[0]) / (many[1] - few[1]) * 1e9)
    print(about())
    print_head("text read by | ns a token | least, most", "lrr")
    pairs = [b - a for a, b in zip(*slopes.values(), strict=True)]
    names = ("workers, from files", "Spark, as a frame", "the way through the JVM")
    for name, own in zip(names, [*slopes.values(), pairs], strict=True):
        print(f"| {name} | {statistics.median(own):.0f} | {spread(own)} |")


def measure(kind: str, corpus: Path, tokenizer: Path, output: Path) -> tuple[float, int]:
    """Seconds of CPU of a run, and the tokens that it made."""
    shutil.rmtree(output, ignore_errors=True)
    cost = run([sys.executable, __file__, kind, str(corpus), str(tokenizer), str(output)])
    shutil.rmtree(output)
    return cost.cpu, int(cost.out.split()[-1])


def tokenize(kind: str, corpus: str, tokenizer: str, output: str) -> None:
    """Tokenize, in this process, and print the number of tokens."""
    where = {"output": output, "tokenizer": tokenizer, "bucket": "b", "id_column": "doc_id"}
    if kind == "files":
        outcomes = run_each_slice(pipeline.tokenize, Settings(input=corpus, **where))
    else:
        rows = get_session({}).read.parquet(corpus)
        settings = Settings(input_version="1", **where)
        outcomes = run_each_slice(pipeline.tokenize, settings, rows)
    print(outcomes[0].result.manifest.totals.tokens)


if __name__ == "__main__":
    if sys.argv[1] in KINDS:
        tokenize(*sys.argv[1:])
    else:
        main()
