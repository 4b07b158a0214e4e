"""The targets in rows of SEQUENCES, as layouts.labels yields them: counted when a shard is written,
and when it is verified."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.histogram import Histogram


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The targets of some rows."""

    targets: Int64  # of each row
    num_tokens: Int64  # of each row; 0: it is padding alone
    marked: int  # tokens that the masks mark, also where they are the first of a segment


class RowTargets:
    """The rows of a shard by their targets, without rows of padding alone. The first token of a
    segment is never one."""

    def __init__(self) -> None:
        self._by_targets: Counter[int] = Counter()
        self._marked = 0

    def add(self, rows: Targets) -> None:
        """Count some rows."""
        values, counts = np.unique(rows.targets[rows.num_tokens > 0], return_counts=True)
        self._by_targets.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        self._marked += rows.marked

    def told(self) -> dict[str, Any]:
        """Return the rows by targets, and how many tokens the masks mark, for a message."""
        values = sorted(self._by_targets)
        return {
            "targets": values,
            "rows": [self._by_targets[value] for value in values],
            "marked": self._marked,
        }


def targets_of(table: pa.Table) -> Targets:
    """Return the targets of rows of SEQUENCES, which have a loss mask.

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


def by_targets(told: Sequence[dict[str, Any]]) -> Histogram:
    """Return the rows of all shards by their targets, of what each shard tells."""
    return Histogram.merged(
        Histogram(values=np.array(t["targets"], np.int64), counts=np.array(t["rows"], np.int64))
        for t in told
    )


def _flat(table: pa.Table, name: str) -> Any:
    return table.column(name).combine_chunks().flatten().to_numpy()
