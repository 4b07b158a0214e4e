"""Stage 3, token files -> GROUPED: every group gets (almost) the same length histogram.

Think of all documents in one row, longest first, and those of equal length by a seeded hash of
doc_id. They are dealt round robin (core.groups holds the arithmetic): the group of a document is
its place in that row, plus the seed, modulo the number of groups. So it depends on the set of
(doc_id, length) and on the seed, and not on partitions or on the order of arrival.

The row is cut into stretches (core.stretches). How many documents lie ahead of each is known, and a
worker that sorts the stretch finds the rest of the place. With one group there is nothing to sort.
Documents travel in blocks.
"""

import functools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.stretches import Stretches
from bfpack_spark.plan.hashed_documents import hashed
from bfpack_spark.schema import GROUPED, HASHED, RANKED, blocks_of, spark_ddl
from bfpack_spark.spark.blocks import from_blocks, to_blocks
from bfpack_spark.spark.partitions import to_partitions
from bfpack_spark.tokens.token_places import Keep


def group_documents(
    sources: DataFrame,
    stretches: Stretches,
    groups: int,
    seed: int,
    keep: Keep | None = None,
) -> DataFrame:
    """Return blocks of GROUPED; partition g of the result is group g.

    sources: files_frame of the token files. stretches: those of their documents; with more than
    one group they are counted. keep: if given, a document's length is what is kept of it by its
    loss mask, in the stretches too, and documents of which nothing is kept are left out.
    """
    if groups == 1:
        worker = functools.partial(_to_one_group, seed=seed, keep=keep)
        blocks = sources.mapInArrow(worker, spark_ddl(blocks_of(GROUPED, "group")))
        return to_partitions(blocks, 1, "group")
    dealt = sources.mapInArrow(
        functools.partial(_to_stretches, stretches=stretches, seed=seed, keep=keep),
        spark_ddl(blocks_of(RANKED, "stretch")),
    )
    grouped = to_partitions(dealt, len(stretches), "stretch").mapInArrow(
        functools.partial(to_groups, stretches=stretches, groups=groups, seed=seed),
        spark_ddl(blocks_of(GROUPED, "group")),
    )
    return to_partitions(grouped, groups, "group")


def _to_one_group(
    batches: Iterator[pa.RecordBatch], *, seed: int, keep: Keep | None
) -> Iterator[pa.RecordBatch]:
    for table in hashed(batches, seed, keep):
        group = pa.array(np.zeros(len(table), np.int32))
        yield to_blocks(table.append_column("group", group), GROUPED, "group")


def _to_stretches(
    batches: Iterator[pa.RecordBatch], *, stretches: Stretches, seed: int, keep: Keep | None
) -> Iterator[pa.RecordBatch]:
    for table in hashed(batches, seed, keep):
        of = stretches.of(*(table.column(name).to_numpy() for name in ("length", "doc_hash")))
        stretch = pa.array(of.astype(np.int32))
        yield to_blocks(table.append_column("stretch", stretch), RANKED, "stretch")


def to_groups(
    batches: Iterator[pa.RecordBatch], *, stretches: Stretches, groups: int, seed: int
) -> Iterator[pa.RecordBatch]:
    """Yield GROUPED of the documents of one stretch, which is one partition."""
    blocks = [batch for batch in batches if len(batch)]
    if not blocks:
        return
    table = sort_documents(from_blocks(blocks, RANKED, HASHED.names))
    first = (table.column(name).to_numpy()[:1] for name in ("length", "doc_hash"))
    ahead = int(stretches.ahead_of(*first)[0])
    group = (ahead + np.arange(len(table)) + seed) % groups
    yield to_blocks(
        table.append_column("group", pa.array(group.astype(np.int32))), GROUPED, "group"
    )


def sort_documents(table: pa.Table) -> pa.Table:
    """Return the rows of HASHED, longest first and then by hash, in whatever order they came."""
    by = [("length", "descending"), ("doc_hash", "ascending"), ("doc_id", "ascending")]
    return table.take(pc.sort_indices(table, by))
