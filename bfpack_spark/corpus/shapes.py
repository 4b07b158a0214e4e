"""Files that are called JSONL and are something else: how they look, and what to do about it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bfpack_spark.errors import InputError

HEAD_BYTES = 1 << 16
_LINE_BYTES = 1 << 12


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a file or a line looks like, and how to make lines of objects of it."""

    looks_like: str
    remedy: str


ARRAY = Shape(looks_like="a JSON array", remedy="`jq -c '.[]' FILE` prints an object a line")
PRETTY = Shape(
    looks_like="JSON whose objects have several lines",
    remedy="`jq -c . FILE` prints an object a line",
)
UTF_16 = Shape(looks_like="UTF-16", remedy="`iconv -f UTF-16 -t UTF-8 FILE` prints it as UTF-8")
UTF_32 = Shape(looks_like="UTF-32", remedy="`iconv -f UTF-32 -t UTF-8 FILE` prints it as UTF-8")
HOLE = Shape(looks_like="a hole that a crash left (NUL bytes)", remedy="write FILE anew")
OLD_MAC = Shape(
    looks_like="lines that end in CR alone", remedy="`tr '\\r' '\\n' < FILE` ends them in LF"
)

# The first pattern that matches the beginning of a file decides. Text without a mark is told by
# where the zeros lie in its first characters.
_ENCODINGS = {
    UTF_32: rb"\xff\xfe\0\0|\0\0\xfe\xff|([^\0]\0\0\0){2}|(\0\0\0[^\0]){2}",
    UTF_16: rb"\xff\xfe|\xfe\xff|([^\0]\0){3}|(\0[^\0]){3}",
}
_BEGINNINGS = _ENCODINGS | {
    HOLE: rb"\0{16}",
    ARRAY: rb"\s*\[",
    OLD_MAC: rb"\s*\{[^\n]*\}[ \t]*\r[ \t]*[\r{]",
    PRETTY: rb"\s*\{[^\n]*\n\s*[\"}]",
}
# The same for one line that cannot be read.
_LINES = {
    UTF_16: rb"(\xff\xfe|\xfe\xff)?\0?([^\0]\0){2}",
    HOLE: rb"\0",
    ARRAY: rb"\s*(\[|,|\]\s*$|\{.*\}\s*,\s*$)",
    OLD_MAC: rb"\s*\{.*\}[ \t]*\r[ \t]*[\r{]",
    PRETTY: rb"\s*(\{\s*$|\}|\"[^\"]*\"\s*:|\{.*,\s*$)",
}


def encoding_of(head: bytes) -> Shape | None:
    """Return the encoding of a file that begins like this, or None if it is UTF-8 or not told."""
    return _first_match(_ENCODINGS, head)


def shape_of_file(head: bytes) -> Shape | None:
    """Return what a file looks like that begins like this and holds no line that is an object."""
    return _first_match(_BEGINNINGS, head[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf"))


def hint(line: bytes) -> str:
    """Return what a line that is not an object looks like, as an addition to the error about it."""
    shape = _first_match(_LINES, line[:_LINE_BYTES])
    return "" if shape is None else f"; it looks like {shape.looks_like}"


def misshapen(name: str, shape: Shape) -> InputError:
    return InputError(
        f"--input: {name} looks like {shape.looks_like}, not like lines of JSON objects; "
        f"{shape.remedy}"
    )


def _first_match(patterns: dict[Shape, bytes], text: bytes) -> Shape | None:
    shapes: Iterator[Shape] = (s for s, p in patterns.items() if re.match(p, text, re.DOTALL))
    return next(shapes, None)
