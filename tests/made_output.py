"""A small output of sequences, written without Spark: bucket `b`, whose rows can be told by eye.

All tokens of row r are r, but for the last tokens of a row with padding. At seq_len 32,768, the
second format has 4 rows in a row group.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from outputs import publish

from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import SEQUENCES, plain

SEQ_LEN = 2**15
SHARDS = (10, 11, 9)
PAD = 7
FORMAT = 2
GROUP_ROWS = {1: 32, 2: 4}


def write_output(
    output: Path, shards: tuple[int, ...] = SHARDS, *, name: str = "b", formats: int = FORMAT
) -> Path:
    """Write it, publish it, and return the version's directory."""
    fingerprint = hashlib.sha256(repr((name, shards, formats)).encode()).hexdigest()
    place = output / name / f"sequences-{SEQ_LEN}"
    version = place / fingerprint[:16]
    version.mkdir(parents=True)
    firsts = np.cumsum([0, *shards])[:-1].tolist()
    files = [
        write_shard(version, number, first, rows, name, formats)
        for number, (first, rows) in enumerate(zip(firsts, shards, strict=True))
    ]
    write_manifest(version, fingerprint, files, bucket=name, seq_len=SEQ_LEN, formats=formats)
    return version


def write_manifest(
    version: Path,
    fingerprint: str,
    files: list[dict[str, Any]],
    *,
    bucket: str,
    seq_len: int,
    formats: int,
) -> None:
    """Complete a version, and publish it."""
    manifest = {
        "format_version": formats,
        "kind": "sequences",
        "bucket": bucket,
        "seq_len": seq_len,
        "fingerprint": fingerprint,
        "files": files,
        "inputs": {"configuration": {}, "tokens_fingerprint": "0" * 64},
        "tokenizer": {"vocabulary_size": 1000, "eos_id": 1, "pad_id": PAD},
        "totals": {"sequences": sum(file["rows"] for file in files)},
    }
    publish(version, manifest)


def write_shard(
    version: Path, number: int, first: int, rows: int, name: str, formats: int
) -> dict[str, Any]:
    statistics = ["sequence_id", "num_tokens", "num_padding", "bucket"]
    path = f"shards/part-{number:05d}.parquet"
    output = ParquetOutput(str(version), path, SEQUENCES, statistics=statistics)
    step = GROUP_ROWS[formats]
    for begin in range(first, first + rows, step):
        output.write(rows_from(begin, min(begin + step, first + rows), name, formats))
    return output.close("shards", rows * SEQ_LEN, None)


def rows_from(begin: int, end: int, name: str, formats: int) -> pa.Table:
    made = [row_of(number, name, formats) for number in range(begin, end)]
    return pa.Table.from_pylist(made, schema=plain(SEQUENCES))


def lengths_of(row: int) -> list[int]:
    """Row r has r % 3 + 1 documents; each fifth row ends in r + 1 tokens of padding."""
    pieces = row % 3 + 1
    lengths = [SEQ_LEN - 100 * (pieces - 1), *[100] * (pieces - 1)]
    if row % 5 == 0:
        return [lengths[0] - row - 1, *lengths[1:], row + 1]
    return lengths


def ids_of(row: int) -> np.ndarray:
    ids = np.full(SEQ_LEN, row, dtype=np.int32)
    if row % 5 == 0:
        ids[-row - 1 :] = PAD
    return ids


def row_of(row: int, name: str, formats: int) -> dict[str, Any]:
    lengths = lengths_of(row)
    padding = [False] * len(lengths)
    padding[-1] = row % 5 == 0
    none = None if formats == 1 else 0
    num_padding = row + 1 if row % 5 == 0 else 0
    return {
        "sequence_id": row,
        "input_ids": ids_of(row),
        "seq_lengths": lengths,
        "doc_ids": [None if pad else f"{row}-{at}" for at, pad in enumerate(padding)],
        "doc_starts": [none if pad else 0 for pad in padding],
        "doc_lengths": [none if p else n for p, n in zip(padding, lengths, strict=True)],
        "num_tokens": SEQ_LEN - num_padding,
        "num_padding": num_padding,
        "bucket": name,
    }
