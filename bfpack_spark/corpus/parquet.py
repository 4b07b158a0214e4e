"""Documents from row groups of Parquet files. A document's place is its row in the file."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from bfpack_spark.corpus.columns import check_schema
from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.decoded_sizes import check_inflation, rows_at_once
from bfpack_spark.corpus.documents import (
    READING,
    Columns,
    Documents,
    ReadingSizes,
    no_bucket,
    unreadable,
)
from bfpack_spark.corpus.inventory import InputFile, Split
from bfpack_spark.corpus.row_groups import RowGroup, check_footer, row_groups, stored_bytes
from bfpack_spark.corpus.rows import as_text, column_ids, decoded, documents_of
from bfpack_spark.errors import InputError
from bfpack_spark.files import access


def read_parquet(
    split: Split, columns: Columns, tally: Tally, sizes: ReadingSizes = READING
) -> Iterator[Documents]:
    """Yield the documents of a split. If only one bucket is wanted, only the bucket column is read
    of row groups that do not hold the bucket."""
    with _parquet(split.path, split.name) as file:
        check_schema(file.schema_arrow, columns.by_option, split.name)
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
        check_schema(file.schema_arrow, {"--bucket-column": column}, split.name)
        reader = _Reader(file, split, Columns(content=column, doc_id=None), READING)
        for group in reader.row_groups():
            yield from reader.values(group)


def row_groups_of(path: str, name: str, size: int) -> list[tuple[int, int]]:
    """Return two numbers for each row group that has rows: the byte that it stands for in a file of
    `size` bytes, which decides the split that it belongs to, and how many bytes it takes."""
    with _parquet(path, name) as file:
        groups = row_groups(file.metadata, size)
        return [(group.place, stored_bytes(file.metadata, group.number)) for group in groups]


def check_parquet(file: InputFile, named: Mapping[str, str]) -> None:
    """Raise InputError if the file lacks a column that an option names, or has it in a type that
    cannot be read."""
    with _parquet(file.path, file.name) as opened:
        check_schema(opened.schema_arrow, named, file.name)


class _Reader:
    """An open file, of which some columns of a split are read. A wrong footer raises InputError."""

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
        """Yield the values of a column of buckets in a row group."""
        column, row = self._columns.content, 0
        for batch in self._batches(group.number, 0):
            values = batch.column(column)
            if values.null_count:
                place = group.first_row + row + values.is_null().to_pylist().index(True)
                raise no_bucket(column, "null", f"{self._split.name}#{place}")
            row += len(batch)
            yield as_text(values)
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
        """Return the texts of a column's dictionary in a row group, as it is before the first row
        that has any. Only its first pages are read."""
        options: dict[str, Any] = {"metadata": self._file.metadata, "read_dictionary": [column]}
        options |= {"pre_buffer": False, "buffer_size": 1 << 16}
        with access.open_parquet(self._split.path, **options) as file:
            for batch in file.iter_batches(1, row_groups=[number], columns=[column]):
                texts = _texts(batch.column(0))
                if len(texts):
                    break
        return texts


def _texts(values: pa.Array) -> pa.Array:
    """Return the texts of a dictionary, which may lie in lists, maps and structs of one field."""
    while pt.is_nested(values.type):
        values = values.field(0) if pt.is_struct(values.type) else values.values
    return values.dictionary if pt.is_dictionary(values.type) else values


def _taken(pending: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Join the batches to one and empty the list."""
    taken = pending[0] if len(pending) == 1 else pa.concat_batches(pending)
    pending.clear()
    return taken


def _documents(batch: pa.RecordBatch, first_row: int, split: Split, columns: Columns) -> Documents:
    source = [f"{split.name}#{row}" for row in range(first_row, first_row + len(batch))]
    if columns.bucket is not None:
        batch, source = _of_bucket(batch, source, columns)
    ids = column_ids(batch, columns.doc_id, source)
    return documents_of(batch, columns, ids, source)


def _of_bucket(
    batch: pa.RecordBatch, source: list[str], columns: Columns
) -> tuple[pa.RecordBatch, list[str]]:
    """Return the rows of the wanted bucket, and their places."""
    values = as_text(batch.column(columns.bucket))
    at = pc.indices_nonzero(pc.equal(values, columns.wanted))
    arrays = [decoded(column) if _is_view(column.type) else column for column in batch.columns]
    batch = pa.RecordBatch.from_arrays(arrays, batch.schema.names)  # Arrow takes no rows of views
    return batch.take(at), [source[index] for index in at.to_pylist()]


def _is_view(kind: pa.DataType) -> bool:
    return bool(pt.is_string_view(kind) or pt.is_binary_view(kind))


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
