"""The header of a Parquet page, which Arrow reads but does not tell.

It is a struct PageHeader in Thrift's compact protocol. Of its fields, those are kept that say where
the page ends, how it is encoded, and what its checksum is. Source: parquet.thrift of the Parquet
format, and "Thrift Compact protocol encoding".
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

# The values of a struct by the numbers of their fields. What is of no use here has no value.
_Fields: TypeAlias = dict[int, Any]

_DATA_PAGE, _PLAIN, _RLE = 0, 0, 3  # PageType.DATA_PAGE, Encoding.PLAIN, Encoding.RLE
_DEPTH_MAX = 8
_VARINT_BYTES_MAX = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class PageHeader:
    """A data page of version 1, whose values are plain and whose levels are runs."""

    begin: int  # of its body, in the bytes that hold the header
    end: int
    uncompressed_size: int
    crc: int  # of the body, 0 .. 2^32 - 1
    num_values: int  # nulls and empty lists included


def page_header(data: memoryview, at: int) -> PageHeader:
    """Return the header of the page that begins there. Raises ValueError if it is no such page,
    has no checksum, or does not lie within the data."""
    try:
        fields, begin = _struct(data, at, _DEPTH_MAX)
        page, size = fields[5], fields[3]
        kind = (fields[1], page[2], page[3], page[4])
        header = PageHeader(
            begin=begin,
            end=begin + size,
            uncompressed_size=fields[2],
            crc=fields[4] & 0xFFFFFFFF,
            num_values=page[1],
        )
    except (KeyError, IndexError, TypeError):
        raise ValueError("the header of a page is not whole") from None
    if kind != (_DATA_PAGE, _PLAIN, _RLE, _RLE):
        raise ValueError("a page is not a plain data page of version 1")
    if not begin <= header.end <= len(data) or header.uncompressed_size < 0:
        raise ValueError("a page does not lie within its column")
    return header


def _struct(data: memoryview, at: int, depth: int) -> tuple[_Fields, int]:
    """Return the fields of a struct, and where it ends."""
    fields: _Fields = {}
    number = 0
    while head := data[at]:
        at += 1
        step, kind = head >> 4, head & 15
        if step:
            number += step
        else:
            number, at = _zigzag(data, at)
        fields[number], at = _value(data, at, kind, depth)
    return fields, at + 1


def _value(data: memoryview, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):  # true, false
        return kind == 1, at
    if kind == 3:  # a byte
        return None, at + 1
    if kind in (4, 5, 6):  # integers of 16, 32 and 64 bits
        return _zigzag(data, at)
    if kind == 7:  # a float
        return None, at + 8
    if kind == 8:  # bytes
        size, at = varint(data, at)
        return None, at + size
    if kind == 12 and depth:
        return _struct(data, at, depth - 1)
    raise ValueError("the header of a page holds what no header of a page has")


def _zigzag(data: memoryview, at: int) -> tuple[int, int]:
    number, at = varint(data, at)
    return (number >> 1) ^ -(number & 1), at


def varint(data: memoryview | bytes, at: int) -> tuple[int, int]:
    """Return the unsigned number that begins there, seven bits a byte, and where it ends."""
    number = 0
    for place in range(_VARINT_BYTES_MAX):
        byte = data[at + place]
        number |= (byte & 127) << (7 * place)
        if byte < 128:
            return number, at + place + 1
    raise ValueError("a number does not end")
