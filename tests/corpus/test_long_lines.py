"""A huge line costs its own memory at most, and gives up what is wanted of it."""

from pathlib import Path
from typing import Any

import pytest
from corpus.reading import IDS, MORE, documents_of_line

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.long_lines import LONG_BYTES

WITH_ID = Columns(content="text", doc_id="id")


def read_line(path: Path, line: bytes, columns: Columns) -> tuple[Any, ...]:
    """(doc_id, content, reason) of a file of one line."""
    batch = documents_of_line(path, line, columns)
    return batch.doc_id[0], batch.content[0].as_py(), batch.reason[0]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b'"id": "a", "text": "one"}', ("a", "one", None)),
        (
            b'"id": 36893488147419103232, "text": "\\u00e9\\ud83d\\ude00"}',
            (str(2**65), "é😀", None),
        ),
        ('"id": "é", "te\\u0078t": "zwei ü"}'.encode(), ("é", "zwei ü", None)),
        (b'"id": "a", "text": null}', ("a", None, None)),
        (b'"id": "a"}', ("a", None, "null_text")),
        (b'"id": "a", "text": [{}, {}]}', ("a", None, "not_text")),
        (b'"id": "a", "text": 5}', ("a", None, "not_text")),
        (b'"id": "a", "text": "\xff"}', ("a", None, "invalid_utf8")),
        (b'"id": "a", "text": "\\ud800"}', (None, None, "lone_surrogate")),
        (b'"id": "a", "text": "cut', (None, None, "broken_line")),
        (b'"id": "a", "text": ' + b"[" * 100_000, (None, None, "broken_line")),
        (b'"id": "a", "text": "t", "other": "\xff"}', ("a", None, "invalid_utf8")),
    ],
)
def test_a_long_line_is_read_as_a_short_one_is(
    rest: bytes, expected: tuple[str | None, str | None, str | None], tmp_path: Path
) -> None:
    assert read_line(tmp_path / "a.jsonl", b"{" + MORE + rest, WITH_ID) == expected


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"x" * (1 << 20), None),
        (b"\\u0041" * (1 << 20), None),
        (b"x" * (1 << 20) + b"y", "too_large"),
    ],
)
def test_a_long_text_is_bounded_by_what_it_says(
    raw: bytes, reason: str | None, tmp_path: Path
) -> None:
    line = b"{" + MORE + b'"id": "a", "text": "' + raw + b'"}'
    doc_id, content, found = read_line(tmp_path / "a.jsonl", line, WITH_ID)
    assert (doc_id, found) == ("a", reason)
    assert content is None or len(content) == 1 << 20


@pytest.mark.parametrize(
    ("tail", "good"),
    [(b"7]", True), (b"7 ]", True), (b"1.5]", False), (b'"1,2"]', False), (b"[1,2]]", False)],
)
def test_a_long_list_of_ids_is_read_in_parts(tail: bytes, good: bool, tmp_path: Path) -> None:
    ids = list(range(900_000))
    line = b'{"ids": [' + b"".join(b"%d, " % number for number in ids) + tail + b"}"
    assert len(line) > LONG_BYTES
    _, content, reason = read_line(tmp_path / "a.jsonl", line, IDS)
    assert (content, reason) == (([*ids, 7], None) if good else (None, "invalid_tokens"))
