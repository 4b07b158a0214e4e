"""Segments become rows; what is missing or doubled is not papered over."""

import numpy as np
import pyarrow as pa
import pytest

from bfpack_spark.schema import SEGMENTS
from bfpack_spark.storage.shards import ShardTask, gather_rows, rows_per_row_group

TASK = ShardTask(
    root="nowhere", bucket="b", seq_len=4, pad_id=9, starts=np.array([5, 7]), metadata={}
)

# Two sequences of 4: [a0 a1 b0 +1 padding], [c0 c1 c2 c3].
ROWS = [
    (0, 5, 0, 0, "a", 0, 2, 2, [1, 2]),
    (0, 5, 1, 2, "b", 0, 1, 1, [3]),
    (0, 6, 0, 0, "c", 4, 4, 8, [4, 5, 6, 7]),
]


def segments(rows: list[tuple[object, ...]]) -> pa.Table:
    columns = dict(zip(SEGMENTS.names, zip(*rows, strict=True), strict=True))
    columns["tokens"] = [np.array(ids, dtype="<i4").tobytes() for ids in columns["tokens"]]
    arrays = {
        f.name: pa.array(columns[f.name], pa.large_binary() if f.name == "tokens" else f.type)
        for f in SEGMENTS
    }
    return pa.table(arrays)


def test_segments_are_gathered_in_order_and_padded_at_the_end() -> None:
    assert gather_rows(segments(ROWS), 5, 2, TASK).to_pylist() == [
        {
            "sequence_id": 5,
            "input_ids": [1, 2, 3, 9],
            "seq_lengths": [2, 1, 1],
            "doc_ids": ["a", "b", None],
            "doc_starts": [0, 0, None],
            "doc_lengths": [2, 1, None],
            "num_tokens": 3,
            "num_padding": 1,
            "bucket": "b",
        },
        {
            "sequence_id": 6,
            "input_ids": [4, 5, 6, 7],
            "seq_lengths": [4],
            "doc_ids": ["c"],
            "doc_starts": [4],
            "doc_lengths": [8],
            "num_tokens": 4,
            "num_padding": 0,
            "bucket": "b",
        },
    ]


@pytest.mark.parametrize(
    "rows", [ROWS[1:], ROWS[:2], [ROWS[0], *ROWS], [ROWS[1], ROWS[0], ROWS[2]]]
)
def test_a_missing_doubled_or_misplaced_segment_stops_the_job(rows: list[tuple[object]]) -> None:
    with pytest.raises(AssertionError):
        gather_rows(segments(rows), 5, 2, TASK)


@pytest.mark.parametrize(
    ("seq_len", "rows"), [(1, 4096), (256, 4096), (2048, 512), (8192, 128), (2**20, 1), (10**6, 1)]
)
def test_row_groups_hold_about_a_million_tokens(seq_len: int, rows: int) -> None:
    assert rows_per_row_group(seq_len) == rows
