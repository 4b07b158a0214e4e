"""Documents from Parquet files."""

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus.reading import TEXT, damage, divided, documents_in, read, rows
from hypothesis import given
from hypothesis import strategies as st
from inputs import lines

from bfpack_spark.corpus.documents import ReadingSizes
from bfpack_spark.errors import InputError


@given(st.integers(1, 60), st.integers(1, 70), st.lists(st.integers(1, 6000), max_size=8))
def test_parquet_rows_are_named_and_read_once_however_divided(
    tmp_path_factory: pytest.TempPathFactory, num_rows: int, group: int, cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.parquet"
    texts = [str(n) for n in range(num_rows)]
    pq.write_table(pa.table({"other": [0] * num_rows, "text": texts}), path, row_group_size=group)
    size = path.stat().st_size
    edges = sorted({0, size, *(cut for cut in cuts if cut < size)})
    assert rows(divided(path, "sub/a.parquet", edges), "parquet", TEXT) == [
        (f"sub/a.parquet#{n}", f"sub/a.parquet#{n}", str(n), None) for n in range(num_rows)
    ]


def test_a_row_group_is_read_on_behind_a_huge_row(tmp_path: Path) -> None:
    sizes = ReadingSizes(huge_bytes=1 << 20, batch_bytes=1 << 20)  # batches of 3 rows
    texts = [str(n) * (1 << 20 if n in (3, 4, 9) else 1) for n in range(10)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", use_dictionary=False)
    assert [content for *_, content, _ in read(tmp_path, sizes=sizes)] == texts


def test_what_was_handed_over_is_not_held_while_it_is_worked_on(tmp_path: Path) -> None:
    """Beside what an engine needs for a document of 256 MB there is no room for it twice."""
    text = "x" * (40 << 20)
    (tmp_path / "a.jsonl").write_bytes(lines({"text": text}, {"text": "short"}))
    (tmp_path / "a.txt").write_text(text)
    for name in ("a.jsonl", "a.txt"):
        found = documents_in(tmp_path / name, max_bytes=1 << 30)
        tracemalloc.start()
        documents = next(found)
        assert documents.content.nbytes > 40 << 20
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 8 << 20, name
        found.close()


def test_the_compressed_bytes_of_a_huge_document_are_not_held(tmp_path: Path) -> None:
    text = np.random.default_rng(0).bytes(4 << 20).hex()  # half its size as zstd
    table = pa.table({"text": [text, "short"]})
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=False, compression="zstd")
    before, sizes = pa.total_allocated_bytes(), ReadingSizes(huge_bytes=1 << 20)
    found = documents_in(tmp_path, max_bytes=1 << 30, sizes=sizes)
    documents = next(found)
    assert documents.take_texts() == [text]
    assert pa.total_allocated_bytes() - before < 1 << 20
    found.close()


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()], ids=str
)
def test_invalid_utf8_in_parquet_costs_its_own_row_alone(kind: pa.DataType, tmp_path: Path) -> None:
    raw = [b"ok", b"\xff\xfe", None, "é".encode(), b"", b"\xed\xa0\x80", b"cut \xf0\x9f\x98"]
    base = pa.large_binary() if "large" in str(kind) else pa.binary()
    pq.write_table(pa.table({"text": pa.array(raw, base).view(kind)}), tmp_path / "a.parquet")
    assert read(tmp_path) == [
        (f"a.parquet#{n}", f"a.parquet#{n}", content, reason)
        for n, (content, reason) in enumerate(
            [
                ("ok", None),
                (None, "invalid_utf8"),
                (None, None),
                ("é", None),
                ("", None),
                (None, "invalid_utf8"),  # half of a surrogate pair
                (None, "invalid_utf8"),
            ]
        )
    ]


@pytest.mark.parametrize(
    "how", ["empty", "cut short", "not Parquet", "a footer of noise", "pages of noise"]
)
def test_a_parquet_file_that_cannot_be_read_is_an_error_that_names_it(
    how: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"some text {n}" for n in range(100)]}), path)
    assert len(read(tmp_path)) == 100
    path.write_bytes(damage(path.read_bytes(), how))
    with pytest.raises(InputError, match=r"--input: a\.parquet cannot be read .* repair or remove"):
        read(tmp_path)
