"""A batch of documents, as the readers of the corpus hand it on, and what these readers share."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bfpack_spark.core.fragments import Int64
from bfpack_spark.errors import InputError
from bfpack_spark.memory import give_back
from bfpack_spark.printable import option_of
from bfpack_spark.schema import Reason


@dataclass(frozen=True, kw_only=True)
class ReadingSizes:
    """How much of a corpus a reader holds at once."""

    batch_bytes: int = 8 << 20  # of text; a document that is larger ends its batch
    batch_rows: int = 10_000
    # Parquet alone:
    huge_bytes: int = 128 << 20  # a larger batch closes its reader, which would hold it twice
    likely_bytes: int = 256 << 20  # worst case of a batch, up to which no dictionary is read
    page_bytes: int = 512 << 20  # a column with more bytes may hold a page that is too large


READING = ReadingSizes()

# `labels`: a token's id, or -100 where it is no target; `loss_mask`: 1 or 0. `tools` are those of a
# conversation, and `completion` is what follows a prompt.
Beside: TypeAlias = Literal["labels", "loss_mask", "tools", "completion"]
# What is to become tokens with targets: conversations as JSON, or prompts.
Chat: TypeAlias = Literal["messages", "prompt"]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What to read: the column of the content (text, or token ids if `tokens`) and that of the id
    (None: a document's place is its id)."""

    content: str
    doc_id: str | None
    tokens: bool = False
    chat: Chat | None = None
    beside: str | None = None  # a second column of the content
    beside_is: Beside | None = None  # what that column holds
    bucket: str | None = None  # column of the bucket; None: all documents are read
    wanted: str | None = None  # the bucket whose documents are read

    @property
    def names(self) -> list[str]:
        """Return the names of all columns that are read, each once."""
        return list(dict.fromkeys(filter(None, self.by_option.values())))

    @property
    def by_option(self) -> dict[str, str]:
        """Return the columns that are read, by the options that name them."""
        every = {self.content_option: self.content, self.beside_option: self.beside}
        every |= {"--id-column": self.doc_id, "--bucket-column": self.bucket}
        return {option: name for option, name in every.items() if name is not None}

    @property
    def masks(self) -> bool:
        """Return whether documents have loss masks."""
        return self.beside_is is not None or self.chat is not None

    @property
    def content_option(self) -> str:
        """Return the option that names the column of the content."""
        return f"--{'tokens' if self.tokens else self.chat or 'text'}-column"

    @property
    def beside_option(self) -> str:
        """Return the option that names the second column."""
        return option_of(f"{self.beside_is or ''}_column")


@dataclass(kw_only=True)
class Documents:
    """A batch of documents, as parallel arrays. The content is null wherever there is a reason."""

    content: pa.Array  # string, or binary / list<int> of token ids
    doc_id: list[str | None]
    source: list[str]
    reason: list[str | None]
    detail: list[str | None]
    read_bytes: list[int | None] | None = None  # of the line, file or value; None: not needed
    # The second column: binary / list of integers or booleans, or text of tools and completions.
    beside: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.source)

    def sizes(self) -> Int64:
        """Return the bytes of each document: of its content in UTF-8, or 4 bytes per token. If no
        content could be made of what was read, it is the bytes that were read, or 0 where there was
        no content."""
        sizes = np.zeros(len(self), dtype=np.int64)
        if self.read_bytes is not None:
            pairs = zip(self.read_bytes, self.reason, strict=True)
            sizes[:] = [0 if why in (None, Reason.NULL) else read or 0 for read, why in pairs]
        content = self.content
        if pa.types.is_list(content.type) or pa.types.is_large_list(content.type):
            counts = pc.multiply(pc.list_value_length(content).cast(pa.int64()), 4)
        else:
            counts = pc.binary_length(content).cast(pa.int64())
        valid = content.is_valid().to_numpy(zero_copy_only=False)
        sizes[valid] = counts.drop_null().to_numpy()
        return sizes

    def good(self) -> list[int]:
        """Return the indices of the documents that have not been refused so far."""
        return [index for index, reason in enumerate(self.reason) if reason is None]

    def refuse(self, index: int, reason: str, detail: str) -> None:
        self.reason[index], self.detail[index] = reason, detail

    def take_texts(self) -> list[str]:
        """Return the texts of the good documents, and give up the content. A content of 256 MB
        would otherwise be held twice, in addition to what an engine needs."""
        good = self.good()
        content = self.content
        if len(good) < len(self):
            content = content.take(pa.array(good, pa.int64()))
        texts: list[str] = content.to_pylist()
        large = content.nbytes > READING.batch_bytes
        self.content = content = None
        if large:
            give_back()
        return texts

    def split(self, limit: int) -> Iterator["Documents"]:
        """Yield the batch in parts of at most `limit` bytes, or of one document. A larger batch is
        copied part by part and given up, so that each part's memory ends with the part."""
        if self.content.nbytes <= limit or len(self) == 1:
            yield self
            return
        halves = _halves(self.content, 0, limit)
        parts = [self.pick(list(range(begin, end))) for begin, end in halves]
        self.content = None
        parts.reverse()
        while parts:
            yield parts.pop()

    def pick(self, at: list[int]) -> "Documents":
        """Return a copy of the documents at these indices."""
        return Documents(
            content=self.content.take(pa.array(at, pa.int64())),
            doc_id=[self.doc_id[index] for index in at],
            source=[self.source[index] for index in at],
            reason=[self.reason[index] for index in at],
            detail=[self.detail[index] for index in at],
            read_bytes=self.read_bytes and [self.read_bytes[index] for index in at],
            beside=None if self.beside is None else self.beside.take(pa.array(at, pa.int64())),
        )


def _halves(content: pa.Array, begin: int, limit: int) -> list[tuple[int, int]]:
    if content.nbytes <= limit or len(content) == 1:
        return [(begin, begin + len(content))]
    half = len(content) // 2
    left, right = content.slice(0, half), content.slice(half)
    return [*_halves(left, begin, limit), *_halves(right, begin + half, limit)]


@dataclass(kw_only=True)
class Document:
    source: str
    doc_id: str | None
    content: Any = None
    reason: str | None = None
    detail: str | None = None
    num_bytes: int = 0
    beside: Any = None


def refuse(document: Document, reason: str, detail: str) -> Document:
    document.content, document.reason, document.detail = None, reason, detail
    return document


def batches(
    documents: Iterable[Document], columns: Columns, sizes: ReadingSizes
) -> Iterator[Documents]:
    batch: list[Document] = []
    num_bytes = 0
    for document in documents:
        batch.append(document)
        num_bytes += document.num_bytes
        del document  # else it would be kept in memory while the batch is worked on
        if num_bytes >= sizes.batch_bytes or len(batch) == sizes.batch_rows:
            yield _take_batch(batch, columns)
            num_bytes = 0
    if batch:
        yield _take_batch(batch, columns)


def _take_batch(batch: list[Document], columns: Columns) -> Documents:
    """Make a batch of the documents and empty the list."""
    kind = pa.list_(pa.int64()) if columns.tokens else pa.large_string()
    taken = Documents(
        content=pa.array([d.content for d in batch], kind),
        doc_id=[d.doc_id for d in batch],
        source=[d.source for d in batch],
        reason=[d.reason for d in batch],
        detail=[d.detail for d in batch],
        read_bytes=[d.num_bytes for d in batch],
        beside=pa.array([d.beside for d in batch], kind) if columns.beside else None,
    )
    batch.clear()
    return taken


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


def lacks(there: list[str]) -> str:
    """Return what is said of a row that has only these columns."""
    return f"no such column (there are: {', '.join(there)[:200]})" if there else "no such column"


# The options for what other columns than of text often hold, by the name of the column.
_OTHER_CONTENT = {
    "messages": "for conversations, give --messages-column messages",
    "prompt": "for prompts, give --prompt-column prompt and --completion-column",
    "input_ids": "for ids that are there, give --tokens-column input_ids",
    "tokens": "for ids that are there, give --tokens-column tokens",
}


def no_column(option: str, column: str, name: str, there: list[str]) -> InputError:
    """Return the error of a column that is missing. Where the text is, and a column is there whose
    name says what it holds, name the option that takes it."""
    others = [_OTHER_CONTENT[each] for each in there if each in _OTHER_CONTENT]
    instead = f"; {others[0]}" if others and option == "--text-column" else ""
    return InputError(
        f"{option} {column}: no such column in {name}; there are: {', '.join(there)}{instead}"
    )


def unreadable(name: str, error: Exception) -> InputError:
    why = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"--input: {name} cannot be read ({why}); repair or remove it")
