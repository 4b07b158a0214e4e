"""What it costs a training run to read its rows: CPU a delivered token, memory, the first batch.

    python scripts/bench/reading.py --work .bench/reading

Packs ids of this machine's own text at 2,048 and 8,192, and reads each output with this reader
at 1 and 8 ranks and with 16 and 64 lanes, beside pyarrow, which walks over the same columns in
order and without a copy, and beside the shuffled stream of HF datasets, as it comes (rows of Python
lists, which the target is about) and in numpy's format. A row at random stands beside pyarrow's
read of one row group. Each figure is the best of some passes in a process of its own. Exits with an
error when a target is missed.
"""

import argparse
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
from cliffs import ordinary
from commands import BUCKET, bfpack, flags, parser_of
from figures import about, print_head, verdict
from generated import VOCABULARY, corpus_of_tokens
from processes import run, seconds_of

from bfpack_spark.reading import PackedSequences, layouts

SEQ_LENS = (2048, 8192)
WORLDS = (1, 8)
LANES = (16, 64)
SHARES = {8192: 0.7, 2048: 0.6}  # of pyarrow's speed
DATASETS_MIN = 5.0
MEMORY_MB_MAX = 150
FIRST_BATCH_S_MAX = 0.3
FLATTENED_NS_MAX = 12.0
ROW_MS_MAX = 1.0
SHARDS = 8
ROWS = 8  # of a batch
TEXT_TOKENS = 1 << 22  # farther back than a compressor looks


def main() -> None:
    parser = parser_of(__doc__, "work")
    parser.add_argument("--tokens", type=int, default=1 << 25, help="tokens of each output")
    parser.add_argument("--runs", type=int, default=3, help="passes, of which the best counts")
    parser.add_argument("--one", choices=sorted(MEASURES), help=argparse.SUPPRESS)
    parser.add_argument("--seq-len", type=int, default=2048, help=argparse.SUPPRESS)
    parser.add_argument("--world-size", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--lanes", type=int, default=16, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(MEASURES[options.one](options)))
        return
    print(f"{about()} datasets {importlib.metadata.version('datasets')}.")
    misses = 0
    options.work = write_output(options.work, options.tokens)
    for seq_len in SEQ_LENS:
        misses += _print_costs(options, seq_len)
    misses += _print_others(options)
    sys.exit(1 if misses else 0)


def _print_costs(options: argparse.Namespace, seq_len: int) -> int:
    peers = {name: _run(options, name, seq_len) for name in ("pyarrow", "datasets", "numpy")}
    names = "ranks | lanes | ns | x pyarrow | x datasets | x datasets in numpy"
    print_head(f"CPU a token at {seq_len:,}, ns | {names} |", "lrrrrrrl")
    for name, cost in peers.items():
        called = "datasets in numpy" if name == "numpy" else name
        print(f"| {called} | | | {cost:.2f} | {peers['pyarrow'] / cost:.2f} | | | |")
    misses = 0
    for world in WORLDS:
        for lanes in LANES:
            cost = _run(options, "ours", seq_len, world, lanes)
            shares = peers["pyarrow"] / cost, peers["datasets"] / cost
            met = shares[0] >= SHARES[seq_len] and shares[1] >= DATASETS_MIN
            misses += not met
            times = f"{shares[0]:.2f} | {shares[1]:.1f} | {peers['numpy'] / cost:.1f}"
            cells = f"{cost:.2f} | {times} | {verdict(met)}"
            print(f"| this reader | {world} | {lanes} | {cells} |")
    return misses


def _print_others(options: argparse.Namespace) -> int:
    print_head("what | at | found | target |", "lrrrl")
    misses = 0
    for what, name, limit in (
        ("memory above imports, MB", "memory", MEMORY_MB_MAX),
        ("CPU of opening and the first batch, s", "first", FIRST_BATCH_S_MAX),
        ("flattened, ns a token", "flattened", FLATTENED_NS_MAX),
        ("one row at random, ms", "row", ROW_MS_MAX),
    ):
        for seq_len in SEQ_LENS:
            found = _run(options, name, seq_len)
            misses += found > limit
            cells = f"{found:.2f} | {limit} | {verdict(found <= limit)}"
            print(f"| {what} | {seq_len:,} | {cells} |")
    for seq_len in SEQ_LENS:
        found = _run(options, "group", seq_len)
        print(f"| a row group by pyarrow, ms | {seq_len:,} | {found:.2f} | | |")
    return misses


def _run(
    options: argparse.Namespace, name: str, seq_len: int, world: int = 1, lanes: int = 16
) -> float:
    """Return what a measure finds, in a process of its own."""
    what = flags(work=options.work, one=name, seq_len=seq_len, runs=options.runs)
    command = [sys.executable, __file__, *what, *flags(world_size=world, lanes=lanes)]
    return float(json.loads(subprocess.check_output(command, stderr=subprocess.PIPE)))


def best(runs: int, work: Callable[[], int]) -> float:
    """Return the least CPU a unit of `work`, in ns; it returns how many units it has done."""
    costs = []
    for _ in range(runs):
        begin = time.process_time()
        units = work()
        costs.append((time.process_time() - begin) / units * 1e9)
    return min(costs)


def opened(options: argparse.Namespace) -> PackedSequences:
    return PackedSequences(
        options.work,
        bucket=BUCKET,
        seq_len=options.seq_len,
        world_size=options.world_size,
        lanes=options.lanes,
    )


def ours(options: argparse.Namespace) -> float:
    data = opened(options)

    def epoch() -> int:
        data.set_epoch(data.epoch + 1)
        return sum(batch["input_ids"].size for batch in data.batches(ROWS))

    return best(options.runs, epoch)


def plain_pyarrow(options: argparse.Namespace) -> float:
    paths = shards_of(options)

    def scan() -> int:
        tokens = 0
        for path in paths:
            file = pq.ParquetFile(path, page_checksum_verification=True)
            columns = ["input_ids", "seq_lengths"]
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=columns, use_threads=False)
                for batch in table.to_batches(ROWS):
                    values = batch.column(0).flatten()
                    ids = np.frombuffer(
                        values.buffers()[1], np.int32, len(values), values.offset * 4
                    )
                    tokens += ids.reshape(len(batch), options.seq_len).size
        return tokens

    return best(options.runs, scan)


def hf_datasets(options: argparse.Namespace, form: str | None = None) -> float:
    os.environ["HF_HUB_OFFLINE"] = "1"
    datasets = importlib.import_module("datasets")
    files = list(map(str, shards_of(options)))
    stream = datasets.load_dataset("parquet", data_files=files, split="train", streaming=True)
    stream = stream.select_columns(["input_ids", "seq_lengths"]).shuffle(seed=1, buffer_size=1000)
    stream = stream.with_format(form)

    def epoch() -> int:
        return sum(sum(map(len, batch["input_ids"])) for batch in stream.batch(ROWS))

    return best(1, epoch)


def memory(options: argparse.Namespace) -> float:
    process = psutil.Process()
    before = process.memory_info().rss
    peak = before
    for _ in opened(options).batches(ROWS):
        peak = max(peak, process.memory_info().rss)
    return (peak - before) / 1e6


def first_batch(options: argparse.Namespace) -> float:
    return seconds_of(lambda: next(iter(opened(options).batches(ROWS))))


def flattened(options: argparse.Namespace) -> float:
    batch = next(iter(opened(options).batches(ROWS)))

    def many() -> int:
        return sum(layouts.flattened(batch)["input_ids"].size for _ in range(200))

    return best(options.runs, many)


def random_row(options: argparse.Namespace) -> float:
    data = opened(options)
    drawn = np.random.default_rng(1).integers(0, len(data), 200).tolist()

    def some() -> int:
        for at in drawn:
            data[at]
        return len(drawn)

    return best(options.runs, some) / 1e6


def row_group(options: argparse.Namespace) -> float:
    """What reading a row group at random costs by pyarrow alone, in ms."""
    files = [pq.ParquetFile(path, page_checksum_verification=True) for path in shards_of(options)]
    groups = [(file, number) for file in files for number in range(file.num_row_groups)]
    drawn = np.random.default_rng(1).integers(0, len(groups), 50).tolist()

    def some() -> int:
        for at in drawn:
            file, number = groups[at]
            file.read_row_group(number, columns=["input_ids", "seq_lengths"], use_threads=False)
        return len(drawn)

    return best(options.runs, some) / 1e6


MEASURES: dict[str, Callable[[argparse.Namespace], float]] = {
    "ours": ours,
    "pyarrow": plain_pyarrow,
    "datasets": hf_datasets,
    "numpy": partial(hf_datasets, form="numpy"),
    "memory": memory,
    "first": first_batch,
    "flattened": flattened,
    "row": random_row,
    "group": row_group,
}


def shards_of(options: argparse.Namespace) -> list[Path]:
    return sorted(place_of(options.work, options.seq_len).glob("*/shards/*.parquet"))


def place_of(output: Path, seq_len: int) -> Path:
    return output / BUCKET / f"sequences-{seq_len}"


def write_output(work: Path, num_tokens: int) -> Path:
    """Return an output of so many ids of this machine's own text, which is packed once."""
    output, corpus = work / f"packed-{num_tokens}", work / "corpus"
    if not all((place_of(output, seq_len) / "_current.json").exists() for seq_len in SEQ_LENS):
        for folder in (output, corpus, corpus.with_name("corpus-tokenizer")):
            shutil.rmtree(folder, ignore_errors=True)
        source = corpus_of_tokens(corpus, ordinary(num_tokens), stretch=token_ids())
        shapes = [part for seq_len in SEQ_LENS for part in flags(seq_len=seq_len)]
        run(bfpack("pack", output, *source, *shapes, num_shards=SHARDS))
    return output


def token_ids() -> np.ndarray:
    """Return ids of the words and signs of this machine's Python files."""
    vocabulary: dict[bytes, int] = {}
    ids: list[int] = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        words = re.findall(rb" ?\w+|\s+|[^\w\s]", path.read_bytes())
        ids += [vocabulary.setdefault(word, len(vocabulary)) for word in words]
        if len(ids) >= TEXT_TOKENS:
            break
    return np.array(ids, dtype=np.int32) % VOCABULARY


if __name__ == "__main__":
    main()
