"""The whole job at 10, 100 and 1,000 million tokens: CPU, start, memory, heap and shuffles.

    python scripts/bench/scale.py --work DIR [--tokenizer FILE] [--size-mb 38] [--copies 1 10 100]

The smallest corpus is so much of this machine's own code, in two files. Larger ones are these files
over and over, by other names, and a document's id is its file and row. So the text of
a copy is known to the engine's cache, and costs less than in the table of stages.py; from the
smallest corpus on, all that is added is such text, so the slopes compare. All of the JVM's heap is
collected every three seconds, and the most that was alive then is what the table has.
"""

import itertools
import json
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from commands import BUCKET, bfpack, flags, parser_of
from corpora import make_corpus, text_tokenizer
from events import log_options, read_shuffles
from figures import Line, about, print_head, verdict
from memory import measured
from processes import Cost, Yardstick

from bfpack_spark.versions.publication import Home, current_sequences

NUM_FILES = 2
SEQ_LEN = 2048
STAGES = ("tokenize", "plan", "assemble")
RISE_MAX = 1.05  # of the slope, from one step to the next
WORKER_RISE_MAX = 1.1  # a doubling, at the last step
HEAP_GROWTH_MB_MAX = 50  # from first to last


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the whole job took of one corpus."""

    tokens: int
    documents: int
    cost: Cost
    heap_mb: float  # alive
    stages: dict[str, float]  # seconds of CPU, as the job measures them
    shuffled: int  # bytes that all stages wrote
    block_bytes: float  # the mean block of the shuffle that has the smallest, of those over 1 MB


def main() -> None:
    parser = parser_of(__doc__, "work", "tokenizer")
    parser.add_argument("--size-mb", type=int, default=38, help="of the text that is copied")
    parser.add_argument("--copies", type=int, nargs="+", default=(1, 10, 100))
    options = parser.parse_args()
    tokenizer = options.tokenizer or text_tokenizer(options.work)
    base = write_base(options.work, options.size_mb)
    runs: list[Run] = []
    print(f"{about()} Code of {options.size_mb} MB, {NUM_FILES} files, over and over.")
    print_head(
        "M tokens | documents | CPU, s | wall, s | largest worker, MB | driver, MB "
        "| JVM heap alive, MB | shuffled, bytes a token | smallest mean block, KiB",
        "rrrrrrrrr",
    )
    with Yardstick() as yardstick:
        for copies in sorted(options.copies):
            runs.append(run_job(write_copies(base, copies), tokenizer, options.work))
            _print_row(runs[-1])
            yardstick.look()
    print(f"\n{yardstick.said()}")
    if len(runs) > 1:
        _print_slopes(runs)
        print_head("what | here | target", "lrl")
        for what, here, limit, form in _verdicts(runs):
            print(f"| {what} | {here:{form}} | <= {limit}: {verdict(here <= limit)} |")


def write_base(work: Path, size_mb: int) -> Path:
    """The text that is copied."""
    whole, folder = make_corpus(work, size_mb), work / f"scale-{size_mb}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    table = pa.concat_tables(pq.read_table(path) for path in sorted(whole.glob("*.parquet")))
    for number in range(NUM_FILES):
        part = table.select(["text"]).take(pa.array(range(number, len(table), NUM_FILES)))
        pq.write_table(part, folder / f"part-{number}.parquet", row_group_size=256)
    return folder


def write_copies(base: Path, copies: int) -> Path:
    folder = base.with_name(f"{base.name}-by-{copies}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for copy, path in itertools.product(range(copies), sorted(base.iterdir())):
        shutil.copyfile(path, folder / f"{copy:04d}-{path.name}")
    return folder


def run_job(corpus: Path, tokenizer: Path, work: Path) -> Run:
    output, log = work / "output", work / "events"
    shutil.rmtree(output, ignore_errors=True)
    text = flags(input=corpus, tokenizer=tokenizer, seq_len=SEQ_LEN)
    pack = bfpack("pack", output, *text, *log_options(log), heap="1g")
    cost, alive = measured(pack, every_seconds=3)
    home = Home(output=str(output), bucket=BUCKET, seq_len=SEQ_LEN)
    version, manifest = current_sequences(home)
    stages = json.loads(Path(version, "report/report.json").read_text())["run"]["costs"]
    shuffles = read_shuffles(log)
    shutil.rmtree(output)
    shutil.rmtree(corpus)
    return Run(
        tokens=manifest.accounting.num_tokens,
        documents=manifest.accounting.num_documents,
        cost=cost,
        heap_mb=alive,
        stages={each["stage"]: each["cpu_seconds"] for each in stages},
        shuffled=sum(each.num_bytes for each in shuffles),
        block_bytes=min(
            (s.num_bytes / s.blocks for s in shuffles if s.num_bytes > 1_000_000), default=0
        ),
    )


def _print_row(run: Run) -> None:
    cost = run.cost
    print(
        f"| {run.tokens / 1e6:,.1f} | {run.documents:,} | {cost.cpu:.1f} | {cost.wall:.0f} "
        f"| {cost.worker_mb:.0f} | {cost.driver_mb:.0f} | {run.heap_mb:.0f} "
        f"| {run.shuffled / run.tokens:.2f} | {run.block_bytes / 2**10:.0f} |",
        flush=True,
    )


def _print_slopes(runs: Sequence[Run]) -> None:
    names = f"M tokens, from, to | ns of CPU a token | {' | '.join(STAGES)} | start-up, s of CPU"
    print_head(names, "lrrrrr")
    for small, large in itertools.pairwise(runs):
        line = _line(small, large)
        tokens = large.tokens - small.tokens
        stages = [(large.stages[name] - small.stages[name]) / tokens for name in STAGES]
        print(
            f"| {small.tokens / 1e6:,.0f}, {large.tokens / 1e6:,.0f} | {line.slopes[0] * 1e9:.1f} "
            f"| {' | '.join(f'{value * 1e9:.1f}' for value in stages)} | {line.starts[0]:.1f} |"
        )


def _line(small: Run, large: Run) -> Line:
    return Line(sizes=(small.tokens, large.tokens), costs=[(small.cost, large.cost)])


def _verdicts(runs: Sequence[Run]) -> Iterator[tuple[str, float, float, str]]:
    slopes = [_line(*pair).slopes[0] for pair in itertools.pairwise(runs)]
    for before, after in itertools.pairwise(slopes):
        yield "CPU a token, of a step / of the step before", after / before, RISE_MAX, ".2f"
    doublings = math.log2(runs[-1].tokens / runs[-2].tokens)
    rise = (runs[-1].cost.worker_mb / runs[-2].cost.worker_mb) ** (1 / doublings)
    yield "largest worker, a doubling of the tokens, last step", rise, WORKER_RISE_MAX, ".2f"
    grown = runs[-1].heap_mb - runs[0].heap_mb
    yield "heap alive, from first to last, MB more", grown, HEAP_GROWTH_MB_MAX, ".0f"


if __name__ == "__main__":
    main()
