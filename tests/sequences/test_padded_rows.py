"""Padding between segments, and rows of padding alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sequences.test_shard_files import TASK, segments

from bfpack_spark.sequences.assemble_sequences import with_bos
from bfpack_spark.sequences.shard_files import gather_rows

# At 8 and multiples of 4: [a0 a1 a2 + 1 | b0 b1 + 2], [c0 .. c4 + 3].
ALIGNED = [
    (0, 5, 0, 0, "a", 0, 3, 3, [1, 2, 3]),
    (0, 5, 1, 4, "b", 0, 2, 2, [4, 5]),
    (0, 6, 0, 0, "c", 0, 5, 5, [6, 7, 8, 6, 7]),
]
AT_4 = replace(TASK, seq_len=8, align=4)
COLUMNS = ("seq_lengths", "doc_ids", "input_ids", "num_tokens", "num_padding")


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in COLUMNS) for row in table.to_pylist()]


def test_what_is_left_behind_a_segment_is_one_without_document() -> None:
    assert rows_of(gather_rows(segments(ALIGNED), 5, 2, AT_4)) == [
        ([3, 1, 2, 2], ["a", None, "b", None], [1, 2, 3, 9, 4, 5, 9, 9], 5, 3),
        ([5, 3], ["c", None], [6, 7, 8, 6, 7, 9, 9, 9], 5, 3),
    ]


def test_rows_behind_the_planned_ones_are_padding_alone() -> None:
    spec = replace(AT_4, num_planned=7, starts=np.array([5, 9]))
    padding = ([8], [None], [9] * 8, 0, 8)
    assert rows_of(gather_rows(segments(ALIGNED), 5, 4, spec))[2:] == [padding, padding]
    none = segments(ALIGNED).slice(0, 0)
    assert rows_of(gather_rows(none, 7, 2, spec)) == [padding, padding]


@pytest.mark.parametrize(
    ("rows", "num_planned", "says"),
    [
        (ALIGNED[:2], 7, "lacks its fragments"),
        (ALIGNED, 6, "a row of padding has fragments"),
        ([ALIGNED[0], (0, 5, 1, 3, "b", 0, 2, 2, [4, 5]), ALIGNED[2]], 7, "offsets too"),
        ([*ALIGNED[:2], (0, 5, 2, 8, "d", 0, 1, 1, [1]), ALIGNED[2]], 7, "too full"),
    ],
)
def test_a_segment_off_its_place_stops_the_job(
    rows: list[tuple[object, ...]], num_planned: int, says: str
) -> None:
    with pytest.raises(AssertionError, match=says):
        gather_rows(segments(rows), 5, 2, replace(AT_4, num_planned=num_planned))


def test_bos_takes_the_first_place_of_pieces_that_go_on() -> None:
    ids = [np.array([5, 6, 7, 8], dtype="<i4").tobytes(), np.array([1, 2], dtype="<i4").tobytes()]
    row, start, length = (np.array(column) for column in ([0, 0, 1], [0, 2, 0], [2, 3, 2]))
    cut = with_bos(pa.array(ids, pa.binary()), row, start, length, 99, kind="<i4")
    found = [np.frombuffer(piece, dtype="<i4").tolist() for piece in cut.to_pylist()]
    assert found == [[5, 6], [99, 7, 8], [1, 2]]
    none = np.array([0])
    whole = with_bos(pa.array(ids, pa.binary()), none, none, np.array([4]), 99, kind="<i4")
    assert np.frombuffer(whole[0].as_py(), dtype="<i4").tolist() == [5, 6, 7, 8]
