"""Segments on their way to a shard: many in one row, so that the JVM between two workers has less
to move.

A block is the segments of one shard out of one batch of a token file. Each of its columns holds the
values of all of them, end to end; the ids are LZ4 (8 ns a token for both ways, where it saves 20 of
the JVM's copies), and a million short fragments are a few thousand rows.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from bfpack_spark.core.fragments import Int64
from bfpack_spark.schema import BLOCKS, SEGMENTS, plain
from bfpack_spark.storage.parquet_output import binary_values, token_values

_BLOCK_TOKENS = 1 << 23  # of a batch, over all shards: at 2,000 of them a block is 4,000 tokens
_NUMBERS = {
    field.name: np.dtype(field.type.to_pandas_dtype()).newbyteorder("<")
    for field in SEGMENTS
    if pa.types.is_integer(field.type) and field.name != "shard"
}
_CODEC = "lz4"


def to_blocks(segments: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """BLOCKS of SEGMENTS, a batch for about every 2^23 tokens."""
    pending: list[pa.RecordBatch] = []
    tokens = 0
    for batch in segments:
        pending.append(batch)
        tokens += len(token_values(batch.column("tokens")))
        if tokens >= _BLOCK_TOKENS:
            yield _blocks(pending)
            pending, tokens = [], 0
    if pending:
        yield _blocks(pending)


def from_blocks(blocks: list[pa.RecordBatch]) -> pa.Table:
    """The SEGMENTS of one shard, without that column; one chunk each, texts and ids as the large
    types: a shard may hold more than 2 GB."""
    ends = {name: _joined(blocks, name, kind) for name, kind in _NUMBERS.items()}
    columns = {name: pa.array(values) for name, values in ends.items()}
    columns["doc_id"] = _large(
        pa.large_string(),
        _joined(blocks, "doc_id_bytes", np.dtype("<i4")).astype(np.int64),
        _joined(blocks, "doc_id", np.dtype("u1")),
    )
    sizes = 4 * ends["length"].astype(np.int64)
    columns["tokens"] = _large(pa.large_binary(), sizes, _unpacked(blocks, int(sizes.sum())))
    return pa.table({name: columns[name] for name in SEGMENTS.names if name != "shard"})


def _blocks(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches)
    shard = table.column("shard").to_numpy()
    order = np.argsort(shard, kind="stable")
    table = table.take(pa.array(order)).combine_chunks()
    shards, first = np.unique(shard[order], return_index=True)
    bounds = np.append(first, len(order))
    columns = {"shard": pa.array(shards, pa.int32())}
    for name, kind in _NUMBERS.items():
        values = table.column(name).to_numpy().astype(kind, copy=False)
        columns[name] = _binary(bounds * kind.itemsize, values)
    ids = table.column("doc_id").chunk(0)
    offsets = np.frombuffer(ids.buffers()[1], dtype=np.int32)[: len(ids) + 1]
    columns["doc_id_bytes"] = _binary(bounds * 4, np.diff(offsets).astype("<i4"))
    columns["doc_id"] = _binary(offsets[bounds], np.frombuffer(ids.buffers()[2] or b"", "u1"))
    columns["tokens"] = _packed(table.column("tokens").chunk(0), bounds)
    return pa.RecordBatch.from_pydict(columns, schema=plain(BLOCKS))


def _packed(tokens: pa.Array, bounds: Int64) -> pa.Array:
    codec = pa.Codec(_CODEC)
    ids = pa.py_buffer(token_values(tokens))
    ends = np.frombuffer(tokens.buffers()[1], dtype=np.int32)[bounds].tolist()
    parts = [ids.slice(a, b - a) for a, b in itertools.pairwise(ends)]
    return pa.array([codec.compress(part, asbytes=True) for part in parts], pa.binary())


def _unpacked(blocks: list[pa.RecordBatch], size: int) -> np.ndarray:
    """The ids of all blocks, in bytes; `size` of them."""
    codec = pa.Codec(_CODEC)
    out = np.empty(size, dtype=np.uint8)
    begin = 0
    for block in blocks:
        for length, packed in zip(block.column("length"), block.column("tokens"), strict=True):
            ids = 4 * int(np.frombuffer(length.as_buffer(), "<i4").sum())
            unpacked = codec.decompress(packed.as_buffer(), ids)
            out[begin : begin + ids] = np.frombuffer(unpacked, np.uint8)
            begin += ids
    return out


def _joined(blocks: list[pa.RecordBatch], name: str, kind: np.dtype[Any]) -> np.ndarray:
    """The values of a column of all blocks, end to end."""
    return np.concatenate([binary_values(block.column(name)).view(kind) for block in blocks])


def _binary(offsets: np.ndarray, values: np.ndarray) -> pa.Array:
    """A BINARY column: row i is the bytes offsets[i] .. offsets[i + 1] of values."""
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def _large(kind: pa.DataType, sizes: Int64, values: np.ndarray) -> pa.Array:
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    assert offsets[-1] == len(values), "a block lacks some of its bytes"
    return pa.Array.from_buffers(
        kind, len(sizes), [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    )
