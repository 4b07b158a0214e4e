"""Stage 4, groups -> PLAN: the packer runs once for each group, inside mapInPandas, on lengths
alone.

A row of the frames that pandas holds is a block of many documents, which is a few values of
`bytes`, so no document becomes a Python object. The arithmetic is in core/group_plan.py.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.group_plan import GroupPlan, SequenceNumbers, plan_group
from bfpack_spark.core.rules import Rules
from bfpack_spark.schema import GROUPED, HASHED, MESSAGES, PLAN, blocks_of, plain, spark_ddl
from bfpack_spark.spark.blocks import from_blocks
from bfpack_spark.spark.messages import Writer, message


@dataclass(frozen=True, kw_only=True)
class PlanSpec:
    """What a worker needs to know: the rules, and how many sequences each group makes."""

    rules: Rules
    sequences_per_group: Int64

    def numbers(self, group: int) -> SequenceNumbers:
        """Return which sequences are those of the group."""
        return SequenceNumbers(
            first=int(self.sequences_per_group[:group].sum()),
            group=int(self.sequences_per_group[group]),
            total=int(self.sequences_per_group.sum()),
        )


@dataclass(frozen=True, kw_only=True)
class PlannedGroup:
    """A group and its plan, of which the rows are made a few at a time."""

    group: int
    doc_id: pa.Array  # as the documents came
    order: Int64  # of the documents in the plan
    plan: GroupPlan

    def rows(self, batch_rows: int = 1 << 18) -> Iterator[pa.RecordBatch]:
        """Yield the rows of PLAN."""
        for first in range(0, len(self.plan), batch_rows):
            places = self.plan.places(first, first + batch_rows)
            ids = self.doc_id.take(pa.array(self.order[places.document])).cast(pa.string())
            columns = {
                "sequence_id": places.sequence_id,
                "position": places.position.astype(np.int32),
                "offset": places.offset.astype(np.int32),
                "doc_id": ids,
                "start": places.start,
                "length": places.length.astype(np.int32),
                "group": np.full(len(ids), self.group, dtype=np.int32),
            }
            yield pa.RecordBatch.from_pydict(columns, schema=plain(PLAN))


def plan_sequences(groups: DataFrame, spec: PlanSpec, write: Writer | None = None) -> DataFrame:
    """Return PLAN, a row a fragment, sorted by sequence_id and position within each partition. With
    `write`, which gets these rows in the same worker, the result is the messages that it yields,
    and one that says how many documents of the group are cut.

    In: blocks of GROUPED; a partition holds one whole group.
    """
    worker = functools.partial(_plan_frames, spec=spec, write=write)
    return groups.mapInPandas(worker, spark_ddl(PLAN if write is None else MESSAGES))


def _plan_frames(
    frames: Iterator[pd.DataFrame], *, spec: PlanSpec, write: Writer | None
) -> Iterator[pd.DataFrame]:
    """Plan the group of a partition, and write its rows if there is a writer."""
    schema = plain(blocks_of(GROUPED, "group"))
    blocks = [pa.RecordBatch.from_pandas(frame, schema) for frame in frames if len(frame)]
    if not blocks:
        return
    planned = plan_blocks(blocks, spec)
    batches = planned.rows() if write is None else _written(planned, write)
    for batch in batches:
        yield batch.to_pandas()


def _written(planned: PlannedGroup, write: Writer) -> Iterator[pa.RecordBatch]:
    yield from write(planned.rows())
    yield message({"files": [], "documents_cut": planned.plan.num_documents_cut})


def plan_blocks(blocks: list[pa.RecordBatch], spec: PlanSpec) -> PlannedGroup:
    """Return the plan of the group in these blocks of GROUPED. The list is emptied to free them."""
    groups = {number for block in blocks for number in block.column("group").to_pylist()}
    assert len(groups) == 1, "a partition must hold one group"
    group = groups.pop()
    documents = from_blocks(blocks, GROUPED, HASHED.names)
    blocks.clear()
    # By the hashes, so that nothing depends on the order in which Spark delivered the documents.
    by = [("doc_hash", "ascending"), ("doc_id", "ascending")]
    order = pc.sort_indices(documents, by).to_numpy().astype(np.int64)
    lengths, hashes = (documents[name].to_numpy()[order] for name in ("length", "doc_hash"))
    doc_id = documents["doc_id"].combine_chunks()
    del documents  # 50 bytes a document, while the group is planned
    return PlannedGroup(
        group=group,
        doc_id=doc_id,
        order=order,
        plan=plan_group(lengths, hashes, spec.rules, spec.numbers(group)),
    )
