"""Rows as MDS of MosaicML's streaming: files of samples, and index.json, which describes them.

A sample is a row: `tokens`, its seq_len ids, and `seq_lengths`, the lengths of its segments. A
file is, before it is compressed, all little-endian:

    uint32              number of samples n
    uint32[n + 1]       byte where each sample begins, and the end
    JSON                what index.json says of the file's columns, too
    samples             of each: uint32, bytes of its seq_lengths; seq_lengths; tokens

    seq_lengths         a byte, 4 plus the code of the type of k (0: uint8, 1: uint16, 2: uint32);
                        k, the number of segments, in that type; int32[k]
    tokens              int32[seq_len]

Source: streaming/base/format/mds of mosaicml-streaming 0.13 (MDSWriter, NDArray).
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bfpack_spark.exporting.rows import Rows

_COMPRESSION = "zstd:1"  # the level of the shards
_FILE_TOKENS = 1 << 23  # 32 MiB before compression, which a worker holds three times
SEQ_LEN_MAX = 1 << 29  # offsets are uint32


def rows_per_file(seq_len: int) -> int:
    """Return how many rows a file has: as many as have 2^23 tokens, or one."""
    return max(_FILE_TOKENS // seq_len, 1)


def bytes_of_file(parts: Sequence[Rows], seq_len: int) -> bytes:
    """Return the bytes of a file of these rows, not compressed."""
    samples = pa.concat_arrays([_samples(rows) for rows in parts])
    config = json.dumps(_config(seq_len), sort_keys=True).encode()
    offsets = np.frombuffer(samples.buffers()[1], np.int64)[: len(samples) + 1]
    first = 4 + 4 * (len(samples) + 1) + len(config)
    head = np.array([len(samples), *(offsets + first)], dtype="<u4")
    return b"".join([head.tobytes(), config, samples.buffers()[2]])


def compressed(raw: bytes) -> bytes:
    """Return the bytes of a file as it lies on disk."""
    level = int(_COMPRESSION.rpartition(":")[2])
    return bytes(pa.Codec("zstd", compression_level=level).compress(raw, asbytes=True))


def described(name: str, raw: bytes, zipped: bytes, num_rows: int, seq_len: int) -> dict[str, Any]:
    """Return what index.json says of a file. `name` is its name without .zstd."""
    return {
        **_config(seq_len),
        "samples": num_rows,
        "raw_data": _facts(name, raw),
        "zip_data": _facts(f"{name}.zstd", zipped),
    }


def index_of(shards: Sequence[dict[str, Any]]) -> bytes:
    """Return index.json of these files, in their order."""
    return json.dumps({"version": 2, "shards": list(shards)}, sort_keys=True).encode()


def _config(seq_len: int) -> dict[str, Any]:
    return {
        "version": 2,
        "format": "mds",
        "compression": _COMPRESSION,
        "hashes": ["sha256"],
        "size_limit": None,
        "column_names": ["seq_lengths", "tokens"],
        "column_encodings": ["ndarray:int32", f"ndarray:int32:{seq_len}"],
        "column_sizes": [None, 4 * seq_len],
    }


def _facts(name: str, raw: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(raw).hexdigest()
    return {"basename": name, "bytes": len(raw), "hashes": {"sha256": digest}}


def _samples(rows: Rows) -> pa.LargeBinaryArray:
    """Return the samples of some rows as one column."""
    offsets = np.concatenate([[0], np.cumsum(rows.num_segments)])
    heads = pa.array(list(map(_head, rows.num_segments.tolist())), pa.large_binary())
    lengths = _slices(rows.seq_lengths, 4 * offsets)
    tokens = _slices(rows.ids, 4 * rows.ids.shape[1] * np.arange(len(rows) + 1))
    return pc.binary_join_element_wise(heads, lengths, tokens, pa.scalar(b"", pa.large_binary()))


def _slices(values: np.ndarray, offsets: np.ndarray) -> pa.LargeBinaryArray:
    raw = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, raw)


def _head(num_segments: int) -> bytes:
    """Return what stands before the seq_lengths of a sample: their bytes, and their number."""
    code = int(num_segments >= 1 << 8) + int(num_segments >= 1 << 16)
    number = num_segments.to_bytes(1 << code, "little")
    size = 1 + len(number) + 4 * num_segments
    return size.to_bytes(4, "little") + bytes([4 + code]) + number
