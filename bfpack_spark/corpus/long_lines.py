"""A line that may be of any size: it is gathered in memory of its own and never parsed as a whole.

A JSON value of 3 bytes becomes an object of 72 bytes in Python, so a line of over 4 MB is not
parsed. Only the wanted columns are found in it; everything else is checked and passed over without
making objects. The memory is given back to the system together with the line.
"""

import functools
import mmap
from typing import Any

import msgspec
import pyarrow as pa

MARK = b"\xef\xbb\xbf"  # UTF-8 as Windows writes it
LONG_BYTES = 4 << 20  # a line of at most so many may be parsed, which takes at most 100 MB
_HEAD_BYTES = 1 << 10
_MISSING = msgspec.Raw(b"")


class LongLine:
    """A line that is added part by part. If it has `longest` bytes or more, its end included, only
    its size and its beginning are kept."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        # The map has the largest possible size; pages that are not written to cost nothing.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._pages: mmap.mmap | None = mmap.mmap(-1, longest, flags=flags) if longest else None
        self._size = 0
        self._blank = True  # not counting a mark at its beginning
        self.head = b""

    def __len__(self) -> int:
        return self._size

    def isspace(self) -> bool:
        return self._blank and not self.head.startswith(MARK)

    def add(self, part: bytes) -> None:
        begin = self._size
        self._size += len(part)
        rest = part.removeprefix(MARK) if begin == 0 else part
        self._blank = self._blank and (not rest or rest.isspace())
        if begin < _HEAD_BYTES:
            self.head = (self.head + part)[:_HEAD_BYTES]
        if self._size >= self._longest:
            self._pages = None
        elif self._pages is not None:
            self._pages[begin : self._size] = part

    def without_mark(self) -> "LongLine":
        """Return the line with spaces in place of the mark at its beginning, so that all places
        stay the same."""
        if self.head.startswith(MARK):
            self.head = b" " * len(MARK) + self.head[len(MARK) :]
            if self._pages is not None:
                self._pages[: len(MARK)] = b" " * len(MARK)
        return self

    def view(self) -> memoryview | None:
        """Return its bytes without a copy, or None if it was too long to be kept."""
        return None if self._pages is None else memoryview(self._pages)[: self._size]

    def close(self) -> None:
        """Give the memory up as soon as no view of it is left."""
        self._pages = None


def find_columns(line: memoryview, names: frozenset[str]) -> dict[str, memoryview]:
    """Return the JSON of each of these columns that the object has, as views. If a name occurs
    twice, the last value counts. Raises ValueError if the line is not a JSON object."""
    decoder, fields = _decoder(names)
    try:
        line_columns = decoder.decode(line)
    except msgspec.ValidationError as error:
        raise ValueError(f"no object ({error})") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    values = {name: getattr(line_columns, field) for field, name in fields.items()}
    return {name: memoryview(raw) for name, raw in values.items() if raw is not _MISSING}


@functools.lru_cache(maxsize=16)
def _decoder(names: frozenset[str]) -> tuple["msgspec.json.Decoder[Any]", dict[str, str]]:
    fields = {f"column_{number}": name for number, name in enumerate(sorted(names))}
    told = [
        (field, msgspec.Raw, msgspec.field(default=_MISSING, name=name))
        for field, name in fields.items()
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Wanted", told)), fields


def is_utf8_view(view: memoryview) -> bool:
    """Tell whether all of it is UTF-8, without a copy."""
    offsets = pa.py_buffer(pa.array([0, len(view)], pa.int64()).buffers()[1])
    whole = pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(view)])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
