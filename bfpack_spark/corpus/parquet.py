"""Documents from row groups of Parquet files. A document's place is its row in the file."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.columns import check_column, check_schema, is_id, is_uuid
from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.decoded_sizes import check_inflation, rows_at_once
from bfpack_spark.corpus.documents import (
    READING,
    Columns,
    Documents,
    ReadingSizes,
    is_utf8,
    no_bucket,
    unreadable,
)
from bfpack_spark.corpus.inventory import Split
from bfpack_spark.corpus.row_groups import RowGroup, check_footer, row_groups, stored_bytes
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.schema import Reason


def read_parquet(
    split: Split, columns: Columns, tally: Tally, sizes: ReadingSizes = READING
) -> Iterator[Documents]:
    """Yield the documents of a split. If only one bucket is wanted, only the bucket column is read
    of row groups that do not hold the bucket."""
    with _parquet(split.path, split.name) as file:
        check_schema(file.schema_arrow, columns, split.name)
        reader = _Reader(file, split, columns, sizes)
        bucket = Columns(content=columns.bucket or "", doc_id=None)
        buckets = _Reader(file, split, bucket, sizes) if columns.bucket else None
        tally.footer(split.name, file.metadata.num_rows)
        for group in reader.row_groups():
            if buckets is None or buckets.holds(group, columns.wanted):
                yield from reader.documents(group)
            tally.add(split.name, rows=group.num_rows)


def read_column(split: Split, column: str) -> Iterator[pa.Array]:
    """Yield the values of a column of buckets, as strings. No other column is read."""
    with _parquet(split.path, split.name) as file:
        check_column(file.schema_arrow, "--bucket-column", column, is_id, split.name)
        reader = _Reader(file, split, Columns(content=column, doc_id=None), READING)
        for group in reader.row_groups():
            yield from reader.values(group)


def row_groups_of(path: str, name: str, size: int) -> list[tuple[int, int]]:
    """Return two numbers for each row group that has rows: the byte that it stands for in a file of
    `size` bytes, which decides the split that it belongs to, and how many bytes it takes."""
    with _parquet(path, name) as file:
        groups = row_groups(file.metadata, size)
        return [(group.place, stored_bytes(file.metadata, group.number)) for group in groups]


def check_parquet(path: str, name: str, columns: Columns) -> None:
    """Raise InputError if the file lacks a column or has it in a type that cannot be read."""
    with _parquet(path, name) as file:
        check_schema(file.schema_arrow, columns, name)


class _Reader:
    """An open file, of which some columns of one split are read. Raises InputError if the footer
    cannot be right, or if rows are deleted that the file does not have."""

    def __init__(
        self, file: pq.ParquetFile, split: Split, columns: Columns, sizes: ReadingSizes
    ) -> None:
        self._file, self._split, self._columns, self._sizes = file, split, columns, sizes
        paths = [file.schema.column(number).path for number in range(len(file.schema))]
        self._leaves = [  # the numbers of the file's columns that hold the wanted columns
            number
            for number, path in enumerate(paths)
            if any(path == name or path.startswith(f"{name}.") for name in columns.names)
        ]
        check_footer(file.metadata, split.size, self._leaves, split.name)
        deleted = np.frombuffer(split.deleted, dtype="<i8")
        if len(deleted) and (deleted[0] < 0 or deleted[-1] >= file.metadata.num_rows):
            raise InputError(
                f"--input: {split.name}: row {deleted[-1]} of it is deleted, it has "
                f"{file.metadata.num_rows:,} rows; repair the table"
            )

    def row_groups(self) -> Iterator[RowGroup]:
        """Yield the row groups that belong to the split."""
        every = row_groups(self._file.metadata, self._split.size)
        return (g for g in every if self._split.start <= g.place < self._split.end)

    def holds(self, group: RowGroup, bucket: str | None) -> bool:
        """Tell whether a column of buckets has this value in a row group. All of the column is
        read, so that its rows are counted."""
        every = list(self.values(group))
        return any(pc.any(pc.equal(values, bucket)).as_py() for values in every)

    def values(self, group: RowGroup) -> Iterator[pa.Array]:
        """Yield the values of a column of buckets in those rows of a row group that are not
        deleted."""
        column, row = self._columns.content, 0
        for batch in self._batches(group.number, 0):
            first = group.first_row + row
            row += len(batch)
            rows = _rows(first, len(batch), self._split)
            values = batch.column(column).take(pa.array(rows - first))
            if values.null_count:
                place = rows[values.is_null().to_pylist().index(True)]
                raise no_bucket(column, "null", f"{self._split.name}#{place}")
            yield _as_text(values)
        self._check_length(row, group)

    def documents(self, group: RowGroup) -> Iterator[Documents]:
        """Yield batches of documents. A reader holds a huge batch twice until its row group is
        done, so it is closed after one, and the next reader skips what was read."""
        batches = self._batches(group.number, 0)
        row = 0
        while (batch := next(batches, None)) is not None:
            documents = [_documents(batch, group.first_row + row, self._split, self._columns)]
            huge = batch.nbytes > self._sizes.huge_bytes
            row += len(batch)
            del batch  # else it would be kept in memory while the documents are worked on
            if huge:
                batches.close()
            yield documents.pop()
            if huge:
                batches = self._batches(group.number, row)
        self._check_length(row, group)

    def _check_length(self, num_rows: int, group: RowGroup) -> None:
        if num_rows != group.num_rows:
            raise InputError(
                f"--input: {self._split.name}: row group {group.number} gives {num_rows:,} rows, "
                f"the footer tells {group.num_rows:,}; write the file anew"
            )

    def _batches(self, number: int, skipped: int) -> Generator[pa.RecordBatch, None, None]:
        """Yield batches of a row group, of about `batch_bytes` as decoded. The first `skipped`
        rows, which must be whole batches, are left out."""
        metadata, sizes = self._file.metadata, self._sizes
        check_inflation(metadata, number, self._leaves, self._split.name, sizes)
        rows = rows_at_once(metadata, number, self._leaves, self._dictionary, sizes)
        row = num_bytes = 0
        pending: list[pa.RecordBatch] = []
        names = self._columns.names
        for batch in self._file.iter_batches(rows, row_groups=[number], columns=names):
            row += len(batch)
            if row <= skipped:
                continue
            pending.append(batch)
            num_bytes += batch.nbytes
            del batch  # else it would be kept in memory while the documents are worked on
            held = sum(map(len, pending))
            if num_bytes >= sizes.batch_bytes // 2 or held + rows > sizes.batch_rows:
                yield _taken(pending)
                num_bytes = 0
        if pending:
            yield _taken(pending)

    def _dictionary(self, number: int, column: str) -> pa.Array:
        """Return the texts of a column's dictionary in a row group. Only its first pages are
        read."""
        options: dict[str, Any] = {"metadata": self._file.metadata, "read_dictionary": [column]}
        options |= {"pre_buffer": False, "buffer_size": 1 << 16}
        with access.open_parquet(self._split.path, **options) as file:
            batch = next(file.iter_batches(1, row_groups=[number], columns=[column]))
        values = batch.column(column)
        return values.dictionary if pt.is_dictionary(values.type) else values


def _rows(first_row: int, num_rows: int, split: Split) -> Int64:
    """Return the numbers of those rows of a range that are not deleted."""
    rows = np.arange(first_row, first_row + num_rows)
    deleted = np.frombuffer(split.deleted, dtype="<i8")
    return rows[~np.isin(rows, deleted)] if len(deleted) else rows


def _taken(pending: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Join the batches to one and empty the list."""
    taken = pending[0] if len(pending) == 1 else pa.concat_batches(pending)
    pending.clear()
    return taken


def _documents(batch: pa.RecordBatch, first_row: int, split: Split, columns: Columns) -> Documents:
    rows = _rows(first_row, len(batch), split)
    source = [f"{split.name}#{row}" for row in rows.tolist()]
    if len(rows) < len(batch):
        batch = batch.take(pa.array(rows - first_row))
    if columns.bucket is not None:
        batch, source = _of_bucket(batch, source, columns)
    content = _decoded(batch.column(columns.content))
    reason: list[str | None] = [None] * len(batch)
    read_bytes = None
    if not columns.tokens:
        sizes = pc.binary_length(content)
        content, reason = _valid_text(content)
        read_bytes = sizes.to_pylist() if any(reason) else None
    ids = _column_ids(batch, columns.doc_id, source)
    return Documents(
        content=content,
        doc_id=ids,
        source=source,
        reason=reason,
        detail=[None] * len(batch),
        read_bytes=read_bytes,
    )


def _of_bucket(
    batch: pa.RecordBatch, source: list[str], columns: Columns
) -> tuple[pa.RecordBatch, list[str]]:
    """Return the rows of the wanted bucket, and their places."""
    values = _as_text(batch.column(columns.bucket))
    at = pc.indices_nonzero(pc.equal(values, columns.wanted))
    return batch.take(at), [source[index] for index in at.to_pylist()]


def _decoded(column: pa.Array) -> pa.Array:
    """Return dictionaries, views and lists of fixed size as the plain type of the same values."""
    kind = column.type
    if pt.is_null(kind):
        return column.cast(pa.large_binary())
    if pt.is_dictionary(kind):
        column = column.dictionary_decode()
    if pt.is_string_view(column.type):
        return column.cast(pa.large_string())
    if pt.is_fixed_size_list(kind):
        return column.cast(pa.large_list(kind.value_type))
    return column


def _as_text(column: pa.Array) -> pa.Array:
    """Return ids or buckets as strings: integers of any size exactly, UUIDs as 8-4-4-4-12
    digits."""
    column = _decoded(column)
    if is_uuid(column.type):
        numbers = column.storage.to_pylist()
        texts = [None if raw is None else str(UUID(bytes=raw)) for raw in numbers]
        return pa.array(texts, pa.string())
    return column.cast(pa.string())


def _valid_text(column: pa.Array) -> tuple[pa.Array, list[str | None]]:
    """Return the column as strings, with null where the bytes are not UTF-8, and the reasons."""
    text = column.view(pa.large_string()) if pa.types.is_large_binary(column.type) else column
    text = column.view(pa.string()) if pa.types.is_binary(column.type) else text
    try:
        text.validate(full=True)
        return text, [None] * len(text)
    except pa.ArrowInvalid:
        raw = text.cast(pa.large_binary()).to_pylist()
    bad = [value is not None and not is_utf8(value) for value in raw]
    kept = [None if is_bad else value for value, is_bad in zip(raw, bad, strict=True)]
    reasons = [Reason.INVALID_UTF8 if is_bad else None for is_bad in bad]
    return pa.array(kept, pa.large_binary()).view(pa.large_string()), reasons


def _column_ids(batch: pa.RecordBatch, column: str | None, source: list[str]) -> list[str | None]:
    if column is None:
        return list(source)
    ids = batch.column(column)
    if ids.null_count:
        place = source[ids.is_null().to_pylist().index(True)]
        raise InputError(f"--id-column {column}: null at {place}; every document needs an id")
    try:
        return list(_as_text(ids).to_pylist())
    except (UnicodeDecodeError, pa.ArrowInvalid):
        raise InputError(f"--id-column {column}: not UTF-8 near {source[0]}") from None


@contextmanager
def _parquet(path: str, name: str) -> Iterator[pq.ParquetFile]:
    try:
        # No pre_buffer: row groups may be huge, and their bytes are not needed while a document is
        # worked on.
        with access.open_parquet(path, pre_buffer=False) as file:
            yield file
    # OSError: among others a broken footer. UnicodeDecodeError: the name of a column in a footer.
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise unreadable(name, error) from None
