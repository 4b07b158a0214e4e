"""Shard files: the fragments of a shard become rows of exactly seq_len ids.

Arrow moves the tokens: `take` on a BINARY column copies each fragment to its place, a few row
groups at a time. Padding is put in afterwards, where there is any.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark import TaskContext

from bfpack_spark.core.fragments import Int64, aligned
from bfpack_spark.core.halves import high_kind, join_ids
from bfpack_spark.core.rows import rows_per_row_group
from bfpack_spark.files.parquet_output import ParquetOutput, binary_values
from bfpack_spark.schema import SEGMENTS, SEQUENCES, SEQUENCES_FORMATS, plain, with_masks
from bfpack_spark.sequences.row_targets import Targets, targets_of, tell_targets
from bfpack_spark.spark.blocks import from_blocks
from bfpack_spark.spark.messages import message

_GATHERED_TOKENS = 1 << 20  # at once: what a call costs is nothing beside so many


@dataclass(frozen=True, kw_only=True)
class ShardSpec:
    """What a worker needs to know to write shards."""

    root: str  # the version's directory
    bucket: str
    seq_len: int
    pad_id: int
    starts: Int64  # first sequence of each shard, and the end
    metadata: dict[str, str]  # Parquet key-value metadata, the same in every shard
    num_high: int  # bytes of an id above its low 16 bits
    masks: bool = False  # whether rows have a loss mask
    align: int = 1  # fragments begin at multiples of it
    num_planned: int | None = None  # sequences with tokens; rows of padding follow. None: all


def write_shards(batches: Iterator[pa.RecordBatch], *, spec: ShardSpec) -> Iterator[pa.RecordBatch]:
    """Write the shard that the blocks of SEGMENTS of a partition make, and yield one message with
    its entry and the number of documents that are cut in it."""
    blocks = [batch for batch in batches if len(batch)]
    shards = {shard for block in blocks for shard in block.column("shard").to_pylist()}
    shards = shards or _shard_of_padding(spec)
    assert len(shards) <= 1, "a partition must hold one shard"
    schema = with_masks(SEGMENTS, masks=spec.masks)
    absent = {"shard"} if spec.num_high else {"shard", "high"}
    segments = from_blocks(blocks, schema, [name for name in schema.names if name not in absent])
    del blocks
    for shard in shards:
        yield message(_write_shard(segments, shard, spec))


def _shard_of_padding(spec: ShardSpec) -> set[int]:
    """Return the shard of a partition to which no fragments came, if all of its rows are padding,
    or nothing."""
    context = TaskContext.get()
    if spec.num_planned is None or context is None:
        return set()
    shard = context.partitionId()
    is_padding = shard < len(spec.starts) - 1 and spec.starts[shard] >= spec.num_planned
    return {shard} if is_padding else set()


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
    group_rows = rows_per_row_group(spec.seq_len, SEQUENCES_FORMATS[0])
    step = group_rows * max(_GATHERED_TOKENS // (group_rows * spec.seq_len), 1)
    keys = (segments.column("position").to_numpy(), segments.column("sequence_id").to_numpy())
    order = np.lexsort(keys)
    sequence_id = segments.column("sequence_id").to_numpy()[order]
    num_tokens = num_cut = 0
    targets: list[Targets] = []
    for first in range(begin, end, step):
        last = min(first + step, end)
        left, right = np.searchsorted(sequence_id, [first, last])
        part = segments.take(pa.array(order[left:right]))
        table = gather_rows(part, first, last - first, spec)
        ids_hash.update(table.column("input_ids").chunk(0).values.buffers()[1])
        num_tokens += int(part.column("length").to_numpy().sum())
        num_cut += count_cut(part)
        if spec.masks:
            targets.append(targets_of(table))
        output.write(table, group_rows)
    entry = output.close("shards", num_tokens, ids_hash.hexdigest())
    told = {"files": [entry], "documents_cut": num_cut}
    return {**told, "targets": tell_targets(targets)} if spec.masks else told


def count_cut(segments: pa.Table | pa.RecordBatch) -> int:
    """Return the number of documents that are not whole. A document is counted where its first
    token lies."""
    start = segments.column("start").to_numpy()
    partial = segments.column("length").to_numpy() < segments.column("doc_length").to_numpy()
    return int(((start == 0) & partial).sum())


def gather_rows(segments: pa.Table, first: int, num_rows: int, spec: ShardSpec) -> pa.Table:
    """Return the SEQUENCES rows first .. first + num_rows - 1. segments: their segments, sorted by
    sequence and position."""
    row = segments.column("sequence_id").to_numpy() - first
    length = segments.column("length").to_numpy().astype(np.int64)
    num_segments = np.bincount(row, minlength=num_rows)
    num_tokens = np.bincount(row, weights=length, minlength=num_rows).astype(np.int64)
    _assert_complete(segments, row, num_segments, first, spec)
    seq_len = spec.seq_len
    at, in_row, padding = _padding(segments, row, num_segments, seq_len)
    begins = np.append(0, np.cumsum(length))[at]  # of the padding, in tokens
    # A piece of padding is one more segment, without a document. It lies before the fragment `at`.
    all_lengths, index = np.insert(length, at, padding), pa.array(np.arange(len(row)))
    if len(at):
        source, real = np.insert(np.arange(len(row)), at, 0), np.insert(row >= 0, at, False)
        index = pa.array(source, mask=~real)
    offsets = np.zeros(num_rows + 1, dtype=np.int32)
    np.cumsum(num_segments + np.bincount(in_row, minlength=num_rows), out=offsets[1:])
    high = _values(segments, "high", high_kind(spec.num_high)) if spec.num_high else None
    ids = join_ids(_values(segments, "low", np.dtype("<u2")), high)
    columns = {
        "sequence_id": pa.array(np.arange(first, first + num_rows), pa.int64()),
        "input_ids": _rows(_padded(ids, spec.pad_id, begins, padding), seq_len),
        "seq_lengths": _lists(offsets, pa.array(all_lengths, pa.int32())),
        "doc_ids": _lists(offsets, _taken(segments, "doc_id", index).cast(pa.string())),
        "doc_starts": _lists(offsets, _taken(segments, "start", index).fill_null(0)),
        "doc_lengths": _lists(offsets, _taken(segments, "doc_length", index).fill_null(0)),
        "num_tokens": pa.array(num_tokens, pa.int32()),
        "num_padding": pa.array(seq_len - num_tokens, pa.int32()),
        "bucket": pa.repeat(pa.scalar(spec.bucket), num_rows),
    }
    if spec.masks:
        mask = _values(segments, "loss_mask", np.dtype("i1"))
        columns["loss_mask"] = _rows(_padded(mask, 0, begins, padding), seq_len)
    return pa.Table.from_pydict(columns, schema=plain(with_masks(SEQUENCES, masks=spec.masks)))


def _padding(
    segments: pa.Table, row: Int64, num_segments: Int64, seq_len: int
) -> tuple[Int64, Int64, Int64]:
    """Return the pieces of padding in order: the fragment before which each lies, its row, and its
    length. One lies wherever tokens are left behind a fragment, or in a row without any."""
    offset = segments.column("offset").to_numpy().astype(np.int64)
    end = offset + segments.column("length").to_numpy()
    goes_on = np.diff(row, append=-1) == 0  # another fragment follows in the row
    gap = np.where(goes_on, np.append(offset[1:], 0), seq_len) - end
    behind = np.flatnonzero(gap)
    empty = np.flatnonzero(num_segments == 0)
    at = np.concatenate([behind + 1, np.cumsum(num_segments)[empty]])
    in_row = np.concatenate([row[behind], empty])
    order = np.lexsort((at, in_row))
    sizes = np.concatenate([gap[behind], np.full(len(empty), seq_len)])
    return at[order], in_row[order], sizes[order]


def _assert_complete(
    segments: pa.Table, row: Int64, num_segments: Int64, first: int, spec: ShardSpec
) -> None:
    """Assert that every fragment of these rows has come, once: positions and offsets follow each
    other without gaps, but for those that align leaves. Rows behind the planned ones have none."""
    planned = (
        num_segments
        if spec.num_planned is None
        else num_segments[: max(spec.num_planned - first, 0)]
    )
    assert (planned > 0).all(), "a sequence lacks its fragments"
    assert num_segments.sum() == planned.sum(), "a row of padding has fragments"
    size = aligned(segments.column("length").to_numpy().astype(np.int64), spec.align)
    filled = np.bincount(row, weights=size, minlength=len(num_segments))
    assert (filled <= spec.seq_len).all(), "a sequence is too full"
    before = np.cumsum(num_segments) - num_segments
    begin = np.cumsum(size) - size
    position = np.arange(len(row)) - before[row]
    assert (segments.column("position").to_numpy() == position).all(), "positions have gaps"
    offset = begin - begin[before[row]]
    assert (segments.column("offset").to_numpy() == offset).all(), "offsets too"


def _values(segments: pa.Table, name: str, kind: np.dtype[Any]) -> np.ndarray:
    return binary_values(segments.column(name).combine_chunks()).view(kind)


def _padded(values: np.ndarray, filler: int, begins: Int64, padding: Int64) -> np.ndarray:
    """Return values with padding put in before the places `begins`: [1, 2, 3], 9 before 0 and 2,
    [1, 2] -> [9, 1, 2, 9, 9, 3]."""
    if not len(begins):
        return values
    pad = np.full(int(padding.max()), filler, dtype=values.dtype)
    pieces = zip(np.split(values, begins), (*padding.tolist(), 0), strict=True)
    return np.concatenate([piece for part, size in pieces for piece in (part, pad[:size])])


def _rows(values: np.ndarray, seq_len: int) -> pa.ListArray:
    num_rows = len(values) // seq_len
    offsets = np.arange(num_rows + 1, dtype=np.int32) * np.int32(seq_len)
    return _lists(offsets, pa.array(values))


def _taken(segments: pa.Table, name: str, index: pa.Array) -> pa.Array:
    return segments.column(name).combine_chunks().take(index)


def _lists(offsets: np.ndarray, values: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
