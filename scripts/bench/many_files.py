"""What many input files and many shards take of the driver: memory and time.

    python scripts/bench/many_files.py --work DIR [--files 10000 --files 100000]

The input is so many JSONL files of one short document each, and there is a shard for every ten
files. So there is hardly a token, and what is measured is what the driver and Spark do for each
file and shard. The heap of the JVM is fixed; the figure is the most that was alive in it, after a
full collection every second. Megabytes are 10^6 bytes.
"""

import argparse
import shutil
from pathlib import Path

from about import about
from corpora import text_tokenizer
from memory import measured
from stages import BFPACK

FILES = (10_000, 100_000)
FILES_A_SHARD = 10
SEQ_LEN = 64
HEAP = "2g"


def main() -> None:
    options = _parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    print(f"{about()} Heap of {HEAP}.\n")
    names = "files | shards | command | wall, s | CPU, s | driver, MB | worker, MB | heap alive, MB"
    print(f"| {names} |\n|---:|---:|---|---:|---:|---:|---:|---:|")
    for num_files in options.files or FILES:
        _print_rows(options.work, num_files, str(text_tokenizer(options.work)))


def _print_rows(work: Path, num_files: int, tokenizer: str) -> None:
    corpus, output = work / f"files-{num_files}", work / f"out-{num_files}"
    shutil.rmtree(output, ignore_errors=True)
    if not corpus.exists():
        _write(corpus, num_files)
    shards = num_files // FILES_A_SHARD
    where = ["--output", str(output), "--bucket", "b", "--seq-len", str(SEQ_LEN)]
    heap = ["--spark-conf", f"spark.driver.memory={HEAP}"]
    text = ["--input", str(corpus), "--tokenizer", tokenizer, "--num-shards", str(shards)]
    commands = {"pack": [*where, *text], "pack, nothing to do": [*where, *text], "verify": where}
    for name, options in commands.items():
        cost, alive = measured([*BFPACK, name.partition(",")[0], *options, *heap])
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


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--files", type=int, action="append", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
