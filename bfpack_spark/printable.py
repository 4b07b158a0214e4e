"""What may be printed: names, ids and texts come from others, and some of their characters move a
terminal's cursor, change the direction of a line, or break it.

These characters are the controls (C0, DEL, C1), the marks of direction, the separators of lines and
paragraphs, and halves of surrogate pairs. Such halves stand for bytes of a name that are not UTF-8,
and cannot be encoded. Each character is printed as its escape: ESC is `\\x1b`, U+202E is `\\u202e`.
"""

import json
import re
from typing import Any

_MARKS = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_IN_ONE_LINE = re.compile(f"[\x00-\x1f{_MARKS}]")
_IN_LINES = re.compile(f"[\x00-\x08\x0b-\x1f{_MARKS}]")
_IN_JSON = re.compile(f"[{_MARKS}]")  # json.dumps itself escapes what is below a space
_FORMULA = re.compile(r"[=+\-@\t\r]")


def one_line(text: str) -> str:
    """Return the text with each of these characters as its escape, also the end of a line."""
    return _IN_ONE_LINE.sub(_escaped, text)


def lines(text: str) -> str:
    """Return the same for a text of several lines: line ends and tabs stay."""
    return _IN_LINES.sub(_escaped, text)


def json_text(value: Any, **options: Any) -> str:
    """Return a value as JSON that is read as exactly this value. The characters are escaped as JSON
    escapes them. The options are those of json.dumps."""
    dumped = json.dumps(value, ensure_ascii=False, **options)
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", dumped)


def csv_cell(value: Any) -> Any:
    """Return a cell for a spreadsheet. A text that the spreadsheet would take for a formula gets an
    apostrophe in front. Numbers stay numbers."""
    if not isinstance(value, str):
        return value
    return one_line(f"'{value}" if _FORMULA.match(value) else value)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def option_of(name: str) -> str:
    """Return the option of a setting: seq_len -> --seq-len."""
    return "--" + name.replace("_", "-")


def counted(number: int, noun: str) -> str:
    """Return a number of things: 1 shard, 2,000 shards."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
