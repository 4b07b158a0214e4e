"""A shard read back row by row: what tells padding, in either format."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.oracle import rules

from bfpack_spark.schema import SEQUENCES, plain
from bfpack_spark.verifying.listed_files import ListedFile
from bfpack_spark.verifying.shard_rows import ShardRules, read_shard

ROW = {
    "sequence_id": 0,
    "input_ids": [1, 2, 3, 0],
    "seq_lengths": [2, 1, 1],
    "doc_ids": ["a", "b", None],
    "doc_starts": [0, 0, 0],
    "doc_lengths": [2, 1, 0],
    "num_tokens": 3,
    "num_padding": 1,
    "bucket": "b",
}
NULLS = {"doc_starts": [0, 0, None], "doc_lengths": [2, 1, None]}
RULES = ShardRules(
    root="",
    rules=rules(4),
    bucket="b",
    vocabulary_size=9,
    pad_id=0,
    metadata={},
    format_version=2,
)


def listed(**counts: int) -> ListedFile:
    """Return a shard as its manifest lists it."""
    return ListedFile(
        number=0, path="s.parquet", bytes=0, sha256="", ids_sha256=None, first=0, **counts
    )


def faults(folder: Path, row: dict[str, Any], number: int) -> list[str]:
    pq.write_table(pa.Table.from_pylist([row], schema=plain(SEQUENCES)), folder / "s.parquet")
    (part,) = read_shard(
        listed(rows=1, tokens=3), replace(RULES, root=str(folder), format_version=number)
    )
    if part.segments is not None:
        segments = part.segments.select(["doc_id", "start", "length", "doc_length"]).to_pylist()
        assert [tuple(each.values()) for each in segments] == [("a", 0, 2, 2), ("b", 0, 1, 1)]
    assert (part.segments is None) == bool(part.faults)
    return [fault.problem for fault in part.faults]


@pytest.mark.parametrize(("number", "row"), [(1, {**ROW, **NULLS}), (2, ROW)])
def test_padding_is_told_by_its_document_that_is_null(
    tmp_path: Path, number: int, row: dict[str, Any]
) -> None:
    assert faults(tmp_path, row, number) == []


@pytest.mark.parametrize(
    ("number", "changed"),
    [
        (1, {}),
        (1, {**NULLS, "doc_starts": [0, 0, 0]}),
        (2, NULLS),
        (2, {"doc_lengths": [2, 1, None]}),
        (2, {"doc_starts": [0, 0, 3]}),
        (2, {"doc_lengths": [2, 1, 1]}),
        (2, {"doc_lengths": [2, None, 0]}),
        (2, {"doc_ids": ["a", None, "b"]}),
    ],
)
def test_padding_with_a_place_in_a_document_is_a_fault(
    tmp_path: Path, number: int, changed: dict[str, Any]
) -> None:
    (problem,) = faults(tmp_path, {**ROW, **changed}, number)
    assert problem.startswith("padding is not the last segment")


def test_row_groups_without_statistics_are_a_fault(tmp_path: Path) -> None:
    """Readers look at them before they read."""
    table = pa.Table.from_pylist([ROW], schema=plain(SEQUENCES))
    for told, problems in ((["sequence_id"], ["num_padding"]), (["num_padding"], ["sequence_id"])):
        pq.write_table(table, tmp_path / "s.parquet", write_statistics=told)
        (part, *_) = read_shard(listed(rows=1, tokens=3), replace(RULES, root=str(tmp_path)))
        (fault,) = part.faults
        assert fault.problem == f"the footer has no statistics of {', '.join(problems)}"


def test_row_groups_read_together_keep_their_rows_and_faults(tmp_path: Path) -> None:
    rows = [{**ROW, "sequence_id": number} for number in range(20)]
    rows[17]["input_ids"] = [1, 2, 9, 0]
    table = pa.Table.from_pylist(rows, schema=plain(SEQUENCES))
    pq.write_table(table, tmp_path / "s.parquet", row_group_size=1)
    parts = list(read_shard(listed(rows=20, tokens=60), replace(RULES, root=str(tmp_path))))
    assert 1 < len(parts) < 20
    told = [(fault.row, fault.problem) for part in parts for fault in part.faults]
    small = "row groups of 1 to 1 rows; all but the last have 32768"
    assert told == [(None, small), (17, "ids outside the vocabulary of 9")]
    every = [part.segments for part in parts if part.segments is not None]
    places = [place for own in every for place in own.column("row").to_pylist()]
    assert places == [number for number in range(20) for _ in "ab"]
    assert sum(part.num_tokens for part in parts) == 60
