"""Documents from lines of JSON, plain, .gz or .zst; a document's place is its line's first byte.

Spark's JSON reader knows no position, loses the id of a line with invalid UTF-8 and turns a lone
surrogate into `?`; hence this one.
"""

import io
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import orjson
import pyarrow as pa

from bfpack_spark.errors import InputError
from bfpack_spark.schema import Reason
from bfpack_spark.storage import files
from bfpack_spark.storage.coverage import Tally
from bfpack_spark.storage.documents import (
    Columns,
    Document,
    is_utf8,
    no_bucket,
    no_column,
    refuse,
    unreadable,
)
from bfpack_spark.storage.inventory import InputFile, Split, whole_file

_LINE_BYTES_MAX = 1 << 30
_SAMPLE_LINES = 1000


def read_lines(split: Split, columns: Columns, max_bytes: int, tally: Tally) -> Iterator[Document]:
    # Escapes make a line longer than its text, other columns too.
    longest = min(_LINE_BYTES_MAX, 16 * max_bytes + (1 << 20))
    if columns.bucket:  # which must be read, however long the line
        longest = _LINE_BYTES_MAX
    try:
        with _open_lines(split) as stream:
            for offset, lines in _lines(stream, split, longest):
                source = f"{split.name}@{offset}"
                tally.add(split.name, rows=_says(lines[0]))
                if _says(lines[0]) and _wanted(lines[0], source, columns):
                    yield _document(lines.pop(), source, columns, longest)
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(split.name, error) from None


def read_line_values(split: Split, column: str) -> Iterator[pa.Array]:
    """The values of a column of buckets, as strings; every line is parsed for it."""
    try:
        with _open_lines(split) as stream:
            every = _lines(stream, split, _LINE_BYTES_MAX)
            numbered = ((offset, lines[0]) for offset, lines in every if _says(lines[0]))
            while some := list(itertools.islice(numbered, _SAMPLE_LINES)):
                yield pa.array(
                    _bucket_of(line, f"{split.name}@{offset}", column) for offset, line in some
                )
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(split.name, error) from None


def _says(line: bytes) -> bool:
    """Is there anything in it? (Without a copy: it may have 256 MB.)"""
    return bool(line) and not line.isspace()


def _wanted(line: bytes, source: str, columns: Columns) -> bool:
    if columns.bucket is None:
        return True
    return _bucket_of(line, source, columns.bucket) == columns.wanted


def _bucket_of(line: bytes, source: str, column: str) -> str:
    """The bucket of a line. InputError where none can be read: nobody could say whose it is."""
    if len(line) > _LINE_BYTES_MAX:
        raise no_bucket(column, f"a line longer than {_LINE_BYTES_MAX} bytes", source)
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = _parse_leniently(line, Document(source=source, doc_id=None))
    value = record.get(column) if isinstance(record, dict) else None
    if isinstance(value, str) and _encodes(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(record, dict):
        raise no_bucket(column, "a line that is no JSON object", source)
    raise no_bucket(
        column, json.dumps(value)[:80] if column in record else "no such column", source
    )


@contextmanager
def _open_lines(split: Split) -> Iterator[IO[bytes]]:
    codec = split.codec
    with files.open_binary(split.path) as raw:
        if codec is None:
            yield raw
            return
        # Unlike zstandard's reader this one raises on a file that was cut short.
        with pa.CompressedInputStream(pa.PythonFile(raw), codec) as plain:
            yield io.BufferedReader(plain, 1 << 20)


def _document(line: bytes, source: str, columns: Columns, longest: int) -> Document:
    if len(line) <= longest:
        return _parse_line(line, source, columns)
    doc_id = None if columns.doc_id else source
    document = Document(source=source, doc_id=doc_id, num_bytes=len(line))
    return refuse(document, Reason.TOO_LARGE, f"line longer than {longest} bytes")


def _lines(stream: IO[bytes], split: Split, longest: int) -> Iterator[tuple[int, list[bytes]]]:
    """Lines that begin within the split, with the offset of each in the uncompressed file. Each in
    a list, so that who takes it out holds all there is of it: it may have 256 MB."""
    compressed = split.codec is not None
    offset = 0
    if split.start:
        stream.seek(split.start - 1)
        offset = split.start - 1 + _skip_line(stream)
    while compressed or offset < split.end:
        line = stream.readline(longest + 1)
        if not line:
            return
        begin, size = offset, len(line)
        if size > longest and not line.endswith(b"\n"):
            size += _skip_line(stream)
        offset += size
        if begin == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")
        lines = [line]
        del line
        yield begin, lines


def _skip_line(stream: IO[bytes]) -> int:
    size = 0
    while part := stream.readline(1 << 20):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size


def _parse_line(line: bytes, source: str, columns: Columns) -> Document:
    document = Document(
        source=source, doc_id=None if columns.doc_id else source, num_bytes=len(line)
    )
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = _parse_leniently(line, document)
    if not isinstance(record, dict):
        if document.reason is None:
            refuse(document, Reason.BROKEN_LINE, f"a JSON {type(record).__name__}, not an object")
        return document
    if columns.doc_id:
        document.doc_id = _record_id(record, columns.doc_id, source)
    if document.reason is None:
        if columns.content not in record:
            return refuse(document, Reason.NULL, f"no column {columns.content}")
        _take_content(document, record[columns.content], columns)
    return document


def _parse_leniently(line: bytes, document: Document) -> Any:
    """What orjson refuses: say why, and still read the id where that can be done."""
    text = line.decode("utf-8", errors="replace")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        refuse(document, Reason.BROKEN_LINE, str(error)[:200])
        return None
    if not is_utf8(line):
        refuse(document, Reason.INVALID_UTF8, "the line is not valid UTF-8")
    return record


def _record_id(record: dict[str, Any], column: str, source: str) -> str:
    value = record.get(column)
    if isinstance(value, str) and _encodes(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InputError(
        f"--id-column {column}: {json.dumps(value)[:80]} at {source}; ids are strings or integers"
    )


def _take_content(document: Document, value: Any, columns: Columns) -> None:
    if columns.tokens:
        if isinstance(value, list) and all(type(i) is int and abs(i) < 2**62 for i in value):
            document.content = value
        elif value is not None:
            refuse(document, Reason.INVALID_TOKENS, "not a list of integers")
    elif isinstance(value, str):
        if _encodes(value):
            document.content = value
        else:
            refuse(document, Reason.LONE_SURROGATE, "half of a surrogate pair in the text")
    elif value is not None:
        refuse(document, Reason.NOT_TEXT, f"a JSON {type(value).__name__} in {columns.content}")


def _encodes(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_lines(file: InputFile, columns: Columns) -> None:
    """The columns must be in one of the first lines of the first file."""
    name, split = file.name, whole_file(file)
    seen: set[str] = set()
    try:
        with _open_lines(split) as stream:
            for _, lines in itertools.islice(_lines(stream, split, 1 << 26), _SAMPLE_LINES):
                try:
                    record = json.loads(lines[0])
                except (ValueError, RecursionError):
                    continue
                seen |= set(record) if isinstance(record, dict) else set()
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(name, error) from None
    option = "--tokens-column" if columns.tokens else "--text-column"
    named = {
        option: columns.content,
        "--id-column": columns.doc_id,
        "--bucket-column": columns.bucket,
    }
    for flag, column in named.items():
        if seen and column is not None and column not in seen:
            raise no_column(flag, column, name, sorted(seen))
