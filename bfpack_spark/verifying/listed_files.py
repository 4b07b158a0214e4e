"""The files that a manifest lists, read back: are they the ones on disk?"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.files import access
from bfpack_spark.schema import MESSAGES, spark_ddl
from bfpack_spark.spark.messages import message
from bfpack_spark.spark.partitions import in_partitions, rows_of
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.versions.manifests import FileKind, Manifest


@dataclass(frozen=True, kw_only=True)
class ListedFile:
    """A file as its manifest lists it, on its way to a worker."""

    number: int  # of the files of its kind
    path: str
    rows: int
    tokens: int
    bytes: int
    sha256: str
    ids_sha256: str | None
    first: int  # rows in the files before it


Read: TypeAlias = Callable[[ListedFile, list[Violation]], dict[str, Any]]


def check_each(entries: DataFrame, root: str, read: Read) -> DataFrame:
    """Return a message for each file in entries_frame. It holds faults, readable, and what `read`
    returns for the file; `read` may add faults of its own."""
    worker = functools.partial(_check_each, root=root, read=read)
    return entries.mapInArrow(worker, spark_ddl(MESSAGES))


def _check_each(
    batches: Iterator[pa.RecordBatch], *, root: str, read: Read
) -> Iterator[pa.RecordBatch]:
    for entry in listed_files(batches):
        faults: list[Violation] = []
        content: dict[str, Any] = {"readable": False}
        try:
            faults += check_file(root, entry)
            content = {**read(entry, faults), "readable": True}
        except Exception as error:  # damaged bytes fail in many ways, all faults of the file
            if not any(fault.row is None for fault in faults):
                faults.append(cannot_be_read(error))
        named = [{**asdict(fault), "shard": entry.path} for fault in faults]
        yield message({**content, "faults": named})


def listed_files(batches: Iterator[pa.RecordBatch]) -> Iterator[ListedFile]:
    """Yield the files in the rows of entries_frame."""
    return (ListedFile(**row) for row in rows_of(batches))


def check_file(root: str, entry: ListedFile) -> list[Violation]:
    """Return the faults of a file as a whole: it is not on disk, or its size, its hash or the rows
    in its footer differ from the entry."""
    path = access.resolve(root, entry.path)
    if not access.is_file(path):
        return [Violation(invariant=5, problem="listed in the manifest, not on disk")]
    size, digest = access.size_and_sha256(path)
    if digest != entry.sha256:
        return differs("sha256", digest, entry)
    with access.open_parquet(path) as file:
        rows = file.metadata.num_rows
    return differs("bytes", size, entry) + differs("rows", rows, entry)


def differs(name: str, value: object, entry: ListedFile) -> list[Violation]:
    """Return a fault if the manifest's entry has another value in this field."""
    listed = getattr(entry, name)
    return (
        []
        if value == listed
        else [Violation(invariant=5, problem=f"{name}: {value}, manifest {listed}")]
    )


def cannot_be_read(error: Exception) -> Violation:
    why = " ".join(str(error).split())
    return Violation(invariant=5, problem=f"cannot be read: {why or type(error).__name__}")


def entries_frame(spark: SparkSession, manifest: Manifest, kind: FileKind) -> DataFrame:
    """Return the manifest's entries of one kind as ListedFile, one partition each."""
    first = 0
    rows = []
    for number, entry in enumerate(manifest.files_of(kind)):
        counts = (entry.rows, entry.tokens, entry.bytes)
        rows.append((number, entry.path, *counts, entry.sha256, entry.ids_sha256, first))
        first += entry.rows
    counts_ddl = "rows long, tokens long, bytes long"
    schema = f"number int, path string, {counts_ddl}, sha256 string, ids_sha256 string, first long"
    return in_partitions(spark, rows, schema)
