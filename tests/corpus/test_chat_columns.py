"""Conversations in the columns of Parquet files, where all structs of a column have the same
fields: they are the same as those in lines of JSON."""

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from corpus.reading import documents_in

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.read_corpus import check_columns
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.schema import Reason

CHATS = Columns(content="m", doc_id=None, chat="messages", beside="t", beside_is="tools")


def call(**arguments: object) -> dict[str, object]:
    return {"role": "assistant", "tool_calls": [{"function": {"arguments": arguments}}]}


# Each has fields that others lack, at every depth.
MESSAGES = [
    [{"role": "user", "content": "a"}, call(city="Paris")],
    [call(city="Rome", unit="C"), call(place={"x": 1})],
    [call(place={"y": [2, 3]}), {"role": "user", "content": "b"}],
]
TOOLS = [[{"name": "f", "needs": {"x": "int"}}], [{"name": "g", "needs": {}}], None]


def read(tmp_path: Path, table: pa.Table) -> list[tuple[object, object]]:
    pq.write_table(table, tmp_path / "a.parquet")
    check_columns(take_inventory(str(tmp_path), None), CHATS)
    (batch,) = documents_in(tmp_path, CHATS)
    assert batch.reason == [None] * len(batch)
    assert batch.beside is not None
    pairs = zip(batch.content.to_pylist(), batch.beside.to_pylist(), strict=True)
    return [(json.loads(one), None if other is None else json.loads(other)) for one, other in pairs]


def test_a_field_that_an_object_lacks_is_no_null(tmp_path: Path) -> None:
    table = pa.table({"m": pa.array(MESSAGES), "t": pa.array(TOOLS)})
    assert '"unit": null' in json.dumps(table.column("m").to_pylist()), "structs have all fields"
    assert read(tmp_path, table) == list(zip(MESSAGES, TOOLS, strict=True))


def test_dates_and_numbers_that_json_lacks_are_written_as_they_are(tmp_path: Path) -> None:
    at = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    held = [{"role": "user", "at": at, "day": at.date(), "cost": Decimal("1.50"), "n": math.nan}]
    ((found, _),) = read(tmp_path, pa.table({"m": [held], "t": pa.array([None], pa.string())}))
    assert isinstance(found, list)
    assert math.isnan(found[0].pop("n"))
    assert found == [
        {"role": "user", "at": "2024-01-02T03:04:05+00:00", "day": "2024-01-02", "cost": "1.50"}
    ]


def test_json_of_parquet_is_text(tmp_path: Path) -> None:
    held = [{"role": "user", "content": "a"}]
    column = pa.ExtensionArray.from_storage(pa.json_(), pa.array([json.dumps(held)]))
    assert read(tmp_path, pa.table({"m": column, "t": column})) == [(held, held)]


def test_maps_are_objects_at_every_depth_and_keep_their_nulls(tmp_path: Path) -> None:
    of_strings = pa.map_(pa.string(), pa.string())
    messages = pa.list_(pa.struct({"role": pa.string(), "arguments": of_strings}))
    tools = pa.list_(pa.map_(pa.string(), pa.list_(of_strings)))
    held = [{"role": "assistant", "arguments": [("city", "Paris"), ("unit", None)]}]
    given = [[("needs", [[("x", "int")], []])]]
    table = pa.table({"m": pa.array([held], messages), "t": pa.array([given], tools)})
    ((found, tool),) = read(tmp_path, table)
    assert found == [{"role": "assistant", "arguments": {"city": "Paris", "unit": None}}]
    assert tool == [{"needs": [{"x": "int"}, {}]}]


def test_binary_texts_in_objects_are_utf8_or_refused(tmp_path: Path) -> None:
    kind = pa.list_(pa.struct({"role": pa.string(), "content": pa.binary()}))
    held = [[{"role": "user", "content": raw}] for raw in ("é".encode(), b"a \xff b")]
    table = pa.table({"m": pa.array(held, kind), "t": pa.array([None, None], pa.string())})
    pq.write_table(table, tmp_path / "a.parquet")
    (batch,) = documents_in(tmp_path, CHATS)
    first, second = batch.content.to_pylist()
    assert json.loads(first) == [{"role": "user", "content": "é"}]
    assert second is None
    assert batch.reason == [None, Reason.INVALID_UTF8]
