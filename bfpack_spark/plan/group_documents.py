"""Stage 3, token files -> GROUPED: every group gets (almost) the same length histogram.

Think of all documents in one row, longest first, and those of equal length by a seeded hash of
doc_id. They are dealt round robin (core.groups holds the arithmetic): the group of a document is
its place in that row, plus the seed, modulo the number of groups. So it depends on the set of
(doc_id, length) and on the seed, and not on partitions or on the order of arrival.

The row is cut into stretches, only where a length ends. The histogram tells how many documents lie
ahead of each stretch, and a worker that sorts the stretch finds the rest of the place. With one
group there is nothing to sort. Documents travel in blocks.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.digest import hash_rows
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.tasks import TASKS, TaskSizes
from bfpack_spark.schema import GROUPED, HASHED, RANKED, blocks_of, spark_ddl
from bfpack_spark.spark.blocks import from_blocks, to_blocks
from bfpack_spark.spark.hash_ids import hash_ids
from bfpack_spark.spark.partitions import rows_of, to_partitions
from bfpack_spark.tokens.token_places import Keep, read_kept, read_places


@dataclass(frozen=True, kw_only=True)
class Row:
    """The row of documents and its stretches. For each distinct length, ascending: the stretch in
    which it lies, and the number of documents ahead of that stretch."""

    length: Int64
    stretch: Int64
    ahead: Int64


def group_documents(
    sources: DataFrame,
    histogram: Histogram,
    groups: int,
    seed: int,
    tasks: TaskSizes = TASKS,
    keep: Keep | None = None,
) -> DataFrame:
    """Return blocks of GROUPED; partition g of the result is group g.

    sources: files_frame of the token files. histogram: the lengths of their documents; it tells
    where in the row each length lies. keep: if given, a document's length is what is kept of it by
    its loss mask, in the histogram too, and documents of which nothing is kept are left out.
    """
    if groups == 1:
        worker = functools.partial(_to_one_group, seed=seed, keep=keep)
        blocks = sources.mapInArrow(worker, spark_ddl(blocks_of(GROUPED, "group")))
        return to_partitions(blocks, 1, "group")
    row = row_of(histogram, tasks.stretch_documents)
    dealt = sources.mapInArrow(
        functools.partial(_to_stretches, row=row, seed=seed, keep=keep),
        spark_ddl(blocks_of(RANKED, "stretch")),
    )
    grouped = to_partitions(dealt, int(row.stretch.max()) + 1, "stretch").mapInArrow(
        functools.partial(to_groups, row=row, groups=groups, seed=seed),
        spark_ddl(blocks_of(GROUPED, "group")),
    )
    return to_partitions(grouped, groups, "group")


def row_of(histogram: Histogram, stretch_documents: int) -> Row:
    """Return the row of so many documents, in stretches of about `stretch_documents`."""
    longer = np.cumsum(histogram.counts[::-1])[::-1] - histogram.counts
    _, stretch = np.unique(longer // stretch_documents, return_inverse=True)
    first = np.full(int(stretch.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, stretch, longer)
    return Row(length=histogram.values, stretch=stretch, ahead=first[stretch])


def _to_one_group(
    batches: Iterator[pa.RecordBatch], *, seed: int, keep: Keep | None
) -> Iterator[pa.RecordBatch]:
    for table in _hashed(batches, seed, keep):
        group = pa.array(np.zeros(len(table), np.int32))
        yield to_blocks(table.append_column("group", group), GROUPED, "group")


def _to_stretches(
    batches: Iterator[pa.RecordBatch], *, row: Row, seed: int, keep: Keep | None
) -> Iterator[pa.RecordBatch]:
    for table in _hashed(batches, seed, keep):
        at = _place(row, table.column("length").to_numpy())
        stretch = pa.array(row.stretch[at].astype(np.int32))
        yield to_blocks(table.append_column("stretch", stretch), RANKED, "stretch")


def to_groups(
    batches: Iterator[pa.RecordBatch], *, row: Row, groups: int, seed: int
) -> Iterator[pa.RecordBatch]:
    """Yield GROUPED of the documents of one stretch, which is one partition."""
    blocks = [batch for batch in batches if len(batch)]
    if not blocks:
        return
    table = sort_documents(from_blocks(blocks, RANKED, HASHED.names))
    ahead = int(row.ahead[_place(row, table.column("length").to_numpy()[:1])][0])
    group = (ahead + np.arange(len(table)) + seed) % groups
    yield to_blocks(
        table.append_column("group", pa.array(group.astype(np.int32))), GROUPED, "group"
    )


def _hashed(batches: Iterator[pa.RecordBatch], seed: int, keep: Keep | None) -> Iterator[pa.Table]:
    """Yield HASHED of the row groups of the token files."""
    for source in rows_of(batches):
        for table in _places(source["path"], source["file"], keep):
            doc_id = table.column("doc_id").combine_chunks()
            key = hash_ids(doc_id)
            doc_hash = hash_rows(np.full(len(key), seed, dtype=np.int64), key).view(np.int64)
            columns = {"doc_id": doc_id, "length": table.column("doc_length")}
            yield pa.table({**columns, "doc_hash": doc_hash})


def _places(path: str, file: int, keep: Keep | None) -> Iterator[pa.Table]:
    """Yield the documents of a token file, with what is kept of each as its length."""
    if keep is None:
        yield from read_places(path, file)
        return
    for table, found in read_kept(path, file, keep):
        number = table.column_names.index("doc_length")
        kept = table.set_column(number, "doc_length", pa.array(found.kept))
        kept = kept.filter(pa.array(found.kept > 0))
        if len(kept):
            yield kept


def _place(row: Row, length: Int64) -> Int64:
    at = np.searchsorted(row.length, length)
    assert (row.length[np.minimum(at, len(row.length) - 1)] == length).all(), (
        "a document's length is not in the histogram"
    )
    return at


def sort_documents(table: pa.Table) -> pa.Table:
    """Return the rows of HASHED, longest first and then by their hashes, whatever the order in
    which they came."""
    by = [("length", "descending"), ("doc_hash", "ascending"), ("doc_id", "ascending")]
    return table.take(pc.sort_indices(table, by))
