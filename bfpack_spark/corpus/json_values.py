"""The wanted columns of a line of JSON, whatever its size and whatever is wrong with it.

An ordinary line is parsed by orjson. What orjson refuses is parsed by the standard library, which
tells more about the fault and accepts more (NaN). A long line is never parsed as a whole, see
long_lines.py. If an object has a name twice, the last value counts.

Messages are written as JSON anew by the standard library alone, which knows integers of any size
and halves of surrogate pairs.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import orjson

from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.documents import Columns, Document, is_utf8, lacks, no_bucket, refuse
from bfpack_spark.corpus.lines import Line
from bfpack_spark.corpus.long_lines import LONG_BYTES, LongLine, find_columns, is_utf8_view
from bfpack_spark.corpus.shapes import hint
from bfpack_spark.errors import InputError
from bfpack_spark.schema import Reason

_MAX_IDS = 1 << 26  # ids in one line: half a GB as int64
_PART_BYTES = 1 << 20  # of a long value that are handled at once
_OTHERS: dict[bytes, Any] = {b'"': "", b"[": [], b"{": {}}  # for a value whose kind alone matters
_ESCAPES = re.compile("surrogate|hex escape|truncated")  # what its errors for half a pair contain
_LONG_NUMBER = re.compile(rb"\d{19}")
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_line(
    line: bytes, document: Document, *, all_integers: bool = False
) -> dict[str, Any] | None:
    """Return the object in a line. If there is none, refuse the document and return None. If the
    line is not UTF-8, the document is refused too, but the object is returned so that the document
    has its id. With `all_integers`, those beyond 64 bits do not become floats."""
    lenient = all_integers and _LONG_NUMBER.search(line)
    try:
        record = _parse_leniently(line, document) if lenient else orjson.loads(line)
    except orjson.JSONDecodeError:
        record = _parse_leniently(line, document)
    if isinstance(record, dict):
        return record
    if document.reason is None:
        kind = type(record).__name__
        refuse(document, Reason.BROKEN_LINE, f"a JSON {kind}, not an object{hint(line)}")
    return None


def _parse_leniently(line: bytes, document: Document) -> Any:
    """Parse a line that orjson refuses or would change: say what is wrong, yet read the id."""
    text = line.decode("utf-8", errors="replace")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        refuse(document, Reason.BROKEN_LINE, str(error)[:200] + hint(line))
        return None
    if not is_utf8(line):
        refuse(document, Reason.INVALID_UTF8, "the line is not valid UTF-8")
    return record


def parse_long_line(
    line: LongLine, document: Document, columns: Columns, max_bytes: int
) -> dict[str, Any] | None:
    """Do the same as parse_line for a long line. The object has only the wanted columns."""
    view = line.view()
    if view is None:
        refuse(document, Reason.TOO_LARGE, f"a line of {len(line)} bytes{hint(line.head)}")
        return None
    try:
        values = find_columns(view, frozenset(columns.names))
    except ValueError as error:
        why = str(error)[:200] + hint(line.head)
        # The finder of columns takes half of a surrogate pair for a broken line.
        if _ESCAPES.search(why) and _HALF_PAIR.search(view):
            refuse(document, Reason.LONE_SURROGATE, f"half of a surrogate pair in the line ({why})")
        else:
            refuse(document, Reason.BROKEN_LINE, why)
        return None
    if not is_utf8_view(view):
        refuse(document, Reason.INVALID_UTF8, "the line is not valid UTF-8")
    large = (columns.content, columns.beside)
    record = {n: _small_value(raw) for n, raw in values.items() if n not in large}
    if columns.content in values and document.reason is None:
        record[columns.content] = _content(values[columns.content], document, columns, max_bytes)
    if columns.beside in values and document.reason is None:
        record[columns.beside] = _beside(values[columns.beside], document, columns, max_bytes)
    return record


def _small_value(raw: memoryview) -> Any:
    """Return a value that is an id, a bucket, a number or null. If it is too long for any of these,
    return its size."""
    if len(raw) > LONG_BYTES:
        return [f"{len(raw)} bytes"]
    return json.loads(bytes(raw).decode("utf-8", errors="replace"))


def _content(raw: memoryview, document: Document, columns: Columns, max_bytes: int) -> Any:
    first = bytes(raw[:1])
    if first == b"[" and columns.tokens:
        return _long_list(raw, document)
    if first == b"[" and columns.chat == "messages":
        if len(raw) <= max_bytes:
            return bytes(raw).decode()
        refuse(document, Reason.TOO_LARGE, f"{len(raw)} bytes, limit {max_bytes}")
        return None
    if first == b'"' and not columns.tokens:
        return _long_text(raw, document, max_bytes)
    if first in _OTHERS:
        return _OTHERS[first]
    return _small_value(raw)


def _beside(raw: memoryview, document: Document, columns: Columns, max_bytes: int) -> Any:
    if columns.chat is not None:
        return _content(raw, document, columns, max_bytes)
    if bytes(raw[:1]) == b"[":
        return _long_list(raw, document, Reason.INVALID_MASK)
    return _small_value(raw)


def _long_text(raw: memoryview, document: Document, max_bytes: int) -> str | None:
    size = len(raw) - 2
    if size > max_bytes:  # \n is a byte longer than the character it stands for, \u0041 is five
        size -= _count(raw, b"\\") + 4 * _count(raw, b"\\u")
    if size > max_bytes:
        refuse(document, Reason.TOO_LARGE, f"at least {size} bytes, limit {max_bytes}")
        return None
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        refuse(document, Reason.LONE_SURROGATE, "half of a surrogate pair in the text")
        return None


def _count(raw: memoryview, piece: bytes) -> int:
    """Count how often a piece occurs, in blocks with the bytes that reach into the next one."""
    reach = len(piece) - 1
    blocks = range(0, len(raw), _PART_BYTES)
    return sum(bytes(raw[b : b + _PART_BYTES + reach]).count(piece) for b in blocks)


def _long_list(
    raw: memoryview, document: Document, reason: str = Reason.INVALID_TOKENS
) -> Int64 | None:
    """Return the integers of a list as an array; as Python's integers they would take eight times
    the memory. Of a loss mask, they may be booleans. The reason is the one for other values."""
    size = _count(raw, b",") + 1
    if size > _MAX_IDS:
        refuse(document, Reason.TOO_LARGE, f"{size} values in one line, limit {_MAX_IDS}")
        return None
    ids = np.empty(size, dtype=np.int64)
    filled = 0
    try:
        for part in _parts(raw):
            values = orjson.loads(b"[%b]" % part)
            if not (are_mask if reason == Reason.INVALID_MASK else are_ids)(values):
                raise ValueError("not integers")
            ids[filled : filled + len(values)] = values
            filled += len(values)
    except ValueError:
        refuse(document, reason, "not a list of integers")
        return None
    return ids[:filled]


def _parts(raw: memoryview) -> Iterator[bytes]:
    """Yield what is between the brackets of a list, divided at commas. (A list of integers has no
    other commas. Of any other list, some part is not a list of integers.)"""
    begin, end = 1, len(raw) - 1
    while begin < end:
        part = bytes(raw[begin : min(begin + _PART_BYTES, end)])
        if begin + len(part) < end:
            part = part[: part.rindex(b",") + 1]
        begin += len(part)
        yield part.removesuffix(b",")


# What the columns hold


def are_ids(value: Any) -> bool:
    """Tell whether it is a list of integers below 2^62, so that none overflows in the checks."""
    return isinstance(value, list) and all(type(i) is int and abs(i) < 2**62 for i in value)


def are_mask(value: Any) -> bool:
    """Tell whether it is a list of integers, as are_ids does, or of booleans, or of both."""
    return isinstance(value, list) and are_ids([int(i) if type(i) is bool else i for i in value])


def take_id(record: dict[str, Any], column: str, source: str, line: Line) -> str:
    """Return the id of a document. Raises InputError if it has none."""
    doc_id = _string_or_integer(record.get(column), column, line)
    if doc_id is None:
        raise InputError(
            f"--id-column {column}: {_found(record, column)} at {source}; ids are strings or "
            "integers, and every document needs one"
        )
    return doc_id


def take_bucket(record: dict[str, Any], column: str, source: str, line: Line) -> str:
    """Return the bucket of a document. Raises InputError if nobody could say which it is."""
    bucket = _string_or_integer(record.get(column), column, line)
    if bucket is None:
        raise no_bucket(column, _found(record, column), source)
    return bucket


def _found(record: dict[str, Any], column: str) -> str:
    there = column in record
    return json.dumps(record[column], default=str)[:80] if there else lacks(sorted(record))


def _string_or_integer(value: Any, column: str, line: Line) -> str | None:
    if isinstance(value, float) and isinstance(line, bytes):
        with suppress(ValueError, RecursionError):
            value = json.loads(line)[column]  # orjson makes floats of integers beyond 64 bits
    if isinstance(value, str) and encodes(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def take_content(document: Document, value: Any, columns: Columns) -> None:
    """Take the text, the ids or the conversation of a document. A conversation stays JSON."""
    if columns.chat == "messages" and isinstance(value, list):
        value = json.dumps(value, ensure_ascii=False)
    if columns.tokens:
        if isinstance(value, np.ndarray) or are_ids(value):
            document.content = value
        elif value is not None:
            refuse(document, Reason.INVALID_TOKENS, "not a list of integers")
    elif isinstance(value, str):
        if encodes(value):
            document.content = value
        else:
            refuse(document, Reason.LONE_SURROGATE, "half of a surrogate pair in the text")
    elif value is not None:
        refuse(document, Reason.NOT_TEXT, f"a JSON {type(value).__name__} in {columns.content}")


def take_beside(document: Document, value: Any, columns: Columns) -> None:
    """Take labels or a loss mask, as integers or booleans, or tools or a completion, as text."""
    column = columns.beside
    if columns.chat is not None:
        if columns.chat == "messages" and isinstance(value, list):
            value = json.dumps(value, ensure_ascii=False)
        if value is not None and not (isinstance(value, str) and encodes(value)):
            refuse(document, Reason.NOT_TEXT, f"{column} is no text that UTF-8 can hold")
        else:
            document.beside = value
    elif isinstance(value, np.ndarray):
        document.beside = value
    elif are_mask(value):
        document.beside = list(map(int, value))
    elif value is not None:
        refuse(document, Reason.INVALID_MASK, f"{column} is not a list of integers or booleans")


def encodes(value: str) -> bool:
    """Tell whether UTF-8 can hold a text, which may have 256 MB: it is encoded part by part."""
    if value.isascii():
        return True
    try:
        for begin in range(0, len(value), _PART_BYTES):
            value[begin : begin + _PART_BYTES].encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
