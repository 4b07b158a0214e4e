"""Tables on their way between two workers. Many rows travel as one, so that the JVM has less to
move.

A block is the rows that one batch sends to one place (a shard, a token file). Each of its columns
holds the values of all these rows, end to end. Numbers are little-endian, texts have their lengths
beside them, and bytes, which are the tokens, are compressed by LZ4 (5 ns a token for both ways, of
the low bits of ids). A million short rows are a few thousand blocks.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bfpack_spark.core.fragments import Int64, stable_order
from bfpack_spark.files.parquet_output import binary_values
from bfpack_spark.schema import BYTES, blocks_of, plain

_CODEC = "lz4"


def to_blocks(table: pa.Table, schema: pa.Schema, key: str) -> pa.RecordBatch:
    """Return the rows of a table as blocks, one for each value of `key`, in the schema of
    blocks_of(schema, key). The values of `key` are >= 0, and the table has at least one row. A
    column that it lacks is empty in the blocks."""
    keys = table.column(key).to_numpy()
    order = stable_order(keys)
    table = table.take(pa.array(order)).combine_chunks()
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    values, bounds = keys[order[first]], np.append(first, len(order))
    columns: dict[str, pa.Array] = {}
    for field in schema:
        if field.name == key:
            columns[key] = pa.array(values, field.type)
        elif field.name in table.column_names:
            columns |= _packed(field, table.column(field.name).chunk(0), bounds)
    whole = blocks_of(schema, key)
    absent = pa.array([b""] * len(values), pa.binary())
    columns = {name: columns.get(name, absent) for name in whole.names}
    return pa.RecordBatch.from_pydict(columns, schema=plain(whole))


def from_blocks(
    blocks: Sequence[pa.RecordBatch], schema: pa.Schema, names: Sequence[str]
) -> pa.Table:
    """Return these columns of the rows in all blocks, with one chunk each. Texts and bytes have the
    large types, since a shard may hold more than 2 GB."""
    return pa.table({name: _unpacked(blocks, schema.field(name)) for name in names})


def in_order(batches: Sequence[pa.RecordBatch], names: Sequence[str]) -> list[pa.RecordBatch]:
    """Return the blocks of all batches one by one, in an order that does not depend on how they
    came. It is that of the bytes of these columns of numbers, whose values differ from block to
    block. Nothing is copied."""
    blocks = [batch.slice(row, 1) for batch in batches for row in range(len(batch))]
    return sorted(blocks, key=lambda block: [_first_bytes(block, name) for name in names])


def _first_bytes(block: pa.RecordBatch, name: str) -> bytes:
    return bytes(memoryview(block.column(name)[0].as_buffer())[:8])


def has(block: pa.RecordBatch, name: str) -> pa.Array:
    """Return which of the blocks in a batch have this column. It must be a column of numbers."""
    return pc.greater(pc.binary_length(block.column(name)), 0)


def _packed(field: pa.Field, values: pa.Array, bounds: Int64) -> dict[str, pa.Array]:
    if pa.types.is_integer(field.type):
        kind = _little(field.type)
        numbers = values.to_numpy().astype(kind, copy=False)
        return {field.name: _binary(bounds * kind.itemsize, numbers)}
    values = values.cast(field.type)  # from the large type, too
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)[: len(values) + 1]
    flat = binary_values(values)
    ends = offsets[bounds] - offsets[0]
    compress = pa.types.is_binary(field.type)
    return {
        f"{field.name}{BYTES}": _binary(bounds * 4, np.diff(offsets).astype("<i4")),
        field.name: _compressed(ends, flat) if compress else _binary(ends, flat),
    }


def _compressed(ends: np.ndarray, flat: np.ndarray) -> pa.Array:
    codec, whole = pa.Codec(_CODEC), pa.py_buffer(flat)
    parts = [whole.slice(a, b - a) for a, b in itertools.pairwise(ends.tolist())]
    return pa.array([codec.compress(part, asbytes=True) for part in parts], pa.binary())


def _unpacked(blocks: Sequence[pa.RecordBatch], field: pa.Field) -> pa.Array:
    if pa.types.is_integer(field.type):
        return pa.array(_joined(blocks, field.name, _little(field.type)))
    sizes = _joined(blocks, f"{field.name}{BYTES}", np.dtype("<i4")).astype(np.int64)
    if pa.types.is_binary(field.type):
        return _large(pa.large_binary(), sizes, _decompressed(blocks, field.name, int(sizes.sum())))
    return _large(pa.large_string(), sizes, _joined(blocks, field.name, np.dtype("u1")))


def _decompressed(blocks: Sequence[pa.RecordBatch], name: str, size: int) -> np.ndarray:
    """Return the bytes of all blocks, `size` of them in all."""
    codec = pa.Codec(_CODEC)
    out = np.empty(size, dtype=np.uint8)
    begin = 0
    for block in blocks:
        sizes, packed = block.column(f"{name}{BYTES}"), block.column(name)
        for own, compressed in zip(sizes, packed, strict=True):
            end = begin + int(np.frombuffer(own.as_buffer(), "<i4").sum())
            raw = codec.decompress(compressed.as_buffer(), end - begin)
            out[begin:end] = np.frombuffer(raw, np.uint8)
            begin = end
    return out


def _joined(blocks: Sequence[pa.RecordBatch], name: str, kind: np.dtype[Any]) -> np.ndarray:
    """Return the values of a column of all blocks, end to end."""
    parts = [binary_values(block.column(name)).view(kind) for block in blocks if len(block)]
    return np.concatenate([np.empty(0, kind), *parts])


def _little(kind: pa.DataType) -> np.dtype[Any]:
    return np.dtype("<i4" if pa.types.is_int32(kind) else "<i8")


def _binary(offsets: np.ndarray, values: np.ndarray) -> pa.Array:
    """Return a BINARY column, whose row i is the bytes offsets[i] .. offsets[i + 1] of values."""
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def _large(kind: pa.DataType, sizes: Int64, values: np.ndarray) -> pa.Array:
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    assert offsets[-1] == len(values), "a block lacks some of its bytes"
    return pa.Array.from_buffers(
        kind, len(sizes), [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    )
