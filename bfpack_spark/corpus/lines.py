"""Lines that are not blank, each with the place of its first byte in the plain file.

A range of a file yields the lines that begin in it, and reads on to the end of the last one. A
block is split into lines at once, which takes 0.6 us a line. Blank lines are dropped, and long runs
of them at once. A line of over 4 MB is a LongLine.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TypeAlias

from bfpack_spark.corpus.long_lines import LONG_BYTES, MARK, LongLine


@dataclass(frozen=True, kw_only=True)
class LineSizes:
    """How a file of lines is read."""

    block_bytes: int = 1 << 18
    long_bytes: int = LONG_BYTES  # a line of more is a LongLine
    run: int = 16  # so many ends of lines in a row are dropped at once


LINES = LineSizes()

Line: TypeAlias = bytes | LongLine


def read_range(
    stream: IO[bytes], start: int, end: int, *, block_bytes: int = LINES.block_bytes
) -> Iterator[bytes]:
    """Yield blocks of a file from a place on. One ends at `end`: few readers read on behind it."""
    stream.seek(start)
    place = start
    while block := stream.read(min(block_bytes, end - place) if place < end else block_bytes):
        place += len(block)
        yield block


def first_line(
    stream: IO[bytes], start: int, end: int, *, block_bytes: int = LINES.block_bytes
) -> int:
    """Return where the first line begins that begins in the range, or `end` if none does. Only the
    range is searched: otherwise each of a thousand ranges would read all of one huge line."""
    if start == 0:
        return 0
    place = start - 1
    for block in read_range(stream, place, end, block_bytes=block_bytes):
        end_of_line = block.find(b"\n")
        if end_of_line >= 0:
            return min(place + end_of_line + 1, end)
        place += len(block)
        if place >= end:
            break
    return end


class Lines:
    """The lines that begin in [start, end) of the bytes that `blocks` hold from `start` on."""

    def __init__(
        self,
        blocks: Iterable[bytes],
        *,
        start: int,
        end: float,
        longest: int,
        sizes: LineSizes = LINES,
    ) -> None:
        self._blocks = iter(blocks)
        self._start, self._end, self._longest, self._sizes = start, end, longest, sizes
        self._behind = b""  # the bytes of a block that lie behind the range
        self.num_bytes = 0  # bytes of all lines so far, with blank lines and ends of lines

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        begin = place = self._start
        pending = _Pending(self._longest, self._sizes.long_bytes)
        for chunk in _apart(self._in_range(), self._sizes.run):
            place += len(chunk)
            lines = _split(chunk)
            tail = lines.pop()
            if lines:
                first = pending.take(lines[0])
                length = len(first) + 1
                if says(first := without_mark(first, begin)):
                    yield begin, first
                del first
                begin += length
                for line in lines[1:]:
                    if line and not line.isspace():
                        yield begin, line
                    begin += len(line) + 1
                begin = place - len(tail)
            pending.add(tail)
        self.num_bytes = begin - self._start
        if len(pending):
            ended = self._finish(pending)
            last = pending.take(b"")
            self.num_bytes += len(last) + ended
            if says(last := without_mark(last, begin)):
                yield begin, last

    def _in_range(self) -> Iterator[bytes]:
        room = self._end - self._start
        for block in self._blocks:
            if len(block) > room:
                inside = int(room)
                self._behind = block[inside:]
                yield block[:inside]
                return
            yield block
            room -= len(block)
            if not room:
                return

    def _finish(self, pending: "_Pending") -> int:
        """Read the line that goes on behind the range. Returns 1 if it has an end, else 0."""
        block = self._behind
        while True:
            part, end, _ = block.partition(b"\n")
            pending.add(part)
            if end:
                return 1
            block = next(self._blocks, b"")
            if not block:
                return 0


class _Pending:
    """The beginning of a line whose end has not been read."""

    def __init__(self, longest: int, long_bytes: int) -> None:
        self._longest, self._long_bytes = longest, long_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._long: LongLine | None = None

    def __len__(self) -> int:
        return self._size

    def add(self, part: bytes) -> None:
        if not part:
            return
        self._size += len(part)
        if self._long is not None:
            self._long.add(part)
            return
        self._parts.append(part)
        if self._size > self._long_bytes:
            self._long = LongLine(self._longest)
            self._long.add(b"".join(self._parts))
            self._parts = []

    def take(self, part: bytes) -> Line:
        """Return the line that this part ends. Nothing is pending afterwards."""
        if not self._size:
            return part
        self.add(part)
        line: Line = self._long if self._long is not None else b"".join(self._parts)
        self._parts, self._size, self._long = [], 0, None
        return line


def says(line: Line) -> bool:
    """Tell whether there is anything but white space in a line."""
    return len(line) > 0 and not line.isspace()


def without_mark(line: Line, place: int) -> Line:
    """Return the line, without the mark of UTF-8 if it is the first line of a file."""
    if place:
        return line
    return line.removeprefix(MARK) if isinstance(line, bytes) else line.without_mark()


def _apart(blocks: Iterable[bytes], run: int) -> Iterator[bytes]:
    """Yield the same bytes, in chunks that are runs of so many newlines, or hold no such run."""
    shortest, runs = b"\n" * run, re.compile(rb"(\n{%d,})" % run)
    for block in blocks:
        if shortest in block:
            yield from filter(None, runs.split(block))
        else:
            yield block


def _split(chunk: bytes) -> list[bytes]:
    """Return the lines of a chunk. Of white space alone, only the first and the last."""
    if not chunk.isspace() or b"\n" not in chunk:
        return chunk.split(b"\n")
    return [chunk[: chunk.index(b"\n")], chunk[chunk.rindex(b"\n") + 1 :]]
