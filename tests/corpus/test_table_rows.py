"""Documents of rows that Spark hands over, without Spark."""

import pyarrow as pa
import pytest

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import Columns, ReadingSizes
from bfpack_spark.corpus.rows import read_rows
from bfpack_spark.errors import InputError

COLUMNS = Columns(content="text", doc_id="n")


def batch(*rows: tuple[int | None, str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"n": n, "text": text} for n, text in rows])


def test_small_batches_are_worked_on_together_and_every_row_once() -> None:
    tally = Tally()
    batches = (batch((n, "x" * n)) for n in range(1, 8))
    sizes = ReadingSizes(batch_rows=3, batch_bytes=1 << 20)
    found = list(read_rows(batches, "docs", COLUMNS, tally, sizes))
    assert [documents.doc_id for documents in found] == [
        ["1", "2", "3"],
        ["4", "5", "6"],
        ["7"],
    ]
    assert [text for own in found for text in own.content.to_pylist()] == [
        "x" * n for n in range(1, 8)
    ]
    assert found[2].source == ["docs#7"]
    assert tally.told() == [["docs", 7, 0, 7, None]]


def test_a_large_batch_is_worked_on_by_itself() -> None:
    batches = (batch((n, "x" * 100)) for n in range(3))
    sizes = ReadingSizes(batch_rows=100, batch_bytes=100)
    found = list(read_rows(batches, "docs", COLUMNS, Tally(), sizes))
    assert [documents.doc_id for documents in found] == [["0"], ["1"], ["2"]]


def test_a_row_without_an_id_is_refused() -> None:
    with pytest.raises(InputError, match="--id-column n: null at docs; every document needs an"):
        list(read_rows([batch((1, "x"), (None, "y"))], "docs", COLUMNS, Tally()))


def test_no_rows_are_no_documents() -> None:
    assert list(read_rows([], "docs", COLUMNS, Tally())) == []
    assert list(read_rows([batch((1, "x")).slice(0, 0)], "docs", COLUMNS, Tally())) == []


def test_tools_that_are_not_utf8_refuse_their_conversation() -> None:
    columns = Columns(content="m", doc_id=None, chat="messages", beside="tools", beside_is="tools")
    rows = {
        "m": pa.array([b"[1]", b"[2]", b"\xff", None], pa.binary()),
        "tools": pa.array([b"[]", b"\xff", b"\xff", None], pa.binary()),
    }
    (found,) = read_rows([pa.RecordBatch.from_pydict(rows)], "docs", columns, Tally())
    assert found.reason == [None, "invalid_utf8", "invalid_utf8", None]
    assert found.detail == [None, "in --tools-column tools", None, None]
    assert found.content.to_pylist() == ["[1]", None, None, None]
    assert found.sizes().tolist() == [3, 3, 1, 0]
