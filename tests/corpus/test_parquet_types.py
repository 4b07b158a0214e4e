"""Types of Parquet's columns: what is read, and what is refused by name in whichever file it is."""

import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import split_inventory
from bfpack_spark.corpus.read_corpus import check_columns, read_documents
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError

TEXT = Columns(content="text", doc_id=None)
WITH_ID = Columns(content="text", doc_id="doc_id")


def read(folder: Path, columns: Columns = WITH_ID) -> list[tuple[Any, Any]]:
    """doc_id and content of every document."""
    inventory = take_inventory(str(folder), None)
    return [
        pair
        for batch in read_documents(split_inventory(inventory), "parquet", columns, 1 << 20)
        for pair in zip(batch.doc_id, batch.content.to_pylist(), strict=True)
    ]


UUIDS = [uuid.UUID(int=number) for number in (0, 2**127 + 5)]


@pytest.mark.parametrize(
    ("ids", "texts"),
    [
        (
            pa.array([own.bytes for own in UUIDS], pa.uuid()),
            ["00000000-0000-0000-0000-000000000000", "80000000-0000-0000-0000-000000000005"],
        ),
        (pa.array([2**64 - 1, 2**63], pa.uint64()), ["18446744073709551615", str(2**63)]),
        (
            pa.array([Decimal(10**37), Decimal(-7)], pa.decimal128(38, 0)),
            ["1" + 37 * "0", "-7"],
        ),
        (pa.array([-(2**63), 1], pa.int64()), ["-9223372036854775808", "1"]),
    ],
    ids=["uuid", "uint64", "decimal", "int64"],
)
def test_ids_are_exact(ids: pa.Array, texts: list[str], tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x", "y"], "doc_id": ids}), tmp_path / "a.parquet")
    assert [doc_id for doc_id, _ in read(tmp_path)] == texts


@pytest.mark.parametrize("kind", [pa.decimal128(5, 2), pa.binary(16), pa.date32()], ids=str)
def test_other_types_of_ids_are_refused(kind: pa.DataType, tmp_path: Path) -> None:
    table = pa.table({"text": ["x"], "doc_id": pa.array([None], kind)})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"--id-column doc_id: has type .* in a\.parquet, wanted"):
        read(tmp_path)


def test_a_file_whose_texts_are_all_null_is_read_as_such_beside_others(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.nulls(2)}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "b.parquet")
    check_columns(take_inventory(str(tmp_path), None), TEXT)
    found = [("a.parquet#0", None), ("a.parquet#1", None), ("b.parquet#0", "x")]
    assert read(tmp_path, TEXT) == found
    tokens = Columns(content="text", doc_id=None, tokens=True)
    (tmp_path / "b.parquet").unlink()
    assert [content for _, content in read(tmp_path, tokens)] == [None, None]


def test_ids_that_are_all_null_are_named(tmp_path: Path) -> None:
    table = pa.table({"text": ["x"], "doc_id": pa.nulls(1)})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"--id-column doc_id: null at a\.parquet#0; every"):
        read(tmp_path)


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
        read(tmp_path)
    twice = pa.Table.from_arrays(columns, names=["other", "text", "other"])
    pq.write_table(twice, tmp_path / place)
    assert len(read(tmp_path, TEXT)) == 3
