"""Stage 4, groups -> PLAN: the packer, once a group, inside mapInArrow; lengths only.

Best-fit decreasing puts every fragment into one of the group's sequences (core.best_fit). The
sequences of all groups are numbered through, the number of each group being known from its counts,
and then permuted by the seed (core.shuffle): that is sequence_id, the place in the dataset. Within
a sequence fragments lie in a pseudo-random order: best fit's own is longest first in every row,
and a model without document masks would learn length from position.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.accounting import Rules
from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.fragments import Fragments, Int64, cut_documents, cut_stream, kept_lengths
from bfpack_spark.core.rows import Placement, arrange, fragment_key
from bfpack_spark.core.shuffle import permute
from bfpack_spark.schema import GROUPED, HASHED, PLAN, plain, spark_ddl
from bfpack_spark.spark.blocks import unpack
from bfpack_spark.spark.messages import Writer, make_and_write

_BATCH_ROWS = 1 << 18


@dataclass(frozen=True, kw_only=True)
class PlanTask:
    """What a worker needs to know: the rules, and how many sequences each group makes."""

    rules: Rules
    sequences_per_group: Int64


def plan_sequences(groups: DataFrame, task: PlanTask, write: Writer | None = None) -> DataFrame:
    """PLAN, a row a fragment, sorted by sequence_id and position within each partition. With
    `write`, which is given these rows in the same worker, the result is its messages instead.

    In: blocks of GROUPED; a partition holds one group whole.
    """
    worker = functools.partial(_plan_group, task=task)
    if write is not None:
        return make_and_write(groups, worker, write)
    return groups.mapInArrow(worker, spark_ddl(PLAN))


@dataclass(frozen=True, kw_only=True)
class _Group:
    """The documents of a group, in order of their hashes, so that nothing depends on the order in
    which Spark delivered them. Ids stay where they came."""

    number: int
    doc_id: pa.Array  # as delivered
    at: Int64  # where in doc_id each document's lies
    length: Int64
    doc_hash: Int64


def _plan_group(batches: Iterator[pa.RecordBatch], *, task: PlanTask) -> Iterator[pa.RecordBatch]:
    blocks = [batch for batch in batches if len(batch)]
    if not blocks:
        return
    numbers = {number for block in blocks for number in block.column("group").to_pylist()}
    assert len(numbers) == 1, "a partition must hold one group"
    documents = _in_fixed_order(unpack(blocks, GROUPED, HASHED.names), numbers.pop())
    del blocks
    fragments, local = _pack(documents.length, task.rules)
    sequence_id = _sequence_ids(local, documents.number, task)
    key = _order_keys(documents, fragments, task.rules)
    placed = arrange(sequence_id, fragments.length, key)
    for first in range(0, len(sequence_id), _BATCH_ROWS):
        yield _plan_rows(documents, fragments, sequence_id, placed, first)


def _in_fixed_order(table: pa.Table, number: int) -> _Group:
    by = [("doc_hash", "ascending"), ("doc_id", "ascending")]
    at = pc.sort_indices(table, by).to_numpy().astype(np.int64)
    return _Group(
        number=number,
        doc_id=table.column("doc_id").combine_chunks(),
        at=at,
        length=table.column("length").to_numpy()[at],
        doc_hash=table.column("doc_hash").to_numpy()[at],
    )


def _pack(lengths: Int64, rules: Rules) -> tuple[Fragments, Int64]:
    """Fragments of the group's documents, and the sequence of each, counted within the group."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    if rules.packing == "concat":
        return cut_stream(kept, rules.seq_len)
    fragments = cut_documents(kept, rules.seq_len)
    return fragments, pack(fragments.length, rules.seq_len)[0]


def _sequence_ids(local: Int64, group: int, task: PlanTask) -> Int64:
    made = int(local.max(initial=-1)) + 1
    expected = int(task.sequences_per_group[group])
    assert made == expected, f"group {group}: {made} sequences, {expected} by its counts"
    total = int(task.sequences_per_group.sum())
    first = int(task.sequences_per_group[:group].sum())
    ids = permute(np.arange(first, first + made, dtype=np.int64), total, task.rules.seed)
    return ids[local]


def _order_keys(documents: _Group, fragments: Fragments, rules: Rules) -> Int64:
    """What orders the fragments of a sequence."""
    if rules.packing == "concat":  # a row is a piece of the stream as it is
        return np.arange(len(fragments.start), dtype=np.int64)
    return fragment_key(documents.doc_hash[fragments.document], fragments.start)


def _plan_rows(
    documents: _Group, fragments: Fragments, sequence_id: Int64, placed: Placement, first: int
) -> pa.RecordBatch:
    """Rows first .. first + _BATCH_ROWS of the group's plan."""
    own = slice(first, first + _BATCH_ROWS)
    order = placed.order[own]
    doc_id = documents.doc_id.take(pa.array(documents.at[fragments.document[order]]))
    columns = {
        "sequence_id": sequence_id[order],
        "position": placed.position[own].astype(np.int32),
        "offset": placed.offset[own].astype(np.int32),
        "doc_id": doc_id.cast(pa.string()),
        "start": fragments.start[order],
        "length": fragments.length[order].astype(np.int32),
        "group": np.full(len(order), documents.number, dtype=np.int32),
    }
    return pa.RecordBatch.from_pydict(columns, schema=plain(PLAN))
