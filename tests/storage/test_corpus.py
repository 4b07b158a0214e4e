"""The readers: every document once, each with its place, whatever is wrong with it."""

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.errors import InputError
from bfpack_spark.storage.corpus import read_documents
from bfpack_spark.storage.documents import Columns
from bfpack_spark.storage.inventory import Split, split_inventory, take_inventory

TEXT = Columns(content="text", doc_id=None)
WITH_ID = Columns(content="text", doc_id="doc_id")


def read(
    path: Path, columns: Columns = TEXT, input_format: str | None = None, parallelism: int = 2
) -> list[tuple[Any, ...]]:
    """(doc_id, source, content, reason) of every document."""
    inventory = take_inventory(str(path), input_format)
    splits = split_inventory(inventory, parallelism)
    return rows(splits, inventory.format, columns)


def rows(splits: list[Split], input_format: str, columns: Columns) -> list[tuple[Any, ...]]:
    found = []
    for batch in read_documents(splits, input_format, columns, 1 << 20):
        content = batch.content.to_pylist()
        found += list(zip(batch.doc_id, batch.source, content, batch.reason, strict=True))
    return found


def lines(*records: object) -> bytes:
    return b"".join(
        (r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records
    )


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "jsonl.zst"])
def test_lines_are_named_by_their_first_byte(suffix: str, tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbf" + lines({"text": "one"}, b"", {"text": "zwei é"}) + b'{"text": "3"}'
    packed = {"jsonl": raw, "jsonl.gz": gzip.compress(raw[:9]) + gzip.compress(raw[9:])}
    packed["jsonl.zst"] = pa.Codec("zstd").compress(raw, asbytes=True)
    (tmp_path / f"a.{suffix}").write_bytes(packed[suffix])
    found = read(tmp_path)
    assert [content for _, _, content, _ in found] == ["one", "zwei é", "3"]
    for doc_id, source, content, _ in found:
        name, _, place = doc_id.partition("@")
        assert (name, source) == (f"a.{suffix}", doc_id)
        begin = raw[int(place) :].removeprefix(b"\xef\xbb\xbf")
        assert json.loads(begin.partition(b"\n")[0])["text"] == content


@given(
    st.lists(st.integers(0, 40), max_size=20),
    st.lists(st.integers(1, 400), max_size=6),
    st.booleans(),
)
def test_every_line_is_read_once_however_the_file_is_divided(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], cuts: list[int], last: bool
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    raw = lines(*({"text": f"{n}" + "x" * size} for n, size in enumerate(sizes)))
    raw = raw[:-1] if last else raw
    path.write_bytes(raw)
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    found = []
    for start, end in itertools.pairwise(edges):
        split = Split(task=0, name="a.jsonl", path=str(path), start=start, end=end)
        found += rows([split], "jsonl", TEXT)
    assert [content for _, _, content, _ in found] == [
        f"{n}" + "x" * size for n, size in enumerate(sizes)
    ]
    assert len({doc_id for doc_id, *_ in found}) == len(sizes)


def test_a_compressed_file_that_was_cut_short_is_an_error(tmp_path: Path) -> None:
    raw = lines(*({"text": str(n)} for n in range(5000)))
    whole = {"gz": gzip.compress(raw), "zst": pa.Codec("zstd").compress(raw, asbytes=True)}
    for suffix, packed in whole.items():
        path = tmp_path / f"a.jsonl.{suffix}"
        path.write_bytes(packed[:-20])
        with pytest.raises(InputError, match=f"{suffix} cannot be read"):
            read(path)


def test_broken_lines_are_refused_with_reason_and_id(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        lines(
            {"doc_id": "good", "text": "t"},
            {"doc_id": 7, "text": "t"},
            b'{"doc_id": "u", "text": "\xff"}',
            b'{"doc_id": "s", "text": "\\ud800"}',
            {"doc_id": "n", "text": None},
            {"doc_id": "l", "text": ["t"]},
            b'{"doc_id": "b", "tex',
            b"[1]",
        )
    )
    found = [(doc_id, reason) for doc_id, _, _, reason in read(tmp_path, WITH_ID)]
    assert found == [
        ("good", None),
        ("7", None),
        ("u", "invalid_utf8"),
        ("s", "lone_surrogate"),
        ("n", None),  # null is told from the text, where it is tokenized
        ("l", "not_text"),
        (None, "broken_line"),
        (None, "broken_line"),
    ]


def test_parquet_rows_are_named_and_read_once_however_divided(tmp_path: Path) -> None:
    table = pa.table({"text": [str(n) for n in range(1000)]})
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / "a.parquet"
    pq.write_table(table, path, row_group_size=37)
    size = path.stat().st_size
    edges = [0, size // 7, size // 3, size // 2, size]
    splits = [
        Split(task=0, name="sub/a.parquet", path=str(path), start=a, end=b)
        for a, b in itertools.pairwise(edges)
    ]
    expected = [(f"sub/a.parquet#{n}", str(n)) for n in range(1000)]
    assert [(d, c) for d, _, c, _ in rows(splits, "parquet", TEXT)] == expected
    assert [(d, c) for d, _, c, _ in read(tmp_path)] == expected


def test_invalid_utf8_in_parquet_costs_its_own_row_alone(tmp_path: Path) -> None:
    raw = pa.array([b"ok", b"\xff\xfe", None, "é".encode()], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": raw}), tmp_path / "a.parquet")
    assert [(c, r) for _, _, c, r in read(tmp_path)] == [
        ("ok", None),
        (None, "invalid_utf8"),
        (None, None),
        ("é", None),
    ]


@pytest.mark.parametrize(
    ("ids", "says"), [(["a", None], "null at a.parquet#1"), ([1.5, 2.5], "has type double")]
)
def test_ids_that_are_none_are_an_error(ids: list[Any], says: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x", "y"], "doc_id": ids}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=says):
        read(tmp_path, WITH_ID)


def test_a_text_file_is_a_document_and_dot_files_are_passed_over(tmp_path: Path) -> None:
    for name, raw in {
        "b/x.txt": b"x",
        "a.txt": b"\xff",
        ".hidden.txt": b"h",
        "_y.txt": b"",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    found = {doc_id: (content, reason) for doc_id, _, content, reason in read(tmp_path)}
    assert found == {
        "_y.txt": ("", None),
        "a.txt": (None, "invalid_utf8"),
        "b/x.txt": ("x", None),
    }
    (one,) = read(tmp_path / "b" / "x.txt")
    assert one[0] == "x.txt"


def test_globs_stay_within_a_directory_unless_told(tmp_path: Path) -> None:
    for name in ("a.txt", "b.md", "sub/c.txt", "sub/deep/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(name)
    named = {
        "*.txt": ["a.txt"],
        "**/*.txt": ["a.txt", "sub/c.txt", "sub/deep/d.txt"],
        "s*/?.txt": ["sub/c.txt"],
        "[ab].*": ["a.txt", "b.md"],
    }
    for pattern, expected in named.items():
        found = take_inventory(f"{tmp_path}/{pattern}", "text")
        assert [file.name for file in found.files] == expected, pattern
