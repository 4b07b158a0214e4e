"""Stage 6, LOCATED + token files -> blocks of SEGMENTS, by shard. Tokens cross the network once.

The plan goes to the tokens: the fragments of a token file are sent to the task that walks it. The
task cuts slices without copying, and the slices go to their shard. A join of the tokens themselves
would shuffle them twice and sort them once.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.halves import high_kind
from bfpack_spark.files.parquet_output import binary_values
from bfpack_spark.schema import LOCATED, SEGMENTS, blocks_of, spark_ddl, with_masks
from bfpack_spark.spark.blocks import from_blocks, to_blocks
from bfpack_spark.spark.partitions import to_partitions
from bfpack_spark.tokens.stored_ids import binary_of, halves_of
from bfpack_spark.tokens.token_files import read_token_file, slices


@dataclass(frozen=True, kw_only=True)
class CutSpec:
    """What a worker needs to know to cut fragments out of token files, and how much it does at
    once."""

    token_paths: list[str]
    starts: Int64  # first sequence of each shard, and the end (core.rows.shard_starts)
    num_high: int  # bytes of an id above its low 16 bits
    masks: bool = False  # whether the token files have loss masks
    bos_id: int | None = None  # put before fragments that go on with a document. None: nothing is
    batch_tokens: int = 1 << 21  # that are cut at once
    block_tokens: int = 1 << 22  # sent at once to all shards: with 2,000 shards a block has 2,000


def assemble_sequences(located: DataFrame, spec: CutSpec) -> DataFrame:
    """Return blocks of SEGMENTS, the fragments with their tokens; partition k of the result is
    shard k.

    located: blocks of LOCATED, one partition for each task; `file` is an index in token_paths.
    """
    cut = located.mapInArrow(
        functools.partial(cut_to_blocks, spec=spec),
        spark_ddl(blocks_of(with_masks(SEGMENTS, masks=spec.masks), "shard")),
    )
    return to_partitions(cut, len(spec.starts) - 1, "shard")


def cut_to_blocks(batches: Iterator[pa.RecordBatch], *, spec: CutSpec) -> Iterator[pa.RecordBatch]:
    """Yield blocks of SEGMENTS of the fragments of a task, which come in blocks of LOCATED."""
    blocks = [batch for batch in batches if len(batch)]
    if not blocks:
        return
    pieces = _in_order_of_files(blocks)
    del blocks
    pending: list[pa.Table] = []
    tokens = 0
    for segments in _cut_files(pieces, spec):
        pending.append(segments)
        tokens += pc.sum(segments.column("length")).as_py()
        if tokens >= spec.block_tokens:
            full = [_block(pending, spec)]
            pending, tokens = [], 0  # frees the pieces before the blocks are taken
            yield full.pop()
    if pending:
        yield _block(pending, spec)


def _block(pending: list[pa.Table], spec: CutSpec) -> pa.RecordBatch:
    return to_blocks(pa.concat_tables(pending), with_masks(SEGMENTS, masks=spec.masks), "shard")


def _in_order_of_files(blocks: list[pa.RecordBatch]) -> pa.Table:
    """Return the rows of LOCATED by token file, and in the order in which their tokens lie
    there."""
    pieces = from_blocks(blocks, LOCATED, [name for name in LOCATED.names if name != "task"])
    by = [pieces.column(name).to_numpy() for name in ("start", "row", "file")]
    return pieces.take(pa.array(np.lexsort(by))).combine_chunks()


def _cut_files(pieces: pa.Table, spec: CutSpec) -> Iterator[pa.Table]:
    numbers, first = np.unique(pieces.column("file").to_numpy(), return_index=True)
    bounds = [*first.tolist(), len(pieces)]
    for number, (begin, end) in zip(numbers.tolist(), pairwise(bounds), strict=True):
        yield from cut_file(spec.token_paths[number], pieces.slice(begin, end - begin), spec)


def cut_file(path: str, pieces: pa.Table, spec: CutSpec) -> Iterator[pa.Table]:
    """Yield SEGMENTS of the pieces of one file, about `batch_tokens` tokens at once. The pieces are
    in the order of the file."""
    row = pieces.column("row").to_numpy()
    length = pieces.column("length").to_numpy().astype(np.int64)
    for first_row, stored in read_token_file(path):
        batch = halves_of(stored, spec.num_high)
        begin, end = np.searchsorted(row, [first_row, first_row + len(batch)])
        for left, right in _runs(length, int(begin), int(end), spec.batch_tokens):
            part = pieces.slice(left, right - left)
            yield _segments(part, _cut(batch, part, row[left:right] - first_row, spec), spec.starts)


def _cut(batch: pa.RecordBatch, part: pa.Table, row: Int64, spec: CutSpec) -> dict[str, pa.Array]:
    """Return what a token file has of pieces of its documents: doc_ids, ids, and loss masks if
    any. row: the rows of the documents in the batch."""
    start = part.column("start").to_numpy()
    length = part.column("length").to_numpy().astype(np.int64)
    cut = {"doc_id": batch.column("doc_id").take(pa.array(row))}
    kinds = {"low": np.dtype("<u2")}
    if spec.num_high:
        kinds["high"] = high_kind(spec.num_high)
    for name, kind in kinds.items():
        if spec.bos_id is None:
            cut[name] = slices(batch.column(name), row, start, length, kind=kind)
        else:
            bos = spec.bos_id & 0xFFFF if name == "low" else spec.bos_id >> 16
            cut[name] = with_bos(batch.column(name), row, start, length, bos, kind=kind)
    if spec.masks:
        cut["loss_mask"] = slices(batch.column("loss_mask"), row, start, length, kind="u1")
    return cut


def with_bos(
    tokens: pa.Array,
    row: Int64,
    start: Int64,
    length: Int64,
    bos_id: int,
    *,
    kind: str | np.dtype[Any],
) -> pa.Array:
    """Return pieces of documents as `slices` does, but each that does not begin at 0 has BOS before
    it, which counts in its length: [5, 6, 7, 8] from 2, length 3 -> [BOS, 7, 8]."""
    later = start > 0
    cut = slices(tokens, row, start - later, length, kind=kind)  # the token before will be BOS
    ids = binary_values(cut).view(kind).copy()
    ids[(np.cumsum(length) - length)[later]] = bos_id
    return binary_of(ids, length)


def _runs(length: Int64, begin: int, end: int, batch_tokens: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of begin..end of about `batch_tokens` tokens each, with at least one piece in
    each."""
    total = np.cumsum(length[begin:end])
    left = begin
    while left < end:
        done = int(total[left - begin - 1]) if left > begin else 0
        right = begin + int(np.searchsorted(total, done + batch_tokens, side="right"))
        right = max(right, left + 1)
        yield left, right
        left = right


def _segments(part: pa.Table, cut: dict[str, pa.Array], starts: Int64) -> pa.Table:
    """Return SEGMENTS of pieces, of which `cut` holds what the token file has."""
    sequence_id = part.column("sequence_id").to_numpy()
    assert 0 <= sequence_id.min() <= sequence_id.max() < starts[-1], "sequence_id out of range"
    shard = np.searchsorted(starts, sequence_id, side="right") - 1
    columns = {name: part.column(name) for name in part.column_names if name in SEGMENTS.names}
    return pa.table({"shard": pa.array(shard, pa.int32()), **columns, **cut})
