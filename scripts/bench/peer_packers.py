"""Packers that people use today, timed alone: lengths in, the contents of every sequence out.

    python peer_packers.py --packer NAME --lengths FILE.npy --seq-len L [--seconds-max N]

One packer a process, one thread. Documents longer than L are cut into chunks of L and a remainder
before the clock starts, and each packer gets what it takes: a numpy array, a list, an Arrow table.
Prints one line of JSON: the peer's sequences, and what a document took.
A packing that takes over N seconds by the clock ends the process by SIGALRM; nothing else does.
"""

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import numpy.typing as npt
from commands import parser_of

Int64 = npt.NDArray[np.int64]
# What is timed, and what then tells the tokens of every sequence that it made.
Prepared = tuple[Callable[[], Any], Callable[[Any], Int64]]

ARROW_LIST_MAX = 2**31 - 1


def main() -> int:
    """Return 3 when the peer cannot take these lengths, 4 when it loses tokens or overfills a
    sequence."""
    parser = parser_of(__doc__)
    parser.add_argument("--packer", choices=PACKERS, required=True)
    parser.add_argument("--lengths", type=Path, required=True, help=".npy, tokens a document")
    parser.add_argument("--seq-len", type=int, required=True)
    parser.add_argument("--seconds-max", type=int, default=0, help="of the packing; 0: no limit")
    options = parser.parse_args()
    documents = np.load(options.lengths).astype(np.int64)
    fragments = cut_documents(documents, options.seq_len)
    try:
        pack, tokens_by_bin = PACKERS[options.packer](fragments, options.seq_len)
    except ValueError as error:
        print(json.dumps({"refused": str(error)}))
        return 3
    signal.alarm(options.seconds_max)
    cpu = time.process_time()
    packed = pack()
    cpu = time.process_time() - cpu
    signal.alarm(0)
    used = tokens_by_bin(packed)
    nanoseconds = round(cpu / len(documents) * 1e9, 1)
    print(json.dumps({"bins": len(used), "ns_per_document": nanoseconds}))
    return 0 if used.max() <= options.seq_len and used.sum() == documents.sum() else 4


def cut_documents(documents: Int64, seq_len: int) -> Int64:
    """Fragments in the order of their documents: lengths [5, 3] at 2 -> [2, 2, 1, 2, 1]."""
    documents = documents[documents > 0]
    counts = -(-documents // seq_len)
    fragments = np.full(counts.sum(), seq_len, dtype=np.int64)
    fragments[np.cumsum(counts) - 1] = documents - (counts - 1) * seq_len
    return fragments


def prepare_olmo_core(fragments: Int64, seq_len: int) -> Prepared:
    """Timed: building the packer, its sort, its loop. Takes (start, end) of every fragment."""
    utils = importlib.import_module("olmo_core.data.utils")
    ends = np.cumsum(fragments)
    indices = np.stack([ends - fragments, ends], axis=1).astype(np.uint64)

    def tokens_by_bin(packed: Any) -> Int64:
        bins, indices_in_order, _ = packed
        lengths = (indices_in_order[:, 1] - indices_in_order[:, 0]).astype(np.int64)
        return _sums(lengths[_flat(bins)], np.array([len(ids) for ids in bins]))

    return lambda: utils.InstancePacker(seq_len).pack_documents(indices), tokens_by_bin


def prepare_trl(fragments: Int64, seq_len: int) -> Prepared:
    """Timed: all of `_pack_bfd`, which also moves every token; here a token is one byte.

    ValueError when the offsets of an Arrow list, as `datasets` stores documents, are too narrow.
    """
    num_tokens = int(fragments.sum())
    if num_tokens > ARROW_LIST_MAX:
        raise ValueError(f"{num_tokens:,} tokens in one batch; Arrow lists hold {ARROW_LIST_MAX:,}")
    pa = importlib.import_module("pyarrow")
    data_utils = importlib.import_module("trl.data_utils")
    pa.set_cpu_count(1)
    offsets = pa.array(np.concatenate([[0], np.cumsum(fragments)]).astype(np.int32))
    tokens = pa.array(np.zeros(num_tokens, dtype=np.int8))
    table = pa.table({"input_ids": pa.ListArray.from_arrays(offsets, tokens)})

    def tokens_by_bin(packed: Any) -> Int64:
        column = packed["seq_lengths"].combine_chunks()
        lengths = column.flatten().to_numpy().astype(np.int64)
        return _sums(lengths, np.diff(column.offsets.to_numpy()))

    return lambda: data_utils._pack_bfd(table, seq_len, "split"), tokens_by_bin


def prepare_seqpacker(fragments: Int64, seq_len: int, strategy: str) -> Prepared:
    """Timed: `Packer.pack_flat`, which its documentation names the fastest, from numpy to numpy."""
    seqpacker = importlib.import_module("seqpacker")
    packer = seqpacker.Packer(capacity=seq_len, strategy=strategy)

    def tokens_by_bin(packed: Any) -> Int64:
        items, starts = packed  # of every bin but the first
        sizes = np.diff(np.concatenate([[0], starts, [len(items)]]))
        return _sums(fragments[items], sizes)

    return lambda: packer.pack_flat(fragments), tokens_by_bin


def prepare_lightbinpack(fragments: Int64, seq_len: int, strategy: str) -> Prepared:
    """Timed: `pack`, from a list (an array it refuses) to lists."""
    lightbinpack = importlib.import_module("lightbinpack")
    lengths = fragments.tolist()
    return (
        lambda: lightbinpack.pack(lengths, seq_len, strategy=strategy),
        lambda bins: _sums(fragments[_flat(bins)], np.array([len(ids) for ids in bins])),
    )


PACKERS: dict[str, Callable[[Int64, int], Prepared]] = {
    "olmo_core": prepare_olmo_core,
    "trl": prepare_trl,
    "seqpacker": partial(prepare_seqpacker, strategy="obfd"),
    "seqpacker_bfd": partial(prepare_seqpacker, strategy="bfd"),
    "lightbinpack": partial(prepare_lightbinpack, strategy="obfd"),
    "lightbinpack_bfd": partial(prepare_lightbinpack, strategy="bfd"),
}


def _flat(bins: list[list[int]]) -> Int64:
    return np.fromiter((item for ids in bins for item in ids), dtype=np.int64)


def _sums(lengths: Int64, sizes: Int64) -> Int64:
    ends = np.concatenate([[0], np.cumsum(lengths)])[np.cumsum(sizes)]
    return np.diff(ends, prepend=0)


if __name__ == "__main__":
    sys.exit(main())
