"""Documents from rows in Arrow batches, whether a Parquet file or Spark gave them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from bfpack_spark.corpus.columns import is_of_objects, is_uuid
from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import READING, Columns, Documents, ReadingSizes, is_utf8
from bfpack_spark.errors import InputError
from bfpack_spark.schema import Reason


def read_rows(
    batches: Iterable[pa.RecordBatch],
    name: str,
    columns: Columns,
    tally: Tally,
    sizes: ReadingSizes = READING,
) -> Iterator[Documents]:
    """Yield the documents of batches that Spark hands over, and count their rows under the name of
    the table or frame. A document is found again by its id, since rows of a table have no place."""
    for batch in _gathered(batches, sizes):
        ids = column_ids(batch, columns.doc_id, [name] * len(batch))
        source = [f"{name}#{doc_id}" for doc_id in ids]
        tally.add(name, rows=len(batch), documents=len(batch))
        yield documents_of(batch, columns, ids, source)


def _gathered(batches: Iterable[pa.RecordBatch], sizes: ReadingSizes) -> Iterator[pa.RecordBatch]:
    """Yield the rows in batches of about `batch_bytes`. Older versions of Spark limit a batch by
    its rows alone, and then hand over a few at a time."""
    pending: list[pa.RecordBatch] = []
    for batch in filter(len, batches):
        pending.append(batch)
        del batch  # else it would be kept in memory while the documents are worked on
        full = sum(own.nbytes for own in pending) >= sizes.batch_bytes
        if full or sum(map(len, pending)) >= sizes.batch_rows:
            yield pa.concat_batches(pending) if len(pending) > 1 else pending.pop()
            pending.clear()
    if pending:
        yield pa.concat_batches(pending)


def documents_of(
    batch: pa.RecordBatch, columns: Columns, ids: list[str | None], source: list[str]
) -> Documents:
    """Return the documents of rows whose ids and places are known."""
    content, beside = (
        None if name is None else decoded(_as_json(batch.column(name)))
        for name in (columns.content, columns.beside)
    )
    documents = Documents(
        content=content,
        doc_id=ids,
        source=source,
        reason=[None] * len(batch),
        detail=[None] * len(batch),
        beside=beside,
    )
    if not columns.tokens:
        _refuse_invalid_text(documents, columns)
    return documents


def _refuse_invalid_text(documents: Documents, columns: Columns) -> None:
    """Make the columns texts. Refuse, in place, a document where one of them is not UTF-8: tools
    that are left out, for one, would make other tokens."""
    sizes = pc.binary_length(documents.content)
    documents.content, documents.reason = _valid_text(documents.content)
    if documents.beside is not None:
        documents.beside, reasons = _valid_text(documents.beside)
        for index in documents.good():
            if reasons[index] is not None:
                where = f"in {columns.beside_option} {columns.beside}"
                documents.refuse(index, Reason.INVALID_UTF8, where)
        if any(reasons):
            null = pa.scalar(None, documents.content.type)
            wrong = pa.array([reason is not None for reason in reasons])
            documents.content = pc.if_else(wrong, null, documents.content)
    if any(documents.reason):
        documents.read_bytes = sizes.to_pylist()


def _as_json(column: pa.Array) -> pa.Array:
    """Return a column of lists of objects as JSON, and any other one as it is. All structs of a
    column have the same fields, so a null in one says that the object does not have this field."""
    if not is_of_objects(column.type):
        return column
    rows = [_objects(row, column.type) for row in column.to_pylist()]
    return pa.array([None if row is None else _dumped(row) for row in rows], pa.large_binary())


def _dumped(row: Any) -> bytes:
    """Return JSON as UTF-8. Where a binary value is not UTF-8, its bytes stay as they are, so that
    the whole is seen to be none."""
    text = json.dumps(row, default=_other, ensure_ascii=False)
    return text.encode("utf-8", "surrogateescape")


def _other(value: Any) -> str:
    """Return a date or time in ISO 8601, and any other value that JSON does not have as text."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _objects(value: Any, kind: pa.DataType) -> Any:
    """Return a value of a nested type as JSON has it: structs without nulls, maps as objects."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if value is None or not pt.is_nested(kind):
        return value
    if pt.is_struct(kind):
        fields = ((field.name, value[field.name], field.type) for field in kind)
        return {name: _objects(own, inner) for name, own, inner in fields if own is not None}
    if pt.is_map(kind):
        entries = ((_objects(key, kind.key_type), own) for key, own in value)
        return {str(key): _objects(own, kind.item_type) for key, own in entries}
    return [_objects(own, kind.value_type) for own in value]


def column_ids(batch: pa.RecordBatch, column: str | None, source: list[str]) -> list[str | None]:
    """Return the ids of rows, which are their places if no column holds ids. Raises InputError for
    a null, and for an id that is not UTF-8."""
    if column is None:
        return list(source)
    ids = batch.column(column)
    if ids.null_count:
        place = source[ids.is_null().to_pylist().index(True)]
        raise InputError(f"--id-column {column}: null at {place}; every document needs an id")
    try:
        return list(as_text(ids).to_pylist())
    except (UnicodeDecodeError, pa.ArrowInvalid):
        raise InputError(f"--id-column {column}: not UTF-8 near {source[0]}") from None


def as_text(column: pa.Array) -> pa.Array:
    """Return ids or buckets as strings: integers exactly, UUIDs as 8-4-4-4-12 digits."""
    column = decoded(column)
    if is_uuid(column.type):
        numbers = column.storage.to_pylist()
        texts = [None if raw is None else str(UUID(bytes=raw)) for raw in numbers]
        return pa.array(texts, pa.string())
    return column.cast(pa.string())


def decoded(column: pa.Array) -> pa.Array:
    """Return dictionaries, views, JSON and lists of fixed size as the plain type of the same
    values."""
    if isinstance(column, pa.ExtensionArray) and not is_uuid(column.type):
        column = column.storage
    kind = column.type
    if pt.is_null(kind):
        return column.cast(pa.large_binary())
    if pt.is_dictionary(kind):
        column = column.dictionary_decode()
    if pt.is_string_view(column.type):
        return column.cast(pa.large_string())
    if pt.is_binary_view(column.type):
        return column.cast(pa.large_binary())
    if pt.is_fixed_size_list(kind):
        return column.cast(pa.large_list(kind.value_type))
    return column


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
