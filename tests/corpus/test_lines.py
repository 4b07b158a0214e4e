"""Lines of ranges and streams against bytes.split."""

import io
import itertools
import math

from hypothesis import example, given
from hypothesis import strategies as st

from bfpack_spark.corpus.lines import Lines, LineSizes, first_line, read_range
from bfpack_spark.corpus.long_lines import LongLine

LONGEST = 1 << 20
MARK = b"\xef\xbb\xbf"


def lines_of(raw: bytes) -> list[tuple[int, bytes]]:
    """(place, line) of every line that holds more than white space, without its end and without
    the mark at a file's beginning."""
    parts = raw.split(b"\n")
    places = itertools.accumulate((len(part) + 1 for part in parts[:-1]), initial=0)
    told = [
        (place, part if place else part.removeprefix(MARK))
        for place, part in zip(places, parts, strict=True)
    ]
    return [(place, part) for place, part in told if part.strip()]


# Blocks, runs and long lines so small that tiny files have all of them.
BLOCK = 7
TINY = LineSizes(block_bytes=BLOCK, long_bytes=10, run=3)


def lines_in(stream: io.BytesIO, start: int, end: int, longest: int = LONGEST) -> Lines:
    """The lines that begin in a range."""
    first = first_line(stream, start, end, block_bytes=BLOCK)
    blocks = read_range(stream, first, end, block_bytes=BLOCK)
    return Lines(blocks, start=first, end=end, longest=longest, sizes=TINY)


def as_bytes(line: bytes | LongLine) -> bytes:
    """A line's bytes; of a long one, as they are seen."""
    if isinstance(line, bytes):
        return line
    view = line.view()
    assert view is not None
    return bytes(view)


def in_range(raw: bytes, start: int, end: int) -> tuple[list[tuple[int, bytes]], int]:
    """The lines that begin in a range, and the bytes that it counts."""
    lines = lines_in(io.BytesIO(raw), start, end)
    found = [(place, as_bytes(line)) for place, line in lines]
    return found, lines.num_bytes


def without_indent(lines: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The first line without the spaces that stand for a mark in a long one."""
    return [(place, line if place else line.lstrip()) for place, line in lines]


PIECES = st.sampled_from(
    [b"\n", b"\r\n", b"\n\n\n\n", b" ", b"\t \n", b"\n" * 20, b"{}", b'"a long value"', b"\0", MARK]
)


@given(st.lists(PIECES, max_size=30), st.lists(st.integers(1, 200), max_size=6), st.booleans())
@example([b"{}", b"\n", b"{}", b"\n"], [1, 2, 3, 4, 5], True)
@example([b'"a long value"', b'"a long value"', b"\n", b"{}"], list(range(1, 31)), False)
@example([b"\n" * 20, b"{}", b"\n" * 20], list(range(1, 42)), False)
def test_ranges_of_a_file_tell_each_line_once_and_count_each_byte(
    pieces: list[bytes], cuts: list[int], marked: bool
) -> None:
    raw = (MARK if marked else b"") + b"".join(pieces)
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    found, counted = [], []
    for start, end in itertools.pairwise(edges):
        some, num_bytes = in_range(raw, start, end)
        assert all(start <= place < end for place, _ in some)
        found += some
        counted.append(num_bytes)
    assert without_indent(found) == without_indent(lines_of(raw))
    assert sum(counted) == len(raw)


@given(st.lists(PIECES, max_size=30), st.integers(1, 9), st.booleans())
def test_a_stream_tells_the_same_lines_in_blocks_of_any_size(
    pieces: list[bytes], size: int, marked: bool
) -> None:
    raw = (MARK if marked else b"") + b"".join(pieces)
    blocks = (raw[begin : begin + size] for begin in range(0, len(raw), size))
    lines = Lines(blocks, start=0, end=math.inf, longest=LONGEST, sizes=TINY)
    found = [(place, as_bytes(line)) for place, line in lines]
    assert without_indent(found) == without_indent(lines_of(raw))
    assert lines.num_bytes == len(raw)


class Watched(io.BytesIO):
    """Bytes that know how many of them were read."""

    num_read = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.num_read += len(data)
        return data


def test_a_line_over_many_ranges_is_read_where_it_begins() -> None:
    raw = b"{}\n" + b"x" * 1000 + b"\n{}\n"
    for start, end, wanted in [(0, 10, 1020), (10, 500, 500), (500, 1000, 510), (1000, 1007, 7)]:
        stream = Watched(raw)
        places = [place for place, _ in lines_in(stream, start, end, longest=50)]
        assert places == {0: [0, 3], 1000: [1004]}.get(start, [])
        assert stream.num_read <= wanted + 14, start


def test_of_a_line_beyond_the_bound_only_its_size_is_kept() -> None:
    raw = b"[" + b"x" * 97 + b"]\n{}\n" + b" " * 200 + b"\n" + b" " * 60 + b"y\n"
    (first, line), (second, _), (third, last) = Lines(
        [raw[:90], raw[90:]], start=0, end=math.inf, longest=50, sizes=TINY
    )
    assert isinstance(line, LongLine)
    assert isinstance(last, LongLine | bytes)
    assert (first, len(line), line.view(), line.head) == (0, 99, None, raw[:99])
    assert (second, third) == (100, 304)
