"""A reader holds so many bytes of text at once, however few they are as they are stored."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus.reading import documents_in

from bfpack_spark.corpus.decoded_sizes import check_inflation, rows_at_once
from bfpack_spark.corpus.documents import READING, Columns, ReadingSizes
from bfpack_spark.errors import InputError


@pytest.mark.parametrize("in_dictionary", [True, False])
def test_a_text_that_is_stored_once_and_repeated_comes_in_small_batches(
    in_dictionary: bool, tmp_path: Path
) -> None:
    texts = ["long " * 40_000] * 999 + ["short"]  # 200 MB; with a dictionary, 200 kB
    path = tmp_path / "a.parquet"
    table = pa.table({"text": pa.array(texts, pa.large_string())})
    pages = {"write_batch_size": 8}  # of 8 texts, or there would be one page of all
    pq.write_table(table, path, compression="zstd", use_dictionary=in_dictionary, **pages)
    size = pq.read_metadata(path).row_group(0).column(0).total_uncompressed_size
    assert (size < 1 << 20) == in_dictionary
    before = pa.total_allocated_bytes()
    found: list[bool] = []
    held, sizes = [], ReadingSizes(likely_bytes=64 << 20)
    for batch in documents_in(path, sizes=sizes):
        held.append(pa.total_allocated_bytes() - before)
        expected = texts[len(found) : len(found) + len(batch)]
        found += [
            one == other for one, other in zip(batch.content.to_pylist(), expected, strict=True)
        ]
    assert found == [True] * 1000
    assert max(held) < 12 * sizes.batch_bytes


@pytest.mark.parametrize("first", [None, [], [{"role": "user", "content": "short"}]])
def test_texts_within_lists_of_structs_come_in_small_batches(first: Any, tmp_path: Path) -> None:
    """A footer names such a column by its path, and the first rows may hold none of its texts."""
    texts = ["long " * 40_000] * 999 + ["short"]
    rows = [first] * 3 + [[{"role": "user", "content": text}] for text in texts]
    kind = pa.list_(pa.struct([("role", pa.string()), ("content", pa.large_string())]))
    path = tmp_path / "a.parquet"
    table = pa.table({"messages": pa.array(rows, kind)})
    del rows
    pq.write_table(table, path, compression="zstd", write_batch_size=8)
    del table
    before, sizes = pa.total_allocated_bytes(), ReadingSizes(likely_bytes=64 << 20)
    chats = Columns(content="messages", doc_id=None, chat="messages")
    held, num_long, num_rows = [], 0, 0
    for batch in documents_in(path, chats, sizes=sizes):
        held.append(pa.total_allocated_bytes() - before)
        num_long += sum("long long" in str(row) for row in batch.content.to_pylist())
        num_rows += len(batch)
    assert (num_rows, num_long) == (1003, 999)
    assert max(held) < 12 * sizes.batch_bytes


def test_a_column_whose_name_has_dots_is_read(tmp_path: Path) -> None:
    texts = [f"long {n % 5} " * 1000 for n in range(1000)]
    pq.write_table(pa.table({"body.text": texts}), tmp_path / "a.parquet")
    columns, sizes = Columns(content="body.text", doc_id=None), ReadingSizes(likely_bytes=1000)
    batches = documents_in(tmp_path, columns, sizes=sizes)
    assert [text for batch in batches for text in batch.content.to_pylist()] == texts


def looked_at(path: Path, sizes: ReadingSizes = READING) -> tuple[int, list[tuple[int, str]]]:
    """Rows at once of the first row group, and the dictionaries that were asked for."""
    asked: list[tuple[int, str]] = []

    def dictionary(number: int, column: str) -> pa.Array:
        asked.append((number, column))
        return pa.array(["x" * (1 << 20)])

    return rows_at_once(pq.read_metadata(path), 0, [0, 1], dictionary, sizes), asked


def test_a_dictionary_is_looked_at_only_where_its_texts_could_be_too_many(
    tmp_path: Path,
) -> None:
    table = pa.table({"text": ["word " * 200] * 1000, "id": [str(n) for n in range(1000)]})
    pq.write_table(table, tmp_path / "a.parquet", compression="none")
    assert looked_at(tmp_path / "a.parquet") == (10_000, [])
    sizes = ReadingSizes(likely_bytes=100_000)
    assert looked_at(tmp_path / "a.parquet", sizes) == (32, [(0, "text"), (0, "id")])
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=False)
    assert looked_at(tmp_path / "a.parquet", sizes)[1] == []


def test_lists_of_numbers_count_as_they_are_decoded(tmp_path: Path) -> None:
    """Runs of one number take next to nothing in the file."""
    table = pa.table({"ids": [[7] * 100_000] * 100})
    pq.write_table(table, tmp_path / "a.parquet")
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    assert metadata.row_group(0).total_byte_size < 1 << 20
    rows = rows_at_once(metadata, 0, [0], lambda *_: pa.array([""]))
    assert rows == READING.batch_bytes // 800_000


def test_a_column_that_inflates_beyond_measure_is_refused_by_the_footer(
    tmp_path: Path,
) -> None:
    table = pa.table({"text": ["word " * 2_000_000]})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    check_inflation(metadata, 0, [0], "a")  # 10 MB
    small = ReadingSizes(page_bytes=1 << 20)
    with pytest.raises(
        InputError, match=r"a: column text of row group 0 inflates from .* write it"
    ):
        check_inflation(metadata, 0, [0], "a", small)
    pq.write_table(table, tmp_path / "a.parquet", compression="none", use_dictionary=False)
    check_inflation(pq.read_metadata(tmp_path / "a.parquet"), 0, [0], "a", small)
