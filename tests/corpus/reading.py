"""Reading files of a corpus as a worker does."""

import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from bfpack_spark.corpus.documents import READING, Columns, Documents, ReadingSizes
from bfpack_spark.corpus.inventory import Split, split_inventory
from bfpack_spark.corpus.long_lines import LONG_BYTES
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.corpus.take_inventory import take_inventory

TEXT = Columns(content="text", doc_id=None)
WITH_ID = Columns(content="text", doc_id="doc_id")
IDS = Columns(content="ids", doc_id=None, tokens=True)
BOM = b"\xef\xbb\xbf"
MORE = b'"more": "' + b"x" * LONG_BYTES + b'", '  # makes a line a long one


def documents_in(
    path: Path, columns: Columns = TEXT, max_bytes: int = 1 << 20, **more: Any
) -> Iterator[Documents]:
    """Look at an input, and yield the batches that are read of it."""
    inventory = take_inventory(str(path), None)
    return read_documents(split_inventory(inventory), inventory.format, columns, max_bytes, **more)


def documents_of_line(path: Path, line: bytes, columns: Columns) -> Documents:
    path.write_bytes(line + b"\n")
    (batch,) = documents_in(path, columns)
    return batch


def read(
    path: Path, columns: Columns = TEXT, sizes: ReadingSizes = READING
) -> list[tuple[Any, ...]]:
    """(doc_id, source, content, reason) of every document."""
    inventory = take_inventory(str(path), None)
    return rows(split_inventory(inventory), inventory.format, columns, sizes=sizes)


def rows(
    splits: list[Split],
    input_format: str,
    columns: Columns,
    max_bytes: int = 1 << 20,
    sizes: ReadingSizes = READING,
) -> list[tuple[Any, ...]]:
    found = []
    for batch in read_documents(splits, input_format, columns, max_bytes, sizes=sizes):
        content = batch.content.to_pylist()
        found += list(zip(batch.doc_id, batch.source, content, batch.reason, strict=True))
    return found


def divided(path: Path, name: str, edges: list[int]) -> list[Split]:
    """The file as one split from each edge to the next."""
    return [
        Split(task=0, name=name, path=str(path), start=start, end=end, size=path.stat().st_size)
        for start, end in itertools.pairwise(edges)
    ]


def compressed(raw: bytes, suffix: str) -> bytes:
    """The bytes as two gzip members or two zstd frames, parted in the middle of a line."""
    if suffix.endswith(".gz"):
        return gzip.compress(raw[:9]) + gzip.compress(raw[9:])
    if suffix.endswith(".zst"):
        codec = pa.Codec("zstd")
        return bytes(codec.compress(raw[:9], asbytes=True) + codec.compress(raw[9:], asbytes=True))
    return raw


def damage(raw: bytes, how: str) -> bytes:
    footer = int.from_bytes(raw[-8:-4], "little") + 8
    return {
        "empty": b"",
        "cut short": raw[:-30],
        "not Parquet": b"x" * 100,
        "a footer of noise": raw[:-footer] + b"\xff" * (footer - 8) + raw[-8:],
        "pages of noise": raw[:4] + b"\xff" * (len(raw) - footer - 4) + raw[-footer:],
    }[how]
