"""Stage 6, LOCATED + token files -> blocks of SEGMENTS, by shard. Tokens cross the network once.

The plan goes to the tokens: the fragments of a token file are sent to the task that walks it. The
task cuts slices without copying, and the slices go to their shard. A join of the tokens themselves
would shuffle them twice and sort them once.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.halves import high_kind
from bfpack_spark.files.parquet_output import binary_values
from bfpack_spark.schema import LOCATED, SEGMENTS, blocks_of, plain, spark_ddl, with_masks
from bfpack_spark.spark.blocks import from_blocks, to_blocks
from bfpack_spark.spark.partitions import to_partitions
from bfpack_spark.tokens.stored_ids import halves_of
from bfpack_spark.tokens.token_files import read_token_file, slices


@dataclass(frozen=True, kw_only=True)
class AssemblySizes:
    """How many tokens a worker cuts and sends at once."""

    batch_tokens: int = 1 << 21
    block_tokens: int = 1 << 22  # of all shards together: with 2,000 shards a block has 2,000


SIZES = AssemblySizes()


def assemble_sequences(
    located: DataFrame,
    token_paths: list[str],
    starts: Int64,
    sizes: AssemblySizes = SIZES,
    *,
    num_high: int,
    masks: bool = False,
    bos_id: int | None = None,
) -> DataFrame:
    """Return blocks of SEGMENTS, the fragments with their tokens; partition k of the result is
    shard k.

    located: blocks of LOCATED, one partition for each task; `file` is an index in token_paths.
    starts: the first sequence of each shard, and the end, as core.rows.shard_starts gives them.
    num_high: bytes of an id above its low 16 bits.
    masks: whether the token files have loss masks.
    bos_id: put before every fragment that goes on with a document; None: nothing is.
    """
    cut = located.mapInArrow(
        functools.partial(
            cut_to_blocks,
            token_paths=token_paths,
            starts=starts,
            sizes=sizes,
            num_high=num_high,
            bos_id=bos_id,
        ),
        spark_ddl(blocks_of(with_masks(SEGMENTS, masks=masks), "shard")),
    )
    return to_partitions(cut, len(starts) - 1, "shard")


def cut_to_blocks(
    batches: Iterator[pa.RecordBatch],
    *,
    token_paths: list[str],
    starts: Int64,
    num_high: int,
    sizes: AssemblySizes = SIZES,
    bos_id: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield blocks of SEGMENTS of the fragments of a task, which come in blocks of LOCATED."""
    blocks = [batch for batch in batches if len(batch)]
    if not blocks:
        return
    pieces = _in_order_of_files(blocks)
    del blocks
    pending: list[pa.RecordBatch] = []
    tokens = 0
    for segments in _cut_files(token_paths, pieces, starts, sizes, num_high, bos_id):
        pending.append(segments)
        tokens += len(binary_values(segments.column("low"))) // 2
        if tokens >= sizes.block_tokens:
            full = [_block(pending)]
            pending, tokens = [], 0  # frees the pieces before the blocks are taken
            yield full.pop()
    if pending:
        yield _block(pending)


def _block(pending: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches(pending)
    schema = with_masks(SEGMENTS, masks="loss_mask" in table.column_names)
    return to_blocks(table, schema, "shard")


def _in_order_of_files(blocks: list[pa.RecordBatch]) -> pa.Table:
    """Return the rows of LOCATED by token file, and in the order in which their tokens lie
    there."""
    pieces = from_blocks(blocks, LOCATED, [name for name in LOCATED.names if name != "task"])
    by = [pieces.column(name).to_numpy() for name in ("start", "row", "file")]
    return pieces.take(pa.array(np.lexsort(by))).combine_chunks()


def _cut_files(
    paths: list[str],
    pieces: pa.Table,
    starts: Int64,
    sizes: AssemblySizes,
    num_high: int,
    bos_id: int | None,
) -> Iterator[pa.RecordBatch]:
    numbers, first = np.unique(pieces.column("file").to_numpy(), return_index=True)
    bounds = [*first.tolist(), len(pieces)]
    for number, begin, end in zip(numbers.tolist(), bounds[:-1], bounds[1:], strict=True):
        part = pieces.slice(begin, end - begin)
        yield from cut_file(paths[number], part, starts, sizes.batch_tokens, num_high, bos_id)


def cut_file(
    path: str,
    pieces: pa.Table,
    starts: Int64,
    batch_tokens: int,
    num_high: int,
    bos_id: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield SEGMENTS of the pieces of one file, about `batch_tokens` tokens a batch. The pieces are
    in the order of the file."""
    row = pieces.column("row").to_numpy()
    length = pieces.column("length").to_numpy().astype(np.int64)
    for first_row, stored in read_token_file(path):
        batch = halves_of(stored, num_high)
        begin, end = np.searchsorted(row, [first_row, first_row + len(batch)])
        for left, right in _runs(length, int(begin), int(end), batch_tokens):
            part = pieces.slice(left, right - left)
            rows = row[left:right] - first_row
            start = part.column("start").to_numpy()
            cut = _cut(batch, rows, start, length[left:right], num_high, bos_id)
            cut["doc_id"] = batch.column("doc_id").take(pa.array(rows))
            yield _segments(part, cut, starts)


def _cut(
    batch: pa.RecordBatch,
    row: Int64,
    start: Int64,
    length: Int64,
    num_high: int,
    bos_id: int | None,
) -> dict[str, pa.Array]:
    """Return what a token file has of pieces of its documents: ids, and loss masks if any."""
    low = np.dtype("<u2")
    kinds = {"low": low, "high": high_kind(num_high)} if num_high else {"low": low}
    cut = {}
    for name, kind in kinds.items():
        if bos_id is None:
            cut[name] = slices(batch.column(name), row, start, length, kind=kind)
        else:
            bos = bos_id & 0xFFFF if name == "low" else bos_id >> 16
            cut[name] = with_bos(batch.column(name), row, start, length, bos, kind=kind)
    if "loss_mask" in batch.schema.names:
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
    return pa.Array.from_buffers(pa.binary(), len(cut), [None, cut.buffers()[1], pa.py_buffer(ids)])


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


def _segments(part: pa.Table, cut: dict[str, pa.Array], starts: Int64) -> pa.RecordBatch:
    """Return SEGMENTS of pieces, of which `cut` holds what the token file has."""
    sequence_id = part.column("sequence_id").to_numpy()
    assert 0 <= sequence_id.min() <= sequence_id.max() < starts[-1], "sequence_id out of range"
    shard = np.searchsorted(starts, sequence_id, side="right") - 1
    new_columns = {"shard": pa.array(shard, pa.int32()), **cut}
    every = with_masks(SEGMENTS, masks="loss_mask" in cut)
    schema = plain(pa.schema([field for field in every if field.name != "high" or "high" in cut]))
    columns = {
        name: new_columns[name] if name in new_columns else part.column(name).combine_chunks()
        for name in schema.names
    }
    return pa.RecordBatch.from_pydict(columns, schema=schema)
