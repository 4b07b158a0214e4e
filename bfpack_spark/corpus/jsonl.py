"""Documents from lines of JSON, plain or compressed. A document's place is the first byte of its
line.

Spark's JSON reader knows no position, loses the id of a line with invalid UTF-8 and turns a lone
surrogate into `?`; that is why this reader exists. It holds no line that is longer than a bound,
and parses no line that could take far more memory when parsed (long_lines.py).
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa

from bfpack_spark.corpus.codecs import Decompressed
from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import (
    Columns,
    Document,
    no_bucket,
    no_column,
    refuse,
    unreadable,
)
from bfpack_spark.corpus.inventory import InputFile, Split, whole_file
from bfpack_spark.corpus.json_values import (
    parse_line,
    parse_long_line,
    take_beside,
    take_bucket,
    take_content,
    take_id,
)
from bfpack_spark.corpus.lines import LINES, Line, Lines, first_line, read_range
from bfpack_spark.corpus.long_lines import find_columns
from bfpack_spark.corpus.shapes import ARRAY, misshapen, shape_of_file
from bfpack_spark.files import access
from bfpack_spark.schema import Reason

# The line of a document of 256 MB in which every character is escaped (json.dumps makes 6 bytes
# of 2).
_LINE_BYTES_MAX = 769 << 20
_FEW_LINES = 1000
_FEW_BYTES = 64 << 20


def read_lines(split: Split, columns: Columns, max_bytes: int, tally: Tally) -> Iterator[Document]:
    """Yield the documents of the lines that begin in a split. Raises InputError if the file is not
    JSONL."""
    # Escapes and other columns make a line longer than its text.
    longest = min(_LINE_BYTES_MAX, 16 * max_bytes + (1 << 20))
    if columns.bucket:  # the bucket must be read, however long the line is
        longest = _LINE_BYTES_MAX
    reader = _Reader(split.name, columns, longest, max_bytes)
    with _open_lines(split, longest) as (lines, counted):
        # With map, no document is held here while the caller works on it.
        yield from filter(None, map(reader.document, lines))
    tally.add(split.name, rows=reader.num_lines, num_bytes=counted.num_bytes)
    if split.start == 0 and reader.num_objects < min(reader.num_lines, 2):
        _check_shape(split)


def read_line_values(split: Split, column: str) -> Iterator[pa.Array]:
    """Yield the values of a column of buckets, as strings. Every line is parsed for this."""
    columns = Columns(content="", doc_id=None, bucket=column)
    reader = _Reader(split.name, columns, _LINE_BYTES_MAX, 0)
    with _open_lines(split, _LINE_BYTES_MAX) as (lines, _):
        values = map(reader.bucket, lines)
        while some := list(itertools.islice(values, _FEW_LINES)):
            yield pa.array(some, pa.string())


def check_lines(file: InputFile, columns: Columns, named: Mapping[str, str]) -> None:
    """Raise InputError if a column that an option names is in none of the first lines, or if the
    file does not look like lines of objects."""
    split = whole_file(file)
    reader = _Reader(file.name, columns, _FEW_BYTES, 0)
    seen: set[str] = set()
    num_objects = 0
    for line in _first_lines(split):
        record = reader.parse(line, Document(source=file.name, doc_id=None))
        num_objects += record is not None
        seen.update(record or ())
    if num_objects < 2:
        _check_shape(split)
    for flag, column in named.items():
        if seen and column not in seen:
            raise no_column(flag, column, file.name, sorted(seen))


class _Reader:
    """A reader that makes documents of lines, and counts lines and objects."""

    def __init__(self, name: str, columns: Columns, longest: int, max_bytes: int) -> None:
        self._name, self._columns = name, columns
        self._longest, self._max_bytes = longest, max_bytes
        self.num_lines = self.num_objects = 0

    def document(self, numbered: tuple[int, Line]) -> Document | None:
        """Return the document of a line, or None if it belongs to another bucket."""
        place, line = numbered
        columns = self._columns
        self.num_lines += 1
        source = f"{self._name}@{place}"
        doc_id = None if columns.doc_id else source
        document = Document(source=source, doc_id=doc_id, num_bytes=len(line))
        record = self.parse(line, document)
        self.num_objects += record is not None
        if columns.bucket and self._bucket(record, document, line) != columns.wanted:
            return None
        if record is None:
            return document
        if columns.doc_id:
            document.doc_id = take_id(record, columns.doc_id, source, line)
        if document.reason is None:
            if columns.content not in record:
                return refuse(document, Reason.NULL, f"no column {columns.content}")
            take_content(document, record[columns.content], columns)
        if document.reason is None and columns.beside:
            take_beside(document, record.get(columns.beside), columns)
        return document

    def bucket(self, numbered: tuple[int, Line]) -> str:
        """Return the bucket of a line."""
        place, line = numbered
        document = Document(source=f"{self._name}@{place}", doc_id=None)
        return self._bucket(self.parse(line, document), document, line)

    def parse(self, line: Line, document: Document) -> dict[str, Any] | None:
        """Return the object of a line, and give the line's memory up if it is long. If there is no
        object, refuse the document and return None."""
        if not isinstance(line, bytes):
            record = parse_long_line(line, document, self._columns, self._max_bytes)
            line.close()
            return record
        if len(line) >= self._longest:  # the end of the line counts too
            refuse(document, Reason.TOO_LARGE, f"line longer than {self._longest} bytes")
            return None
        return parse_line(line, document, all_integers=self._columns.chat is not None)

    def _bucket(self, record: dict[str, Any] | None, document: Document, line: Line) -> str:
        column = self._columns.bucket
        assert column is not None, "asked for where there is one"
        if record is None:
            raise no_bucket(
                column, f"a line that is no JSON object ({document.detail})", document.source
            )
        return take_bucket(record, column, document.source, line)


# Files


@contextmanager
def _open_blocks(split: Split) -> Iterator[tuple[Iterable[bytes], int]]:
    """Open a file and yield its plain bytes from the split's first line on, and the place where
    they begin. Raises InputError if they cannot be read."""
    try:
        with access.open_binary(split.path) as raw:
            if split.codec is not None:
                yield Decompressed(raw, split.codec), 0
            else:
                start = first_line(raw, split.start, split.end)
                yield read_range(raw, start, split.end), start
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(split.name, error) from None


@contextmanager
def _open_lines(split: Split, longest: int) -> Iterator[tuple[Lines, Decompressed | Lines]]:
    """Open a split and yield the lines that begin in it, and the object that counts the bytes that
    were read of the file."""
    with _open_blocks(split) as (blocks, start):
        end = math.inf if isinstance(blocks, Decompressed) else split.end
        lines = Lines(blocks, start=start, end=end, longest=longest)
        yield lines, blocks if isinstance(blocks, Decompressed) else lines


def _first_lines(split: Split) -> Iterator[Line]:
    """Yield up to 1,000 lines of the first 64 MB of a file. The last line may be cut short."""
    with _open_blocks(replace(split, start=0)) as (blocks, _):
        few = itertools.islice(blocks, _FEW_BYTES // LINES.block_bytes)
        lines = Lines(few, start=0, end=math.inf, longest=_FEW_BYTES)
        yield from (line for _, line in itertools.islice(lines, _FEW_LINES))


def _check_shape(split: Split) -> None:
    """Raise InputError if the beginning of a file looks like something else than lines of objects,
    and its first lines confirm this. (An array with one object per line has one line that is an
    object: its last.)"""
    with _open_blocks(replace(split, start=0)) as (blocks, _):
        shape = shape_of_file(b"".join(itertools.islice(blocks, 4)))
    if shape is None:
        return
    num_objects, last = 0, b""
    for line in _first_lines(split):
        num_objects += _is_object(line)
        last = line.strip() if isinstance(line, bytes) else b""
    if num_objects <= (shape is ARRAY and last == b"]"):
        raise misshapen(split.name, shape)


def _is_object(line: Line) -> bool:
    if isinstance(line, bytes):
        return parse_line(line, Document(source="", doc_id=None)) is not None
    view = line.view()
    try:
        return view is not None and find_columns(view, frozenset()) is not None
    except ValueError:
        return False
