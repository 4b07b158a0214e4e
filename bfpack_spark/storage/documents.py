"""A batch of documents as the readers of the corpus hand it on, and what they share."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bfpack_spark.errors import InputError

BATCH_BYTES = 8 << 20  # of text; a larger document is a batch of its own


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What to read: the content (text, or token ids if `tokens`) and the id (None: the place)."""

    content: str
    doc_id: str | None
    tokens: bool = False
    bucket: str | None = None  # column of the bucket; None: all documents are read
    wanted: str | None = None  # the bucket whose documents are read


@dataclass(kw_only=True)
class Documents:
    """A batch of documents; parallel. content is null wherever there is a reason."""

    content: pa.Array  # string, or binary / list<int> of token ids
    doc_id: list[str | None]
    source: list[str]
    reason: list[str | None]
    detail: list[str | None]

    def __len__(self) -> int:
        return len(self.source)

    def good(self) -> list[int]:
        """Indices of the documents that nothing speaks against so far."""
        return [index for index, reason in enumerate(self.reason) if reason is None]

    def refuse(self, index: int, reason: str, detail: str) -> None:
        self.reason[index], self.detail[index] = reason, detail

    def slice(self, start: int, end: int) -> "Documents":
        return Documents(
            content=self.content.slice(start, end - start),
            doc_id=self.doc_id[start:end],
            source=self.source[start:end],
            reason=self.reason[start:end],
            detail=self.detail[start:end],
        )


@dataclass(kw_only=True)
class Document:
    source: str
    doc_id: str | None
    content: Any = None
    reason: str | None = None
    detail: str | None = None
    num_bytes: int = field(default=0)


def refuse(document: Document, reason: str, detail: str) -> Document:
    document.content, document.reason, document.detail = None, reason, detail
    return document


def batches(documents: Iterable[Document], columns: Columns) -> Iterator[Documents]:
    kind = pa.list_(pa.int64()) if columns.tokens else pa.large_string()
    batch: list[Document] = []
    num_bytes = 0
    for document in documents:
        if batch and (num_bytes + document.num_bytes > BATCH_BYTES or len(batch) == 10_000):
            yield _to_batch(batch, kind)
            batch, num_bytes = [], 0
        batch.append(document)
        num_bytes += document.num_bytes
    if batch:
        yield _to_batch(batch, kind)


def _to_batch(batch: list[Document], kind: pa.DataType) -> Documents:
    return Documents(
        content=pa.array([d.content for d in batch], kind),
        doc_id=[d.doc_id for d in batch],
        source=[d.source for d in batch],
        reason=[d.reason for d in batch],
        detail=[d.detail for d in batch],
    )


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def no_bucket(column: str, value: str, source: str) -> InputError:
    return InputError(
        f"--bucket-column {column}: {value} at {source}; buckets are strings or integers, and "
        "every document needs one"
    )


def no_column(option: str, column: str, name: str, there: list[str]) -> InputError:
    return InputError(f"{option} {column}: no such column in {name}; there are: {', '.join(there)}")


def unreadable(name: str, error: Exception) -> InputError:
    why = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"--input: {name} cannot be read ({why}); mend or remove it")
