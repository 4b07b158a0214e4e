"""Documents and fragments are read in tables of a good size, whatever row groups they lie in."""

from pathlib import Path

import pytest
from plan.stored import write_tokens

from bfpack_spark.tokens.token_places import read_ids, read_places


def store(root: Path, groups: list[int]) -> str:
    """A token file of one row group for each number, of so many documents."""
    rows = [{"doc_id": f"d{n}", "length": 7, "tokens": b""} for n in range(sum(groups))]
    return write_tokens(root, "documents/part-0.parquet", rows, groups)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [([3] * 10, [9, 9, 9, 3]), ([25, 6, 1], [25, 7]), ([1], [1])],
)
def test_small_row_groups_are_read_together_and_rows_counted_on(
    groups: list[int], expected: list[int], tmp_path: Path
) -> None:
    path = store(tmp_path, groups)
    tables = list(read_places(path, 5, table_rows=10))
    assert [len(table) for table in tables] == expected
    rows = [row for table in tables for row in table.to_pylist()]
    assert [row["row"] for row in rows] == list(range(sum(groups)))
    assert [row["doc_id"] for row in rows] == [f"d{number}" for number in range(sum(groups))]
    assert {(row["file"], row["doc_length"]) for row in rows} == {(5, 7)}
    ids = [name for part in read_ids(path, table_rows=10) for name in part.to_pylist()]
    assert ids == [row["doc_id"] for row in rows]
