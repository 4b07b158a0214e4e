"""Columns of lists in Parquet files, taken from the pages as they lie.

Arrow decodes two levels for each value, which say where lists begin and which values are null. That
takes longer than to decompress the values, and nearly all of it says the same: a list of seq_len
ids, and another one. Here the encoded levels of a page are looked up among those that were decoded
before, and the values, which ParquetOutput writes plainly, are not touched.

A column that is encoded in any other way, or is damaged, is left to Arrow, which reads it or says
what is wrong. Source: the Parquet format, "Nested Encoding", "Data Pages", and "Run Length Encoding
/ Bit-Packing Hybrid".
"""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from bfpack_spark.core.fragments import Int64
from bfpack_spark.files import access
from bfpack_spark.files.page_headers import page_header, varint

Bools = npt.NDArray[np.bool_]

_PRESENT, _NULL = 3, 2  # levels of a list's elements, where lists and elements may be null
_NUMBERS: dict[str, np.dtype[Any]] = {"INT32": np.dtype("<i4"), "INT64": np.dtype("<i8")}
_KNOWN_MAX = 256  # encoded levels that are kept with what they say


@dataclass(frozen=True, kw_only=True, slots=True)
class Lists:
    """A column of lists in the rows of a row group."""

    begins: Int64  # [rows + 1]: where each list begins among the elements, and the end
    numbers: npt.NDArray[Any] | None  # the elements of all lists end to end; None: of texts
    is_null: Bools | None  # of the elements; None: no element is null. No number is null

    def of_numbers(self) -> npt.NDArray[Any]:
        """Return the numbers. Raises ArrowInvalid if the elements are texts."""
        if self.numbers is None:
            raise pa.ArrowInvalid("it holds texts where numbers should be")
        return self.numbers

    def nulls(self) -> Bools:
        """Return which elements are null."""
        return np.zeros(self.begins[-1], np.bool_) if self.is_null is None else self.is_null


@dataclass(frozen=True, kw_only=True)
class ListFile:
    """A Parquet file that is open, of which columns of lists are read."""

    parquet: pq.ParquetFile
    raw: pa.NativeFile
    size: int  # in bytes
    leaves: dict[str, int]  # numbers of the columns by name

    def read(self, group: int, names: Sequence[str]) -> dict[str, Lists]:
        """Return columns of lists of a row group by name. They should lie near each other in the
        file: what is between them is read, too. The checksums of their pages are checked. Raises
        ArrowInvalid if a list or a number is null, and what Arrow raises on a damaged file."""
        chunks = {name: self._chunk(group, name) for name in names}
        try:
            return self._as_they_lie(chunks)
        except (ValueError, IndexError, struct.error, pa.ArrowException):
            table = self.parquet.read_row_group(group, columns=list(names), use_threads=False)
            return {name: _of_arrow(table, name) for name in names}

    def statistics(self, group: int, name: str) -> Any:
        """Return the statistics of a column in a row group. Raises ArrowInvalid if it has none."""
        statistics = self._chunk(group, name).statistics
        if statistics is None:
            raise pa.ArrowInvalid("its footer lacks statistics")
        return statistics

    def _chunk(self, group: int, name: str) -> pq.ColumnChunkMetaData:
        if name not in self.leaves:
            raise pa.ArrowInvalid(f"it has no column {name}")
        return self.parquet.metadata.row_group(group).column(self.leaves[name])

    def _as_they_lie(self, chunks: Mapping[str, pq.ColumnChunkMetaData]) -> dict[str, Lists]:
        begins = [chunk.data_page_offset for chunk in chunks.values()]
        sizes = [chunk.total_compressed_size for chunk in chunks.values()]
        first = min(begins)
        end = max(map(sum, zip(begins, sizes, strict=True)))
        if min(sizes) < 0 or not 0 <= first <= end <= self.size:
            raise ValueError("a column does not lie within the file")
        data = memoryview(self.raw.read_at(end - first, first))
        places = [slice(b - first, b - first + s) for b, s in zip(begins, sizes, strict=True)]
        parts = zip(chunks.items(), places, strict=True)
        return {name: _lists(chunk, data[place]) for (name, chunk), place in parts}


@contextmanager
def open_lists(path: str) -> Iterator[ListFile]:
    """Open a Parquet file to read columns of lists. Raises what Arrow raises."""
    with access.open_parquet_and_bytes(path) as (parquet, raw):
        schema = parquet.metadata.schema
        leaves = {schema.column(n).path.partition(".")[0]: n for n in range(len(schema))}
        yield ListFile(parquet=parquet, raw=raw, size=raw.size(), leaves=leaves)


# As they lie. What is not as ParquetOutput writes it raises an error, and Arrow reads it.


def _lists(chunk: pq.ColumnChunkMetaData, data: memoryview) -> Lists:
    if chunk.compression != "ZSTD":
        raise ValueError("its compression is another")
    kind = _NUMBERS.get(chunk.physical_type)
    levels: list[Lists] = []
    numbers: list[npt.NDArray[Any]] = []
    for page, num_elements in _pages(chunk, data):
        lists, at = _sized(page, 0)
        nulls, at = _sized(page, at)
        levels.append(_levels(lists, nulls, num_elements))
        if kind is not None:
            numbers.append(np.frombuffer(page[at:], dtype=kind))
    begins, is_null = _together(levels)
    if begins[0] != 0 or begins[-1] != chunk.num_values:
        raise ValueError("a page is missing")
    if kind is not None and sum(map(len, numbers)) != chunk.num_values:
        raise ValueError("a number is null")
    together = np.concatenate(numbers) if len(numbers) > 1 else next(iter(numbers), None)
    return Lists(begins=begins, numbers=together, is_null=is_null)


def _pages(chunk: pq.ColumnChunkMetaData, data: memoryview) -> Iterator[tuple[memoryview, int]]:
    """Yield each page without its compression, and the number of its elements."""
    at = 0
    while at < len(data):
        header = page_header(data, at)
        body, at = data[header.begin : header.end], header.end
        larger = header.uncompressed_size > chunk.total_uncompressed_size
        if larger or header.num_values > chunk.num_values:
            raise ValueError("a page is larger than its column")
        if zlib.crc32(body) != header.crc:
            raise ValueError("the checksum of a page is another")
        page = pa.decompress(body, header.uncompressed_size, codec="zstd")
        yield memoryview(page), header.num_values


def _sized(page: memoryview, at: int) -> tuple[bytes, int]:
    """Return bytes that follow their number, and where they end."""
    (size,) = struct.unpack_from("<I", page, at)
    begin, end = at + 4, at + 4 + size
    if end > len(page):
        raise ValueError("the levels of a page are not whole")
    return bytes(page[begin:end]), end


@lru_cache(maxsize=_KNOWN_MAX)
def _levels(lists: bytes, nulls: bytes, num_elements: int) -> Lists:
    """Return what the encoded levels of repetition and of definition say of a page: where the lists
    begin that begin in it, its end, and the nulls."""
    in_list = decoded_levels(lists, 1, num_elements)
    defined = decoded_levels(nulls, 2, num_elements)
    is_null = defined == _NULL
    if not (is_null | (defined == _PRESENT)).all():
        raise ValueError("a list is null or empty")
    begins = np.append(np.flatnonzero(in_list == 0), num_elements)
    for shared in (begins, is_null):
        shared.flags.writeable = False
    return Lists(begins=begins, numbers=None, is_null=is_null if is_null.any() else None)


def _together(levels: Sequence[Lists]) -> tuple[Int64, Bools | None]:
    """Return where lists begin in pages that follow each other, and the end; and the nulls."""
    if len(levels) == 1:  # nearly always
        return levels[0].begins, levels[0].is_null
    firsts = np.cumsum([0, *(page.begins[-1] for page in levels)])
    begins = [page.begins[:-1] + first for page, first in zip(levels, firsts, strict=False)]
    nulls = [page.nulls() for page in levels]
    is_null = None if all(page.is_null is None for page in levels) else np.concatenate(nulls)
    return np.concatenate([*begins, firsts[-1:]]), is_null


def decoded_levels(encoded: bytes, width: int, count: int) -> npt.NDArray[np.uint8]:
    """Return so many numbers of `width` bits, at most 8, from runs of equal numbers and of packed
    ones. Raises ValueError or IndexError if there are fewer."""
    numbers = np.empty(count, dtype=np.uint8)
    at = done = 0
    while done < count:
        head, at = varint(encoded, at)
        if head & 1:  # packed, in eights, of which the last may have more than there are
            size = (head >> 1) * width
            bits = np.frombuffer(encoded, np.uint8, size, at)
            bits = np.unpackbits(bits, bitorder="little").reshape(-1, width)
            run = np.packbits(bits, axis=1, bitorder="little")[: count - done, 0]
        else:
            size = 1
            run = np.full(min(head >> 1, count - done), encoded[at], dtype=np.uint8)
        if not len(run):
            raise ValueError("a run of levels is empty")
        numbers[done : done + len(run)] = run
        at, done = at + size, done + len(run)
    return numbers


# By Arrow


def _of_arrow(table: pa.Table, name: str) -> Lists:
    column = table.column(name)
    lists = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    begins = np.frombuffer(lists.buffers()[1], dtype=np.int32)
    begins = begins[lists.offset : lists.offset + len(lists) + 1].astype(np.int64)
    elements = lists.values[begins[0] : begins[-1]]
    is_number = pa.types.is_integer(elements.type)
    if lists.null_count or (is_number and elements.null_count):
        raise pa.ArrowInvalid(f"{name} holds a null")
    return Lists(
        begins=begins - begins[0],
        numbers=_numbers_of(elements) if is_number else None,
        is_null=_nulls_of(elements),
    )


def _numbers_of(elements: pa.Array) -> npt.NDArray[Any]:
    kind = np.dtype(str(elements.type))
    return np.frombuffer(elements.buffers()[1] or b"", dtype=kind)[elements.offset :][
        : len(elements)
    ]


def _nulls_of(elements: pa.Array) -> Bools | None:
    """Return which elements are null. `is_null` and `to_numpy` would import pandas."""
    bitmap = elements.buffers()[0]
    if bitmap is None or not elements.null_count:
        return None
    bits = np.unpackbits(np.frombuffer(bitmap, dtype=np.uint8), bitorder="little")
    return ~bits[elements.offset :][: len(elements)].view(np.bool_)
