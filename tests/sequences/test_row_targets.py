"""Targets of rows that can be checked by eye, and what verify finds wrong with their masks."""

import numpy as np
import pyarrow as pa
import pytest
from core.oracle import rules

from bfpack_spark.sequences.row_targets import by_targets, targets_of, tell_targets
from bfpack_spark.verifying.segment_faults import mask_faults

# [a a | b b b]  [c | padding | d d | padding]  [padding]
MASKS = [[1, 1, 0, 1, 1], [1, 0, 0, 1, 0], [0] * 5]
IN_PADDING = np.array([0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1], np.bool_)
RULES = rules(5, long_documents="error")


def table(masks: list[list[int]]) -> pa.Table:
    return pa.table(
        {
            "loss_mask": pa.array(masks, pa.list_(pa.int8())),
            "seq_lengths": pa.array([[2, 3], [1, 1, 2, 1], [5]], pa.list_(pa.int32())),
            "doc_ids": [["a", "b"], ["c", None, "d", None], [None]],
            "num_tokens": pa.array([5, 3, 0], pa.int32()),
        }
    )


def test_first_tokens_are_marked_and_no_targets() -> None:
    found = targets_of(table(MASKS))
    assert (found.targets.tolist(), found.marked) == ([3, 1, 0], 6)
    told = tell_targets([found, found])
    assert told == {"targets": [1, 3], "rows": [2, 2], "marked": 12}
    both = by_targets([told, told])
    assert (both.count, both.total) == (8, 16)


@pytest.mark.parametrize(
    ("row", "at", "value", "says"),
    [
        (1, 1, 1, "makes padding a target"),
        (2, 4, 1, "makes padding a target"),
        (0, 0, -1, "another value than 0 and 1"),
        (1, 3, 0, "no token of the row is a target"),
    ],
)
def test_a_wrong_mask_is_named_with_its_row(row: int, at: int, value: int, says: str) -> None:
    assert list(mask_faults(np.array(MASKS), IN_PADDING, 7, targets_of(table(MASKS)), RULES)) == []
    masks = [list(mask) for mask in MASKS]
    masks[row][at] = value
    (found,) = mask_faults(np.array(masks), IN_PADDING, 7, targets_of(table(masks)), RULES)
    assert (found.invariant, found.row) == (7, 7 + row)
    assert says in found.problem
