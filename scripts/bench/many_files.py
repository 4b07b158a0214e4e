"""What many input files and many shards take of the driver: memory and time.

    python scripts/bench/many_files.py --work DIR [--files 10000 --files 100000]

The input is so many JSONL files of one short document each, and there is a shard for every ten
files. So there is hardly a token, and what is measured is what the driver and Spark do for each
file and shard. The heap of the JVM is fixed; the figure is the most that was alive in it, after a
full collection every second. Megabytes are 10^6 bytes.
"""

import shutil
from pathlib import Path

from commands import bfpack, flags, parser_of
from corpora import text_tokenizer
from figures import about, print_head
from memory import measured

FILES = (10_000, 100_000)
FILES_A_SHARD = 10
SEQ_LEN = 64
HEAP = "2g"


def main() -> None:
    parser = parser_of(__doc__, "work")
    parser.add_argument("--files", type=int, action="append", default=[])
    options = parser.parse_args()
    print(f"{about()} Heap of {HEAP}.")
    names = "files | shards | command | wall, s | CPU, s | driver, MB | worker, MB | heap alive, MB"
    print_head(names, "rrlrrrrr")
    for num_files in options.files or FILES:
        _print_rows(options.work, num_files, str(text_tokenizer(options.work)))


def _print_rows(work: Path, num_files: int, tokenizer: str) -> None:
    corpus, output = work / f"files-{num_files}", work / f"out-{num_files}"
    shutil.rmtree(output, ignore_errors=True)
    if not corpus.exists():
        _write(corpus, num_files)
    shards = num_files // FILES_A_SHARD
    text = flags(input=corpus, tokenizer=tokenizer, num_shards=shards)
    for name, more in (("pack", text), ("pack, nothing to do", text), ("verify", [])):
        command = name.partition(",")[0]
        cost, alive = measured(bfpack(command, output, *more, heap=HEAP, seq_len=SEQ_LEN))
        figures = (cost.wall, cost.cpu, cost.driver_mb, cost.worker_mb, alive)
        print(
            f"| {num_files:,} | {shards:,} | {name} | "
            f"{' | '.join(f'{figure:,.0f}' for figure in figures)} |",
            flush=True,
        )


def _write(corpus: Path, num_files: int) -> None:
    """A document is about a sequence long, so there are more sequences than shards."""
    unfinished = corpus.with_suffix(".tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    for number in range(num_files):
        folder = unfinished / f"{number // 1000:03d}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        words = " ".join(str(number * factor % 99_991) for factor in range(1, 12))
        (folder / f"{number:06d}.jsonl").write_text(f'{{"text": "{words}"}}\n')
    unfinished.rename(corpus)


if __name__ == "__main__":
    main()
