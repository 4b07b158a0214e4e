"""Conversations and prompts in lines of JSON, short and long, give the same content."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from corpus.reading import MORE, documents_of_line

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.long_lines import LONG_BYTES

CHATS = Columns(content="m", doc_id=None, chat="messages", beside="t", beside_is="tools")
PROMPTS = Columns(content="m", doc_id=None, chat="prompt", beside="t", beside_is="completion")


def read_line(path: Path, line: bytes, columns: Columns) -> tuple[Any, ...]:
    """(content, second column, reason) of a file of one line."""
    batch = documents_of_line(path, line, columns)
    assert batch.beside is not None
    return batch.content[0].as_py(), batch.beside[0].as_py(), batch.reason[0]


MESSAGES = [{"role": "user", "content": "é 😀"}]


@pytest.mark.parametrize("before", [b"", MORE], ids=["short", "long"])
@pytest.mark.parametrize(
    ("columns", "rest", "expected"),
    [
        (CHATS, {"m": MESSAGES, "t": [{"a": 1}]}, (MESSAGES, [{"a": 1}], None)),
        (CHATS, {"m": json.dumps(MESSAGES), "t": "[]"}, (MESSAGES, [], None)),
        (CHATS, {"m": MESSAGES, "t": None}, (MESSAGES, None, None)),
        (CHATS, {"m": MESSAGES}, (MESSAGES, None, None)),
        (CHATS, {"m": {"a": 1}}, (None, None, "not_text")),
        (CHATS, {"m": MESSAGES, "t": {"a": 1}}, (None, None, "not_text")),
        (CHATS, {"t": []}, (None, None, "null_text")),
        (PROMPTS, {"m": "ask", "t": "say"}, ("ask", "say", None)),
        (PROMPTS, {"m": "ask", "t": ["say"]}, (None, None, "not_text")),
        (PROMPTS, {"m": ["ask"], "t": "say"}, (None, None, "not_text")),
    ],
)
def test_a_line_gives_content_and_what_stands_beside_it(
    before: bytes, columns: Columns, rest: Any, expected: tuple[Any, ...], tmp_path: Path
) -> None:
    line = b"{" + before + json.dumps(rest).encode()[1:]
    content, beside, reason = read_line(tmp_path / "a.jsonl", line, columns)
    if columns is CHATS:
        content, beside = (None if x is None else json.loads(x) for x in (content, beside))
    assert (content, beside, reason) == expected


@pytest.mark.parametrize("before", [b"", MORE], ids=["short", "long"])
def test_numbers_of_messages_are_what_the_line_has(before: bytes, tmp_path: Path) -> None:
    nan = "null" if before else "NaN"  # which long lines do not take
    given = '[{"n": 18446744073709551616, "deep": [-36893488147419103233]}, {"n": NaN}]'
    given = given.replace("NaN", nan)
    line = b"{" + before + f'"m": {given}, "t": {given}}}'.encode()
    content, beside, reason = read_line(tmp_path / "a.jsonl", line, CHATS)
    assert reason is None
    for held in (content, beside):
        first, second = json.loads(held)
        assert first == {"n": 2**64, "deep": [-(2**65) - 1]}
        assert second["n"] is None if before else math.isnan(second["n"])


def test_a_conversation_that_is_too_large_says_so(tmp_path: Path) -> None:
    line = json.dumps({"m": [{"role": "user", "content": "x" * (LONG_BYTES + 9)}]}).encode()
    assert read_line(tmp_path / "a.jsonl", line, CHATS) == (None, None, "too_large")


@pytest.mark.parametrize("before", [b"", MORE], ids=["short", "long"])
def test_half_a_surrogate_pair_is_no_text(before: bytes, tmp_path: Path) -> None:
    line = b"{" + before + b'"m": [{"role": "user", "content": "\\ud800"}]}'
    content, _, reason = read_line(tmp_path / "a.jsonl", line, CHATS)
    assert content is None
    assert reason == "lone_surrogate"
