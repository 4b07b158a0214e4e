"""Stage 5, PLAN + token files -> BLOCKS of segments, by shard: tokens cross the network once.

The plan goes to the tokens, not the tokens to a join: PLAN is joined with where each document lies
(token file, row), metadata only; the rows go to the task that has that token file, which walks it
and cuts slices without copying; the slices go to their shard. A join of the tokens themselves would
shuffle them twice and sort them once.
"""

import functools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from bfpack_spark.core.fragments import Int64
from bfpack_spark.schema import BLOCKS, SEGMENTS, plain, spark_ddl
from bfpack_spark.storage.segment_blocks import to_blocks
from bfpack_spark.storage.token_files import read_token_file, slices

_BATCH_TOKENS = 1 << 21


def assemble_sequences(
    plan: DataFrame, places: DataFrame, token_paths: list[str], starts: Int64
) -> DataFrame:
    """BLOCKS, the fragments with their tokens; partition k of the result is shard k.

    places: doc_id, length, file (index into token_paths), row. starts: first sequence of each shard
    and the end, as core.rows.shard_starts gives them.
    """
    located = plan.drop("group").join(
        places.withColumnRenamed("length", "doc_length"), "doc_id", "inner"
    )
    cut = located.repartitionById(len(token_paths), "file").mapInArrow(
        functools.partial(_cut_to_blocks, token_paths=token_paths, starts=starts), spark_ddl(BLOCKS)
    )
    num_shards = len(starts) - 1
    return cut.repartitionById(num_shards, sf.col("shard"))


def _cut_to_blocks(
    batches: Iterator[pa.RecordBatch], *, token_paths: list[str], starts: Int64
) -> Iterator[pa.RecordBatch]:
    return to_blocks(_cut_tokens(batches, token_paths=token_paths, starts=starts))


def _cut_tokens(
    batches: Iterator[pa.RecordBatch], *, token_paths: list[str], starts: Int64
) -> Iterator[pa.RecordBatch]:
    received = [batch for batch in batches if len(batch)]
    if not received:
        return
    pieces = pa.Table.from_batches(received)
    file = pieces.column("file").to_numpy()
    row, start = pieces.column("row").to_numpy(), pieces.column("start").to_numpy()
    order = np.lexsort((start, row, file))
    for number in np.unique(file).tolist():
        yield from _cut_file(token_paths[number], pieces, order[file[order] == number], starts)


def _cut_file(path: str, pieces: pa.Table, order: Int64, starts: Int64) -> Iterator[pa.RecordBatch]:
    pieces = pieces.take(pa.array(order)).combine_chunks()
    row = pieces.column("row").to_numpy()
    length = pieces.column("length").to_numpy().astype(np.int64)
    for first_row, batch in read_token_file(path):
        begin, end = np.searchsorted(row, [first_row, first_row + len(batch)])
        for left, right in _runs(length, int(begin), int(end)):
            part = pieces.slice(left, right - left)
            ids = slices(
                batch.column("tokens"),
                row[left:right] - first_row,
                part.column("start").to_numpy(),
                length[left:right],
            )
            found = batch.column("doc_id").take(pa.array(row[left:right] - first_row))
            assert found.equals(part.column("doc_id").combine_chunks()), "the store has changed"
            yield _segments(part, ids, starts)


def _runs(length: Int64, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Ranges of begin..end of about _BATCH_TOKENS tokens each, at least one piece."""
    total = np.cumsum(length[begin:end])
    left = begin
    while left < end:
        done = int(total[left - begin - 1]) if left > begin else 0
        right = begin + int(np.searchsorted(total, done + _BATCH_TOKENS, side="right"))
        right = max(right, left + 1)
        yield left, right
        left = right


def _segments(part: pa.Table, ids: pa.Array, starts: Int64) -> pa.RecordBatch:
    sequence_id = part.column("sequence_id").to_numpy()
    assert 0 <= sequence_id.min() <= sequence_id.max() < starts[-1], "sequence_id out of range"
    shard = np.searchsorted(starts, sequence_id, side="right") - 1
    columns = {
        name: part.column(name).combine_chunks()
        for name in SEGMENTS.names
        if name not in ("shard", "tokens")
    }
    columns |= {"shard": pa.array(shard, pa.int32()), "tokens": ids}
    return pa.RecordBatch.from_pydict(columns, schema=plain(SEGMENTS))
