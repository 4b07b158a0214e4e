"""Types of Parquet's columns: what is read, and what is refused by name in whichever file it is."""

import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus.reading import TEXT, WITH_ID, read

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.read_corpus import check_columns
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError

UUIDS = [uuid.UUID(int=number) for number in (0, 2**127 + 5)]


@pytest.mark.parametrize(
    ("ids", "kind", "texts"),
    [
        (
            [own.bytes for own in UUIDS],
            pa.uuid(),
            ["00000000-0000-0000-0000-000000000000", "80000000-0000-0000-0000-000000000005"],
        ),
        ([2**64 - 1, 2**63], pa.uint64(), ["18446744073709551615", str(2**63)]),
        ([10**37, -7], pa.decimal128(38, 0), ["1" + 37 * "0", "-7"]),
        ([-(2**63), 1], pa.int64(), ["-9223372036854775808", "1"]),
        ([7, 100], pa.int8(), ["7", "100"]),
        (["7", "-"], pa.large_string(), ["7", "-"]),
    ],
    ids=str,
)
def test_ids_are_exact(ids: list[Any], kind: pa.DataType, texts: list[str], tmp_path: Path) -> None:
    table = pa.table({"text": ["x", "y"], "doc_id": pa.array(ids, kind)})
    pq.write_table(table, tmp_path / "a.parquet")
    places = ["a.parquet#0", "a.parquet#1"]
    assert [row[:2] for row in read(tmp_path, WITH_ID)] == list(zip(texts, places, strict=True))


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["a", None], "null at a.parquet#1; every document needs an id"),
        (pa.nulls(2), "null at a.parquet#0; every"),
        (pa.array([b"a", b"\xff"]).view(pa.string()), "not UTF-8 near a.parquet#1"),
        ([1.5, 2.5], "has type double in a.parquet, wanted strings or integers"),
        ([True, False], "has type bool"),
        ([b"a", b"b"], "has type binary"),
        ([["a"], ["b"]], "has type list"),
        (pa.nulls(2, pa.decimal128(5, 2)), r"has type decimal128\(5, 2\) in a.parquet, wanted"),
        (pa.nulls(2, pa.binary(16)), r"has type fixed_size_binary\[16\]"),
        (pa.nulls(2, pa.date32()), "has type date32"),
    ],
    ids=str,
)
def test_ids_that_are_none_are_an_error_that_names_them(
    ids: Any, says: str, tmp_path: Path
) -> None:
    """Two row groups of a row, so that a row's number is that in the file."""
    table = pa.table({"text": ["x", "y"], "doc_id": ids})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1)
    with pytest.raises(InputError, match=f"--id-column doc_id: {says}"):
        read(tmp_path, WITH_ID)
    if says.startswith("has type"):
        with pytest.raises(InputError, match=f"--id-column doc_id: {says}"):
            check_columns(take_inventory(str(tmp_path), None), WITH_ID)


def test_a_file_whose_texts_are_all_null_is_read_as_such_beside_others(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.nulls(2)}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "b.parquet")
    check_columns(take_inventory(str(tmp_path), None), TEXT)
    assert [(source, content) for _, source, content, _ in read(tmp_path)] == [
        ("a.parquet#0", None),
        ("a.parquet#1", None),
        ("b.parquet#0", "x"),
    ]
    tokens = Columns(content="text", doc_id=None, tokens=True)
    (tmp_path / "b.parquet").unlink()
    assert [content for _, _, content, _ in read(tmp_path, tokens)] == [None, None]


@pytest.mark.parametrize("place", ["a.parquet", "z.parquet"])
def test_two_columns_of_one_name_are_refused_where_they_are_wanted(
    place: str, tmp_path: Path
) -> None:
    """The corpus's first file is looked at before the work, the others where they are read."""
    for name in ("m.parquet", "n.parquet"):
        pq.write_table(pa.table({"doc_id": [name], "text": ["x"]}), tmp_path / name)
    columns = [pa.array(["a"]), pa.array(["one"]), pa.array(["two"])]
    twice = pa.Table.from_arrays(columns, names=["doc_id", "text", "text"])
    pq.write_table(twice, tmp_path / place)
    with pytest.raises(InputError, match=rf"--text-column text: 2 columns of {place} have this"):
        read(tmp_path, WITH_ID)
    twice = pa.Table.from_arrays(columns, names=["other", "text", "other"])
    pq.write_table(twice, tmp_path / place)
    assert len(read(tmp_path)) == 3


def test_rows_of_a_bucket_are_taken_from_columns_of_views(tmp_path: Path) -> None:
    views = pa.string_view()
    columns = {"text": ["a", "b", "c"], "doc_id": ["1", "2", "3"], "lang": ["x", "y", "x"]}
    table = pa.table({name: pa.array(held, views) for name, held in columns.items()})
    pq.write_table(table, tmp_path / "a.parquet")
    wanted = Columns(content="text", doc_id="doc_id", bucket="lang", wanted="x")
    assert [(d, c) for d, _, c, _ in read(tmp_path, wanted)] == [("1", "a"), ("3", "c")]
