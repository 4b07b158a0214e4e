"""Which split a row group of a Parquet file belongs to, and whether the footer can be right.

A row group stands for one byte of its file, whatever the footer says about where its columns lie.
If the row groups share the file's bytes by their sizes and in the order of the footer, this byte is
the middle of the row group's share. Splits divide the file's bytes, so each row group lies in
exactly one split. In a file of 100 bytes, row groups of 30 and 10 stand for bytes 37 and 87.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import pyarrow.parquet as pq

from bfpack_spark.errors import InputError


@dataclass(frozen=True, kw_only=True)
class RowGroup:
    """A row group that has rows."""

    number: int
    first_row: int
    num_rows: int
    place: int  # the byte of the file that it stands for


def row_groups(metadata: pq.FileMetaData, size: int) -> Iterator[RowGroup]:
    """Yield the row groups that have rows, in order, of a file of `size` bytes."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    places = places_of([group.total_byte_size for group in groups], size)
    first_row = 0
    for number, (group, place) in enumerate(zip(groups, places, strict=True)):
        if group.num_rows:
            yield RowGroup(number=number, first_row=first_row, num_rows=group.num_rows, place=place)
        first_row += group.num_rows


def places_of(sizes: list[int], num_bytes: int) -> list[int]:
    """Return a byte of `num_bytes` for each size. The sizes, from a footer, may be any numbers."""
    weights = [max(size, 1) for size in sizes]
    ends = list(accumulate(weights))
    return [
        (2 * end - weight) * num_bytes // (2 * ends[-1])
        for weight, end in zip(weights, ends, strict=True)
    ]


def stored_bytes(metadata: pq.FileMetaData, number: int) -> int:
    """Return how many bytes a row group takes in the file."""
    group = metadata.row_group(number)
    return sum(max(group.column(i).total_compressed_size, 0) for i in range(group.num_columns))


def check_footer(metadata: pq.FileMetaData, size: int, leaves: list[int], name: str) -> None:
    """Raise InputError if the row groups do not hold the number of rows that the footer tells, or
    if two columns that are read claim the same bytes, or bytes beyond the file. `leaves` holds the
    numbers of the columns that are read. (An offset that leads into another row group's pages would
    pass every other check: those pages are whole, and their checksums are right.)"""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    rows = [group.num_rows for group in groups]
    if min(rows, default=0) < 0 or sum(rows) != metadata.num_rows:
        raise _damaged(name, f"its row groups hold {sum(rows):,} of {metadata.num_rows:,} rows")
    spans = sorted(
        _span(group.column(leaf)) for group in groups for leaf in leaves if group.num_rows
    )
    if spans and (spans[0][0] < 0 or max(end for _, end in spans) > size):
        raise _damaged(name, "its columns lie beyond its bytes")
    if any(begin < end for (_, end), (begin, _) in pairwise(spans)):
        raise _damaged(name, "two of its columns lie in the same bytes")


def _span(column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    begin = column.data_page_offset
    if column.has_dictionary_page and column.dictionary_page_offset:
        begin = min(begin, column.dictionary_page_offset)
    return begin, begin + column.total_compressed_size


def _damaged(name: str, why: str) -> InputError:
    return InputError(f"--input: {name}: its footer is damaged ({why}); write the file anew")
