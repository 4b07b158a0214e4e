"""The targets in rows of SEQUENCES, as layouts.labels yields them: counted when a shard is written,
and when it is verified."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.histogram import Histogram

_NO_ROWS = np.empty(0, np.int64)


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The targets of some rows."""

    targets: Int64  # of each row
    num_tokens: Int64  # of each row; 0: it is padding alone
    marked: int  # tokens that the masks mark, also where they are the first of a segment


def targets_of(table: pa.Table) -> Targets:
    """Return the targets of rows of SEQUENCES, which have a loss mask. The first token of a segment
    is never one.

    Mask [1, 1, 1, 0, 1], segments [2, 3] -> 2 targets, 4 marked.
    """
    mask = _flat(table, "loss_mask").astype(np.int64)
    length = _flat(table, "seq_lengths").astype(np.int64)
    begins = np.cumsum(length) - length
    seq_len = len(mask) // max(len(table), 1)
    firsts = np.bincount(begins // seq_len, weights=mask[begins], minlength=len(table))
    return Targets(
        targets=mask.reshape(len(table), -1).sum(axis=1) - firsts.astype(np.int64),
        num_tokens=table.column("num_tokens").to_numpy().astype(np.int64),
        marked=int(mask.sum()),
    )


def tell_targets(parts: Sequence[Targets]) -> dict[str, Any]:
    """Return the rows of a shard by targets, and how many tokens the masks mark, for a message.
    Rows of padding alone are left out."""
    of_rows = [part.targets[part.num_tokens > 0] for part in parts]
    values, rows = np.unique(np.concatenate([_NO_ROWS, *of_rows]), return_counts=True)
    marked = sum(part.marked for part in parts)
    return {"targets": values.tolist(), "rows": rows.tolist(), "marked": marked}


def by_targets(told: Sequence[dict[str, Any]]) -> Histogram:
    """Return the rows of all shards by their targets, of what each shard tells."""
    return Histogram.merged(
        Histogram(values=np.array(t["targets"], np.int64), counts=np.array(t["rows"], np.int64))
        for t in told
    )


def _flat(table: pa.Table, name: str) -> Any:
    return table.column(name).combine_chunks().flatten().to_numpy()
