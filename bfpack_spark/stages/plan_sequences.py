"""Stage 4, groups -> PLAN: the packer, once a group, inside mapInPandas; lengths only.

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
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.core.accounting import Rules
from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.fragments import Fragments, Int64, cut_documents, cut_stream, kept_lengths
from bfpack_spark.core.rows import arrange, fragment_key
from bfpack_spark.core.shuffle import permute
from bfpack_spark.schema import MESSAGES, PLAN, plain, spark_ddl
from bfpack_spark.storage.messages import Writer

_BATCH_ROWS = 1 << 18


@dataclass(frozen=True, kw_only=True)
class PlanTask:
    """What a worker needs to know: the rules, and how many sequences each group makes."""

    rules: Rules
    sequences_per_group: Int64


def plan_sequences(groups: DataFrame, task: PlanTask, write: Writer | None = None) -> DataFrame:
    """PLAN, a row a fragment, sorted by sequence_id and position within each partition. With
    `write`, which is given these rows in the same worker, the result is its messages instead.

    In: doc_id, length, doc_hash, group; a partition holds one group whole.
    """
    if write is not None:
        worker = functools.partial(_plan_and_write, task=task, write=write)
        return groups.mapInPandas(worker, spark_ddl(MESSAGES))
    return groups.mapInPandas(functools.partial(_plan_group, task=task), spark_ddl(PLAN))


def _plan_and_write(
    frames: Iterator[pd.DataFrame], *, task: PlanTask, write: Writer
) -> Iterator[pd.DataFrame]:
    batches = (
        batch
        for rows in _plan_group(frames, task=task)
        for batch in pa.Table.from_pandas(rows, plain(PLAN), preserve_index=False).to_batches(
            _BATCH_ROWS
        )
    )
    for said in write(batches):
        yield said.to_pandas()


def _plan_group(frames: Iterator[pd.DataFrame], *, task: PlanTask) -> Iterator[pd.DataFrame]:
    parts = [frame for frame in frames if len(frame)]
    if not parts:
        return
    documents = _in_fixed_order(pd.concat(parts, ignore_index=True))
    group = int(documents["group"].iloc[0])
    assert (documents["group"] == group).all(), "a partition must hold one group"
    fragments, local = _pack(documents, task.rules)
    yield _plan_rows(documents, fragments, _sequence_ids(local, group, task), task.rules)


def _in_fixed_order(documents: pd.DataFrame) -> pd.DataFrame:
    """By hash, so that nothing depends on the order in which Spark delivered the rows."""
    hashes = documents["doc_hash"].to_numpy()
    order = np.argsort(hashes)
    if (np.diff(hashes[order]) == 0).any():
        return documents.sort_values(["doc_hash", "doc_id"], ignore_index=True)
    return documents.take(order).reset_index(drop=True)


def _pack(documents: pd.DataFrame, rules: Rules) -> tuple[Fragments, Int64]:
    """Fragments of the group's documents, and the sequence of each, counted within the group."""
    lengths = documents["length"].to_numpy(np.int64)
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


def _plan_rows(
    documents: pd.DataFrame, fragments: Fragments, sequence_id: Int64, rules: Rules
) -> pd.DataFrame:
    if rules.packing == "concat":
        key = np.arange(len(sequence_id), dtype=np.int64)  # a row is a piece of the stream as it is
    else:
        hashes = documents["doc_hash"].to_numpy(np.int64)[fragments.document]
        key = fragment_key(hashes, fragments.start)
    placed = arrange(sequence_id, fragments.length, key)
    order = placed.order
    group = int(documents["group"].iloc[0])
    return pd.DataFrame(
        {
            "sequence_id": sequence_id[order],
            "position": placed.position.astype(np.int32),
            "offset": placed.offset.astype(np.int32),
            "doc_id": documents["doc_id"].to_numpy()[fragments.document[order]],
            "start": fragments.start[order],
            "length": fragments.length[order].astype(np.int32),
            "group": np.full(len(order), group, dtype=np.int32),
        }
    )
