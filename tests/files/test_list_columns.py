"""Columns of lists: what is taken from pages as they lie is what Arrow reads, and no other value
ever comes of a damaged page."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bfpack_spark.files.list_columns import ListFile, Lists, decoded_levels, open_lists
from bfpack_spark.files.parquet_output import ParquetOutput

SCHEMA = pa.schema(
    [
        ("before", pa.int64()),
        ("ids", pa.list_(pa.int32())),
        ("lengths", pa.list_(pa.int32())),
        ("starts", pa.list_(pa.int64())),
        ("texts", pa.list_(pa.string())),
        ("mask", pa.list_(pa.int8())),
    ]
)
NAMES = ("ids", "lengths", "starts", "texts", "mask")


def a_table(rows: int, width: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 9, rows)
    texts = [[None if rng.random() < 0.3 else f"text {n}" for n in range(size)] for size in sizes]
    return pa.table(
        {
            "before": np.arange(rows),
            "ids": rng.integers(0, 1 << 17, (rows, width)).tolist(),
            "lengths": [rng.integers(1, 5000, size).tolist() for size in sizes],
            "starts": [rng.integers(0, 1 << 40, size).tolist() for size in sizes],
            "texts": texts,
            "mask": rng.integers(0, 2, (rows, width)).tolist(),
        },
        schema=SCHEMA,
    )


def written(table: pa.Table, folder: Path, group_rows: int | None = None) -> Path:
    output = ParquetOutput(str(folder), "lists.parquet", table.schema)
    output.write(table, group_rows)
    output.close("lists", 0, None)
    return folder / "lists.parquet"


def as_python(lists: Lists) -> list[list[Any]]:
    """Return the lists, with the numbers, or with whether each element is null."""
    elements = lists.numbers
    if elements is None:
        elements = np.zeros(lists.begins[-1], bool) if lists.is_null is None else lists.is_null
    parts = zip(lists.begins[:-1].tolist(), lists.begins[1:].tolist(), strict=True)
    return [elements[begin:end].tolist() for begin, end in parts]


def expected(table: pa.Table, name: str) -> list[list[Any]]:
    lists = table[name].to_pylist()
    return [[text is None for text in texts] for texts in lists] if name == "texts" else lists


def without_arrow(file: ListFile) -> ListFile:
    """Return the file such that nothing can be left to Arrow."""

    class OnlyMetadata:
        metadata = file.parquet.metadata

    return replace(file, parquet=OnlyMetadata())  # type: ignore[arg-type]


def check(path: Path, table: pa.Table, *, as_they_lie: bool) -> None:
    """What is read of a file is the table, with Arrow or without."""
    with open_lists(str(path)) as file:
        own = without_arrow(file) if as_they_lie else file
        groups = [own.read(group, NAMES) for group in range(file.parquet.num_row_groups)]
    for name in NAMES:
        assert [row for group in groups for row in as_python(group[name])] == expected(table, name)


@given(
    rows=st.integers(1, 40),
    width=st.integers(1, 300),
    group_rows=st.integers(1, 40),
    seed=st.integers(0, 1 << 20),
)
@settings(max_examples=40)
def test_our_own_pages_are_taken_as_they_lie(
    tmp_path_factory: pytest.TempPathFactory, rows: int, width: int, group_rows: int, seed: int
) -> None:
    table = a_table(rows, width, seed)
    path = written(table, tmp_path_factory.mktemp("own"), group_rows)
    check(path, table, as_they_lie=True)


OTHERWISE: dict[str, dict[str, Any]] = {
    "small pages": {"compression": "zstd", "use_dictionary": False, "data_page_size": 64},
    "no checksums": {"compression": "zstd", "use_dictionary": False, "write_page_checksum": False},
    "dictionary": {"compression": "zstd", "use_dictionary": True},
    "pages of version 2": {"compression": "zstd", "data_page_version": "2.0"},
    "snappy": {"compression": "snappy", "use_dictionary": False},
    "split bytes": {
        "compression": "zstd",
        "use_dictionary": False,
        "column_encoding": {"ids.list.element": "BYTE_STREAM_SPLIT"},
    },
}


@pytest.mark.parametrize("options", OTHERWISE.values(), ids=OTHERWISE)
def test_what_others_write_is_read_the_same(tmp_path: Path, options: dict[str, Any]) -> None:
    table = a_table(200, 33, seed=1)
    path = tmp_path / "theirs.parquet"
    options = {"write_page_checksum": True, "write_batch_size": 16, **options}
    pq.write_table(table, path, row_group_size=90, **options)
    check(path, table, as_they_lie=False)


def test_a_column_in_many_pages_is_taken_as_it_lies(tmp_path: Path) -> None:
    table = a_table(200, 33, seed=1)
    path = tmp_path / "pages.parquet"
    pq.write_table(
        table,
        path,
        compression="zstd",
        use_dictionary=False,
        write_page_checksum=True,
        data_page_size=256,
        write_batch_size=50,  # pages end within lists
    )
    check(path, table, as_they_lie=True)


@pytest.mark.parametrize("lists", [[[1, None]], [[1], None]])
def test_a_null_among_numbers_is_refused(tmp_path: Path, lists: list[Any]) -> None:
    path = written(pa.table({"ids": pa.array(lists, pa.list_(pa.int32()))}), tmp_path)

    with open_lists(str(path)) as file, pytest.raises(pa.ArrowInvalid, match="ids holds a null"):
        file.read(0, ["ids"])


def test_empty_lists_are_left_to_arrow(tmp_path: Path) -> None:
    ids = pa.array([[1], [], [2, 3]], pa.list_(pa.int32()))
    texts = pa.array([[None], [], ["a", None]], pa.list_(pa.string()))
    path = written(pa.table({"ids": ids, "texts": texts}), tmp_path)

    with open_lists(str(path)) as file:
        columns = file.read(0, ["ids", "texts"])
    assert as_python(columns["ids"]) == [[1], [], [2, 3]]
    assert as_python(columns["texts"]) == [[True], [], [False, True]]
    assert columns["ids"].nulls().tolist() == [False] * 3
    with pytest.raises(pa.ArrowInvalid, match="texts where numbers should be"):
        columns["texts"].of_numbers()


def test_no_flipped_bit_makes_another_value(tmp_path: Path) -> None:
    """One bit in three: the headers' bits are of all kinds then, too."""
    table = a_table(8, 20, seed=2)
    path = written(table, tmp_path)
    whole = bytearray(path.read_bytes())
    chunks = [pq.read_metadata(path).row_group(0).column(n) for n in range(1, len(SCHEMA))]
    begin = min(chunk.data_page_offset for chunk in chunks)
    end = max(chunk.data_page_offset + chunk.total_compressed_size for chunk in chunks)
    num_refused = 0

    bits = range(begin * 8, end * 8, 3)
    for bit in bits:
        flipped = whole.copy()
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with open_lists(str(path)) as file:
            try:
                columns = file.read(0, NAMES)
            except (pa.ArrowException, OSError):
                num_refused += 1
                continue
        for name in NAMES:
            assert as_python(columns[name]) == expected(table, name), (bit, name)

    assert num_refused > len(bits) // 2


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = written(pa.table({"ids": pa.array([[1]], pa.list_(pa.int32()))}), tmp_path)

    with open_lists(str(path)) as file:
        with pytest.raises(pa.ArrowInvalid, match="it has no column lengths"):
            file.read(0, ["ids", "lengths"])
        with pytest.raises(pa.ArrowInvalid, match="it has no column lengths"):
            file.statistics(0, "lengths")


@given(data=st.binary(max_size=200), count=st.integers(0, 500), width=st.integers(1, 2))
def test_no_bytes_do_worse_than_an_error(data: bytes, count: int, width: int) -> None:
    try:
        levels = decoded_levels(data, width, count)
    except (ValueError, IndexError):
        return
    assert len(levels) == count
