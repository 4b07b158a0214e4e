"""Invariant 7 in a shard: what is wrong with the loss mask of each row by itself."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.rules import Rules
from bfpack_spark.verifying.findings import Violation

_FAULTS_MAX = 20  # of a kind in a row group


def mask_faults(
    table: pa.Table, first_row: int, targets: Int64, rules: Rules
) -> Iterator[Violation]:
    """Yield violations of rows whose mask has another value than 0 and 1, marks padding, or leaves
    no target where conversations are packed whole. targets: those of each row."""
    mask = _whole(table, "loss_mask").reshape(len(table), -1)
    tokens = table.column("num_tokens").to_numpy()
    wrong = ((mask != 0) & (mask != 1)).any(axis=1)
    yield from _rows(wrong, first_row, "the loss mask has another value than 0 and 1")
    in_padding = np.arange(mask.shape[1]) >= tokens[:, None]
    marked = (in_padding & (mask != 0)).any(axis=1)
    yield from _rows(marked, first_row, "the loss mask makes padding a target")
    if rules.packing == "best_fit" and rules.long_documents != "split":
        yield from _rows(targets == 0, first_row, "no token of the row is a target")


def _rows(wrong: npt.NDArray[np.bool_], first_row: int, problem: str) -> Iterator[Violation]:
    for at in np.flatnonzero(wrong)[:_FAULTS_MAX].tolist():
        yield Violation(invariant=7, problem=problem, row=first_row + at)


def _whole(table: pa.Table, name: str) -> npt.NDArray[np.int8]:
    values = table.column(name).combine_chunks().flatten().fill_null(-1)
    return np.asarray(values.to_numpy(), dtype=np.int8)
