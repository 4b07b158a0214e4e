"""What a Delta table's log says of its files, as far as no table is needed; tests/integration has
those with real ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bfpack_spark.buckets.slices import by_directories
from bfpack_spark.corpus.columns import check_table, columns_in_files
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import InputFile, Inventory, split_inventory
from bfpack_spark.corpus.parquet import read_column
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.delta.tables import identifier, location_of
from bfpack_spark.errors import InputError

TEXT = Columns(content="text", doc_id=None)


def numbers(*rows: int) -> bytes:
    return np.array(rows, dtype="<i8").tobytes()


def inventory(*files: tuple[str, dict[str, str | None]], **columns: str) -> Inventory:
    """Files with their partitions; columns as the table and as its files call them."""
    made = (InputFile(name=n, path=n, size=1, modified=1, partition=p) for n, p in files)
    return Inventory(format="delta", files=tuple(made), columns=columns)


@pytest.fixture
def ten_rows(tmp_path: Path) -> InputFile:
    """Ten documents t0 .. t9 of sources a and b by turns, in row groups of four."""
    path = tmp_path / "part-0.parquet"
    columns = {"text": [f"t{row}" for row in range(10)], "source": ["a", "b"] * 5}
    pq.write_table(pa.table(columns), path, row_group_size=4)
    size = path.stat().st_size
    deleted = numbers(1, 4, 5, 6, 7, 9)
    return InputFile(name="p", path=str(path), size=size, modified=1, deleted=deleted)


def read(file: InputFile, columns: Columns) -> list[tuple[Any, ...]]:
    splits = split_inventory(Inventory(format="delta", files=(file,)))
    return [
        pair
        for batch in read_documents(splits, "delta", columns, 1 << 20)
        for pair in zip(batch.content.to_pylist(), batch.source, strict=True)
    ]


def test_deleted_rows_are_passed_over_and_the_others_keep_their_numbers(
    ten_rows: InputFile,
) -> None:
    left = [("t0", "p#0"), ("t2", "p#2"), ("t3", "p#3"), ("t8", "p#8")]
    assert read(ten_rows, TEXT) == left
    of_a = Columns(content="text", doc_id=None, bucket="source", wanted="a")
    assert read(ten_rows, of_a) == [("t0", "p#0"), ("t2", "p#2"), ("t8", "p#8")]


@pytest.mark.parametrize("row", [-1, 10, 2**62])
def test_a_deleted_row_that_the_file_does_not_have_is_refused(
    row: int, ten_rows: InputFile
) -> None:
    """Such a vector is of another file; what it deletes of this one nobody can tell."""
    wrong = replace(ten_rows, deleted=numbers(*sorted((1, row))))
    last = max(1, row)
    with pytest.raises(InputError, match=rf"p: row {last} of it is deleted, it has 10 rows; rep"):
        read(wrong, TEXT)


def test_a_file_of_the_table_that_has_vanished_is_named(ten_rows: InputFile) -> None:
    Path(ten_rows.path).unlink()
    with pytest.raises(InputError, match="--input: p has vanished since it was listed; run it"):
        read(ten_rows, TEXT)


def test_a_bucket_whose_rows_are_deleted_is_not_found(ten_rows: InputFile) -> None:
    (split,) = split_inventory(Inventory(format="delta", files=(ten_rows,)))
    found = [values.to_pylist() for values in read_column(split, "source")]
    assert found == [["a", "a", "b"], [], ["a"]]


def test_what_has_a_slash_is_a_path_and_all_else_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = {
        "docs": "`docs`",
        "db.docs": "`db`.`docs`",
        "main.db.docs-2": "`main`.`db`.`docs-2`",
        "./docs": f"delta.`{tmp_path}/docs`",
        "/a/b`c": "delta.`/a/b``c`",
        "s3://bucket/docs/": "delta.`s3a://bucket/docs`",
    }
    assert {table: identifier("--input", table) for table in known} == known
    assert location_of("file:///a") == "file:///a"
    for wrong in ("", "db.", "a b", "docs`; DROP TABLE x"):
        with pytest.raises(InputError, match="no table is called so"):
            identifier("--input", wrong)


def test_buckets_are_the_partitions_whatever_directories_are_called() -> None:
    held = inventory(("k=x/1", {"lang": "de"}), ("Ab/2", {"lang": "fr"}), ("3", {"lang": "de"}))
    found = by_directories(held, "lang")
    assert found is not None
    names = {bucket: [f.name for f in own.inventory.files] for bucket, own in found.items()}
    assert names == {"de": ["k=x/1", "3"], "fr": ["Ab/2"]}
    with pytest.raises(InputError, match="--bucket-column lang: null at 1"):
        by_directories(inventory(("1", {"lang": None})), "lang")


def test_columns_are_asked_for_by_the_tables_names_and_read_by_the_files() -> None:
    held = inventory(("1", {"lang": "de"}), text="col-1", doc_id="col-2", source="col-3")
    asked = Columns(content="text", doc_id="doc_id", bucket="source", wanted="a")
    check_table(held, asked)
    read_as = Columns(content="col-1", doc_id="col-2", bucket="col-3", wanted="a")
    assert columns_in_files(held, asked) == read_as
    assert columns_in_files(Inventory(format="jsonl", files=()), asked) == asked
    for columns, says in (
        (Columns(content="col-1", doc_id=None), "--text-column col-1: no such column in the table"),
        (Columns(content="text", doc_id="lang"), "--id-column lang: is a partition column"),
        (Columns(content="ids", doc_id=None, tokens=True), "--tokens-column ids: no such column"),
    ):
        with pytest.raises(InputError, match=says):
            check_table(held, columns)
