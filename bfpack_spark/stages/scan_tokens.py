"""Verify, token files -> SCANNED_DOCUMENTS: every document's length, and the digest of what the
policy keeps of it, to be compared with the segments found in the shards."""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.core.accounting import Rules
from bfpack_spark.core.digest import digest_segments
from bfpack_spark.core.fragments import Int64, kept_lengths
from bfpack_spark.schema import SCANNED_DOCUMENTS, TOKENIZED, spark_ddl
from bfpack_spark.stages.scan_shards import scanned
from bfpack_spark.storage.listed_files import check_file
from bfpack_spark.storage.parquet_output import token_values
from bfpack_spark.storage.token_files import read_token_file, slices


@dataclass(frozen=True, kw_only=True)
class DigestTask:
    """What a worker needs to know."""

    root: str  # the token store's directory
    rules: Rules | None  # None: the whole document
    vocabulary_size: int


def scan_tokens(entries: DataFrame, task: DigestTask) -> DataFrame:
    """In: the manifest's entries of documents."""
    return entries.mapInArrow(functools.partial(_scan, task=task), spark_ddl(SCANNED_DOCUMENTS))


def digest_documents(tokenized: DataFrame, task: DigestTask) -> DataFrame:
    """The same from TOKENIZED rows, as tokenize_text makes them; `problem` holds the reason."""
    return tokenized.mapInArrow(
        functools.partial(_digest_tokenized, task=task), spark_ddl(SCANNED_DOCUMENTS)
    )


def _scan(batches: Iterator[pa.RecordBatch], *, task: DigestTask) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for entry in batch.to_pylist():
            yield from _scan_file(entry, task)


def _scan_file(entry: dict[str, Any], task: DigestTask) -> Iterator[pa.RecordBatch]:
    path = entry["path"]
    problem = check_file(task.root, entry)
    if problem is not None:
        yield scanned(SCANNED_DOCUMENTS, path, problem=problem)
    ids_hash = hashlib.sha256()
    try:
        for row, batch in read_token_file(f"{task.root}/{path}"):
            ids = token_values(batch.column("tokens"))
            ids_hash.update(ids.data)
            if len(ids) and not 0 <= ids.min() <= ids.max() < task.vocabulary_size:
                problem = f"ids outside the vocabulary of {task.vocabulary_size}"
                yield scanned(SCANNED_DOCUMENTS, path, row=row, problem=problem)
            yield _digests(batch, row, path, task)
    except (OSError, pa.ArrowInvalid) as error:
        yield scanned(SCANNED_DOCUMENTS, path, problem=f"cannot be read: {error}")
        return
    if ids_hash.hexdigest() != entry["ids_sha256"]:
        yield scanned(SCANNED_DOCUMENTS, path, problem="ids_sha256 differs")


def _digest_tokenized(
    batches: Iterator[pa.RecordBatch], *, task: DigestTask
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        reason = batch.column(TOKENIZED.get_field_index("reason"))
        for row in batch.filter(reason.is_valid()).to_pylist():
            yield scanned(
                SCANNED_DOCUMENTS, row["source"], problem=row["reason"], doc_id=row["doc_id"]
            )
        good = batch.filter(reason.is_null())
        if len(good):
            yield _digests(good, 0, "", task)


def _digests(batch: pa.RecordBatch, row: int, path: str, task: DigestTask) -> pa.RecordBatch:
    tokens = batch.column("tokens")
    length = _lengths(tokens)
    kept = length
    if task.rules is not None:
        kept = kept_lengths(length, task.rules.seq_len, task.rules.long_documents)
    some = np.flatnonzero(kept)
    none = np.zeros(len(some), dtype=np.int64)
    digest = np.zeros(len(length), dtype=np.int64)
    if len(some):
        ids = token_values(slices(tokens, some, none, kept[some]))
        digest[some] = digest_segments(ids, kept[some], none)
    columns = {
        "file": pa.repeat(path, len(length)),
        "row": pa.array(row + np.arange(len(length))),
        "problem": pa.nulls(len(length), pa.string()),
        "doc_id": batch.column("doc_id"),
        "doc_length": pa.array(batch.column("length").to_numpy().astype(np.int64)),
        "kept": pa.array(kept),
        "digest": pa.array(digest),
    }
    plain = pa.schema([field.remove_metadata() for field in SCANNED_DOCUMENTS])
    return pa.RecordBatch.from_pydict(columns, schema=plain)


def _lengths(tokens: pa.Array) -> Int64:
    offsets = np.frombuffer(tokens.buffers()[1], dtype=np.int32)
    return np.diff(offsets[tokens.offset : tokens.offset + len(tokens) + 1]).astype(np.int64) // 4
