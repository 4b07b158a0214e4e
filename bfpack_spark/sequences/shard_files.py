"""Shard files: the fragments of a shard become rows of exactly seq_len ids.

Arrow moves the tokens: `take` on a BINARY column copies each fragment to its place. Padding is one
more fragment there, and the buffer of the taken column is input_ids.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.rows import rows_per_row_group
from bfpack_spark.files.parquet_output import ParquetOutput, binary_values
from bfpack_spark.schema import SEGMENTS, SEQUENCES, SEQUENCES_FORMATS, plain, with_masks
from bfpack_spark.sequences.row_targets import RowTargets, targets_of
from bfpack_spark.spark.blocks import from_blocks
from bfpack_spark.spark.messages import message


@dataclass(frozen=True, kw_only=True)
class ShardSpec:
    """What a worker needs to know to write shards."""

    root: str  # the version's directory
    bucket: str
    seq_len: int
    pad_id: int
    starts: Int64  # first sequence of each shard, and the end
    metadata: dict[str, str]  # Parquet key-value metadata, the same in every shard
    masks: bool = False  # whether rows have a loss mask


def write_shards(batches: Iterator[pa.RecordBatch], *, spec: ShardSpec) -> Iterator[pa.RecordBatch]:
    """Write the shard that the blocks of SEGMENTS of a partition make, and yield one message with
    its entry and the number of documents that are cut in it."""
    blocks = [batch for batch in batches if len(batch)]
    if not blocks:
        return
    shards = {shard for block in blocks for shard in block.column("shard").to_pylist()}
    assert len(shards) == 1, "a partition must hold one shard"
    schema = with_masks(SEGMENTS, masks=spec.masks)
    segments = from_blocks(blocks, schema, [name for name in schema.names if name != "shard"])
    del blocks
    yield message(_write_shard(segments, shards.pop(), spec))


def _write_shard(segments: pa.Table, shard: int, spec: ShardSpec) -> dict[str, object]:
    output = ParquetOutput(
        spec.root,
        f"shards/part-{shard:05d}.parquet",
        with_masks(SEQUENCES, masks=spec.masks),
        metadata=spec.metadata,
        statistics=["sequence_id", "num_tokens", "num_padding", "bucket"],
    )
    ids_hash = hashlib.sha256()
    begin, end = int(spec.starts[shard]), int(spec.starts[shard + 1])
    step = rows_per_row_group(spec.seq_len, SEQUENCES_FORMATS[0])
    order = _order(segments)
    sequence_id = segments.column("sequence_id").to_numpy()[order]
    num_tokens = num_cut = 0
    targets = RowTargets()
    for first in range(begin, end, step):
        last = min(first + step, end)
        left, right = np.searchsorted(sequence_id, [first, last])
        part = segments.take(pa.array(order[left:right]))
        table = gather_rows(part, first, last - first, spec)
        ids_hash.update(table.column("input_ids").chunk(0).values.buffers()[1])
        num_tokens += int(part.column("length").to_numpy().sum())
        num_cut += count_cut(part)
        if spec.masks:
            targets.add(*targets_of(table))
        output.write(table)
    entry = output.close("shards", num_tokens, ids_hash.hexdigest())
    told = {"files": [entry], "documents_cut": num_cut}
    return {**told, "targets": targets.told()} if spec.masks else told


def count_cut(segments: pa.Table | pa.RecordBatch) -> int:
    """Return the number of documents that are not whole. A document is counted where its first
    token lies."""
    start = segments.column("start").to_numpy()
    partial = segments.column("length").to_numpy() < segments.column("doc_length").to_numpy()
    return int(((start == 0) & partial).sum())


def _order(segments: pa.Table) -> Int64:
    keys = (segments.column("position").to_numpy(), segments.column("sequence_id").to_numpy())
    return np.lexsort(keys)


def gather_rows(segments: pa.Table, first: int, num_rows: int, spec: ShardSpec) -> pa.Table:
    """Return the SEQUENCES rows first .. first + num_rows - 1. segments: their segments, sorted by
    sequence and position."""
    row = segments.column("sequence_id").to_numpy() - first
    length = segments.column("length").to_numpy().astype(np.int64)
    num_segments = np.bincount(row, minlength=num_rows)
    num_tokens = np.bincount(row, weights=length, minlength=num_rows).astype(np.int64)
    padding = spec.seq_len - num_tokens
    _assert_complete(segments, row, length, num_segments, padding)
    padded = np.flatnonzero(padding)
    # The source of each output segment is a fragment, or a piece of padding. The pieces of padding
    # are numbered after all fragments.
    at = np.cumsum(num_segments)[padded]
    source = np.insert(np.arange(len(row)), at, len(row) + np.arange(len(padded)))
    real = source < len(row)
    index = pa.array(np.where(real, source, 0), mask=~real)
    offsets = np.zeros(num_rows + 1, dtype=np.int32)
    np.cumsum(num_segments + (padding > 0), out=offsets[1:])
    all_lengths = np.concatenate([length, padding[padded]])[source]
    columns = {
        "sequence_id": pa.array(np.arange(first, first + num_rows), pa.int64()),
        "input_ids": _rows(segments, "tokens", padding[padded], source, spec),
        "seq_lengths": _lists(offsets, pa.array(all_lengths, pa.int32())),
        "doc_ids": _lists(offsets, _taken(segments, "doc_id", index).cast(pa.string())),
        "doc_starts": _lists(offsets, _taken(segments, "start", index).fill_null(0)),
        "doc_lengths": _lists(offsets, _taken(segments, "doc_length", index).fill_null(0)),
        "num_tokens": pa.array(num_tokens, pa.int32()),
        "num_padding": pa.array(padding, pa.int32()),
        "bucket": pa.repeat(pa.scalar(spec.bucket), num_rows),
    }
    if spec.masks:
        columns["loss_mask"] = _rows(segments, "loss_mask", padding[padded], source, spec)
    return pa.Table.from_pydict(columns, schema=plain(with_masks(SEQUENCES, masks=spec.masks)))


def _assert_complete(
    segments: pa.Table, row: Int64, length: Int64, num_segments: Int64, padding: Int64
) -> None:
    """Assert that every fragment of these rows has come, once: positions and offsets follow each
    other without gaps."""
    assert (num_segments > 0).all(), "a sequence lacks its fragments"
    assert (padding >= 0).all(), "a sequence is too full"
    first = np.cumsum(num_segments) - num_segments
    begin = np.cumsum(length) - length
    position = np.arange(len(row)) - first[row]
    assert (segments.column("position").to_numpy() == position).all(), "positions have gaps"
    assert (segments.column("offset").to_numpy() == begin - begin[first][row]).all(), "offsets too"


def _rows(
    segments: pa.Table, name: str, padding: Int64, source: Int64, spec: ShardSpec
) -> pa.ListArray:
    """Return the ids or the loss mask of each row. Padding has the pad id, and is no target."""
    kind, filler = (np.dtype("<i4"), spec.pad_id) if name == "tokens" else (np.dtype("i1"), 0)
    pad = np.full(int(padding.max(initial=0)), filler, dtype=kind).tobytes()
    sizes = (padding * kind.itemsize).tolist()
    pieces = pa.array([pad[:size] for size in sizes], pa.large_binary())
    every = pa.concat_arrays([*segments.column(name).chunks, pieces])
    values = binary_values(every.take(pa.array(source))).view(kind)
    num_rows = len(values) // spec.seq_len
    offsets = np.arange(num_rows + 1, dtype=np.int32) * np.int32(spec.seq_len)
    return _lists(offsets, pa.array(values))


def _taken(segments: pa.Table, name: str, index: pa.Array) -> pa.Array:
    return segments.column(name).combine_chunks().take(index)


def _lists(offsets: np.ndarray, values: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
