"""Files that are called JSONL and are not: packed, or named as what they are with the remedy."""

import gzip
import json
from pathlib import Path

import pytest
from corpus.reading import TEXT, divided, documents_in, read, rows

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.read_corpus import check_columns, read_documents
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.parity import sample_texts

WITH_ID = Columns(content="text", doc_id="id")
RECORDS = [{"id": "a", "text": "one two"}, {"id": "b", "text": "three"}]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS)
A_LINE_EACH = ",\n".join(map(json.dumps, RECORDS))

# What a file holds, and what the error says it looks like.
SHAPES = {
    "an array in one line": (json.dumps(RECORDS).encode(), "a JSON array"),
    "an array without end of line": (b" \r\n\n [ {}]", "a JSON array"),
    "an array, pretty-printed": (json.dumps(RECORDS, indent=1).encode(), "a JSON array"),
    "an array, an object a line": (f"[\n{A_LINE_EACH}\n]\n".encode(), "a JSON array"),
    "arrays, one a line": (f"{json.dumps(RECORDS)}\n".encode() * 3, "a JSON array"),
    "a marked array": (json.dumps(RECORDS).encode("utf-8-sig"), "a JSON array"),
    "objects, pretty-printed": (
        "\n".join(json.dumps(record, indent=2) for record in RECORDS).encode(),
        "JSON whose objects have several lines",
    ),
    "UTF-16, marked": (LINES.encode("utf-16"), "UTF-16"),
    "UTF-16": (LINES.encode("utf-16-le"), "UTF-16"),
    "UTF-16, the other way round": (LINES.encode("utf-16-be"), "UTF-16"),
    "UTF-32": (LINES.encode("utf-32"), "UTF-32"),
    "ends of old Macs": (LINES.replace("\n", "\r").encode(), "lines that end in CR alone"),
    "a hole": (b"\0" * 5000, "a hole that a crash left"),
}
EACH_SHAPE = pytest.mark.parametrize(("raw", "looks_like"), SHAPES.values(), ids=SHAPES)


@EACH_SHAPE
def test_a_file_that_is_no_jsonl_is_named_before_the_job(
    raw: bytes, looks_like: str, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_bytes(raw)
    inventory = take_inventory(str(tmp_path), None)
    with pytest.raises(
        InputError, match=rf"--input: a\.json looks like {looks_like}.*; \S"
    ) as told:
        check_columns(inventory, TEXT)
    assert "\n" not in str(told.value)
    with pytest.raises(InputError, match="looks like"):
        sample_texts(inventory, TEXT)


@EACH_SHAPE
@pytest.mark.parametrize("name", ["b.json", "b.json.gz"])
def test_any_file_that_is_no_jsonl_is_named_by_the_worker_that_reads_it(
    name: str, raw: bytes, looks_like: str, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(LINES)
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    check_columns(take_inventory(str(tmp_path), None), TEXT)
    with pytest.raises(InputError, match=rf"--input: {name} looks like {looks_like}"):
        read(tmp_path)


def test_an_array_too_long_to_be_held_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"[" + b'{"text": "x"},' * 2_000_000 + b"{}]")
    splits = divided(path, "a.json", [0, path.stat().st_size])
    with pytest.raises(InputError, match=r"a\.json looks like a JSON array"):
        list(read_documents(splits, "jsonl", TEXT, 10))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"[1]", "a JSON list, not an object; it looks like a JSON array"),
        (b'{"id": "a"},', "it looks like a JSON array"),
        (b'{"a": 1}\r{"a": 2}', "it looks like lines that end in CR alone"),
        (b'  "text": "x",', "it looks like JSON whose objects have several lines"),
        (b"{", "it looks like JSON whose objects have several lines"),
        ('{"a": 1}'.encode("utf-16-le"), "it looks like UTF-16"),
        (b"\0\0\0", "it looks like a hole that a crash left (NUL bytes)"),
    ],
)
def test_one_such_line_among_others_is_quarantined_as_what_it_looks_like(
    raw: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_bytes(raw + b"\n" + LINES.encode())
    (batch,) = documents_in(tmp_path)
    assert batch.reason == ["broken_line", None, None]
    assert batch.detail[0] is not None
    assert batch.detail[0].endswith(says)
    assert batch.content.to_pylist() == [None, "one two", "three"]


def test_a_file_whose_later_lines_are_objects_is_read(tmp_path: Path) -> None:
    """The first split alone would look like an array."""
    first = b"[" + b"1," * 600_000 + b"1]\n"
    path = tmp_path / "a.jsonl"
    path.write_bytes(first + LINES.encode() * 2)
    edges = [0, 100, len(first), len(first) + 20, len(first) + 200]
    found = rows(divided(path, "a.jsonl", edges), "jsonl", TEXT)
    assert [text for _, _, text, _ in found] == [None, "one two", "three", "one two", "three"]


def test_text_in_utf_16_is_quarantined_as_such_with_or_without_mark(tmp_path: Path) -> None:
    held = {"a.txt": "text".encode("utf-16"), "b.txt": "text".encode("utf-16-le"), "c.txt": b"a\0b"}
    for name, raw in held.items():
        (tmp_path / name).write_bytes(raw)
    details = [detail for batch in documents_in(tmp_path) for detail in batch.detail]
    assert details == ["it looks like UTF-16", "it looks like UTF-16", None]


def test_text_files_are_counted_with_their_bytes(tmp_path: Path) -> None:
    for name, size in {"a.txt": 0, "b.txt": 7, "c.txt": 12}.items():
        (tmp_path / name).write_bytes(b"x" * size)
    tally = Tally()
    assert len(list(documents_in(tmp_path, max_bytes=10, tally=tally))) == 3
    assert tally.rows == {"a.txt": 1, "b.txt": 1, "c.txt": 1}
    assert tally.num_bytes == {"a.txt": 0, "b.txt": 7, "c.txt": 12}


@pytest.mark.parametrize(
    "number", [0, -1, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 2**70, -(2**70), 10**400]
)
def test_integers_of_any_size_are_ids_to_the_last_digit(number: int, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"id": {number}, "text": "x"}}\n')
    assert [doc_id for doc_id, *_ in read(tmp_path, WITH_ID)] == [str(number)]


@pytest.mark.parametrize("number", ["1.0", "1e3", "1e400", "18446744073709551616.0"])
def test_floats_are_no_ids(number: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"id": {number}, "text": "x"}}\n')
    with pytest.raises(InputError, match=r"--id-column id: .* at a\.jsonl@0; ids are strings or"):
        read(tmp_path, WITH_ID)


def test_of_a_name_that_is_twice_in_an_object_the_last_value_counts(tmp_path: Path) -> None:
    padding = "x" * (5 << 20)
    line = '{"id": 1, "text": "no", "id": 18446744073709551616, "text": "yes", "more": "%s"}\n'
    (tmp_path / "a.jsonl").write_text(line % "" + line % padding)
    found = read(tmp_path, WITH_ID)
    assert [(doc_id, text) for doc_id, _, text, _ in found] == [(str(2**64), "yes")] * 2


def test_a_line_that_was_cut_off_is_not_said_to_be_of_several_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"key": "brok\n' + LINES.encode())
    (batch,) = documents_in(tmp_path)
    assert batch.reason[0] == "broken_line"
    assert "it looks like" not in (batch.detail[0] or "")
