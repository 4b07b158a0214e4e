"""Invariant 7 in a shard: what is wrong with the loss mask of each row by itself."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bfpack_spark.core.rules import Rules
from bfpack_spark.sequences.row_targets import Targets
from bfpack_spark.verifying.findings import Violation

_FAULTS_MAX = 20  # of a kind in a row group


def mask_faults(
    table: pa.Table, first_row: int, targets: Targets, rules: Rules
) -> Iterator[Violation]:
    """Yield violations of rows whose mask has another value than 0 and 1, marks padding, or leaves
    no target where conversations are packed whole."""
    mask = _mask(table)
    wrong = ((mask != 0) & (mask != 1)).any(axis=1)
    yield from _rows(wrong, first_row, "the loss mask has another value than 0 and 1")
    marked = (_in_padding(table).reshape(mask.shape) & (mask != 0)).any(axis=1)
    yield from _rows(marked, first_row, "the loss mask makes padding a target")
    if rules.packing == "best_fit" and rules.long_documents != "split":
        without = (targets.targets == 0) & (targets.num_tokens > 0)
        yield from _rows(without, first_row, "no token of the row is a target")


def _rows(wrong: npt.NDArray[np.bool_], first_row: int, problem: str) -> Iterator[Violation]:
    for at in np.flatnonzero(wrong)[:_FAULTS_MAX].tolist():
        yield Violation(invariant=7, problem=problem, row=first_row + at)


def _mask(table: pa.Table) -> npt.NDArray[np.int8]:
    values = table.column("loss_mask").combine_chunks().flatten().fill_null(-1)
    return np.asarray(values.to_numpy(), dtype=np.int8).reshape(len(table), -1)


def _in_padding(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which tokens are padding: those of the segments without a document."""
    lists = (table.column(name).combine_chunks().flatten() for name in ("doc_ids", "seq_lengths"))
    documents, lengths = lists
    return np.repeat(documents.is_null().to_numpy(zero_copy_only=False), lengths.to_numpy())
