"""Verify, token files -> SCANNED_DOCUMENTS: every document's length, and the digest of what the
policy keeps of it, to be compared with the segments found in the shards."""

import functools
import hashlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.schema import SCANNED_DOCUMENTS, spark_ddl
from bfpack_spark.storage.digests import DigestTask, digest_batch
from bfpack_spark.storage.listed_files import check_file, problem_row
from bfpack_spark.storage.parquet_output import token_values
from bfpack_spark.storage.token_files import read_token_file


def scan_tokens(entries: DataFrame, task: DigestTask) -> DataFrame:
    """In: the manifest's entries of documents."""
    return entries.mapInArrow(functools.partial(_scan, task=task), spark_ddl(SCANNED_DOCUMENTS))


def _scan(batches: Iterator[pa.RecordBatch], *, task: DigestTask) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for entry in batch.to_pylist():
            yield from _scan_file(entry, task)


def _scan_file(entry: dict[str, Any], task: DigestTask) -> Iterator[pa.RecordBatch]:
    path = entry["path"]
    problem = check_file(task.root, entry)
    if problem is not None:
        yield problem_row(SCANNED_DOCUMENTS, path, problem=problem)
    ids_hash = hashlib.sha256()
    try:
        for row, batch in read_token_file(f"{task.root}/{path}"):
            ids = token_values(batch.column("tokens"))
            ids_hash.update(ids.data)
            if len(ids) and not 0 <= ids.min() <= ids.max() < task.vocabulary_size:
                problem = f"ids outside the vocabulary of {task.vocabulary_size}"
                yield problem_row(SCANNED_DOCUMENTS, path, row=row, problem=problem)
            yield digest_batch(batch, row, path, task)
    except (OSError, pa.ArrowInvalid) as error:
        yield problem_row(SCANNED_DOCUMENTS, path, problem=f"cannot be read: {error}")
        return
    if ids_hash.hexdigest() != entry["ids_sha256"]:
        yield problem_row(SCANNED_DOCUMENTS, path, problem="ids_sha256 differs")
