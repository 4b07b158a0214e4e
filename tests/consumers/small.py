"""A small output for trainers: 6 shards of 20 rows of 64 tokens, of documents that are all whole.

Ids are random below VOCABULARY; each seventh row ends in padding.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from made_output import write_manifest

from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import SEQUENCES, plain

SEQ_LEN = 64
VOCABULARY = 101
PAD = 0
SHARDS, ROWS = 6, 20
STATISTICS = ["sequence_id", "num_tokens", "num_padding", "bucket"]


def write_small(output: Path) -> Path:
    """Write it, publish it, and return the directory of the shards."""
    fingerprint = hashlib.sha256(b"small").hexdigest()
    version = output / "b" / f"sequences-{SEQ_LEN}" / fingerprint[:16]
    version.mkdir(parents=True)
    generator = np.random.default_rng(7)
    files = []
    for shard in range(SHARDS):
        path = f"shards/part-{shard:05d}.parquet"
        file = ParquetOutput(str(version), path, SEQUENCES, statistics=STATISTICS)
        rows = [_row(shard * ROWS + row, generator) for row in range(ROWS)]
        file.write(pa.Table.from_pylist(rows, schema=plain(SEQUENCES)))
        files.append(file.close("shards", ROWS * SEQ_LEN, None))
    write_manifest(version, fingerprint, files, bucket="b", seq_len=SEQ_LEN, formats=2)
    return version / "shards"


def _row(number: int, generator: np.random.Generator) -> dict[str, Any]:
    cuts = np.sort(generator.choice(np.arange(5, 60, 5), generator.integers(0, 4), replace=False))
    lengths = np.diff(np.concatenate([[0], cuts, [SEQ_LEN]])).tolist()
    padded = number % 7 == 0
    if padded:
        lengths = [*lengths[:-1], lengths[-1] - 4, 4]
    num_padding = 4 if padded else 0
    ids = generator.integers(1, VOCABULARY, SEQ_LEN).astype(np.int32)
    ids[SEQ_LEN - num_padding :] = PAD
    padding = [False] * (len(lengths) - padded) + [True] * padded
    return {
        "sequence_id": number,
        "input_ids": ids,
        "seq_lengths": lengths,
        "doc_ids": [None if pad else f"{number}-{at}" for at, pad in enumerate(padding)],
        "doc_starts": [0] * len(lengths),
        "doc_lengths": [0 if p else n for p, n in zip(padding, lengths, strict=True)],
        "num_tokens": SEQ_LEN - num_padding,
        "num_padding": num_padding,
        "bucket": "b",
    }


def documents_of(batch: dict[str, Any]) -> list[np.ndarray]:
    """The ids of each document of a batch, without the padding."""
    flat = batch["input_ids"].reshape(-1)
    ends = np.cumsum(batch["seq_lengths"])
    spans = zip(ends - batch["seq_lengths"], ends, batch["is_padding"], strict=True)
    return [flat[begin:end] for begin, end, padding in spans if not padding]
