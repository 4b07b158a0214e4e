"""The files that a manifest lists, read back: are they the ones on disk?"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.files import access
from bfpack_spark.spark.messages import message
from bfpack_spark.spark.partitions import in_partitions
from bfpack_spark.versions.versions import Manifest, files_of


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a file, or in it, and the number of the invariant that it breaks."""

    invariant: int
    problem: str
    row: int | None = None
    doc_id: str | None = None


def check_each(
    batches: Iterator[pa.RecordBatch],
    *,
    root: str,
    read: Callable[[dict[str, Any], list[Fault]], dict[str, Any]],
) -> Iterator[pa.RecordBatch]:
    """Yield a message for each file in the rows of entries_frame. It holds faults, readable, and
    what `read` returns for the entry; `read` may add faults of its own."""
    for batch in batches:
        for entry in batch.to_pylist():
            yield message(_check_and_read(entry, root, read))


def _check_and_read(
    entry: dict[str, Any],
    root: str,
    read: Callable[[dict[str, Any], list[Fault]], dict[str, Any]],
) -> dict[str, Any]:
    faults: list[Fault] = []
    found: dict[str, Any] = {"readable": False}
    try:
        faults += check_file(root, entry)
        found = {**read(entry, faults), "readable": True}
    except Exception as error:  # damaged bytes fail in many ways, all faults of the file
        if not any(fault.row is None for fault in faults):
            faults.append(cannot_be_read(error))
    return {**found, "faults": [{"file": entry["path"], **asdict(fault)} for fault in faults]}


def check_file(root: str, entry: dict[str, Any]) -> list[Fault]:
    """Return the faults of a file as a whole: it is not on disk, or its size, its hash or the rows
    in its footer differ from the entry."""
    path = access.resolve(root, entry["path"])
    if not access.is_file(path):
        return [Fault(invariant=5, problem="listed in the manifest, not on disk")]
    size, digest = access.size_and_sha256(path)
    if digest != entry["sha256"]:
        return differs("sha256", digest, entry)
    with access.open_parquet(path) as file:
        rows = file.metadata.num_rows
    return differs("bytes", size, entry) + differs("rows", rows, entry)


def differs(name: str, found: object, entry: dict[str, Any]) -> list[Fault]:
    """Return a fault if `found` is not the value in the manifest's entry."""
    if found == entry[name]:
        return []
    return [Fault(invariant=5, problem=f"{name}: {found}, manifest {entry[name]}")]


def cannot_be_read(error: Exception) -> Fault:
    why = " ".join(str(error).split())
    return Fault(invariant=5, problem=f"cannot be read: {why or type(error).__name__}")


def entries_frame(spark: SparkSession, manifest: Manifest, kind: str) -> DataFrame:
    """Return the manifest's entries of one kind, one partition each. `first` is the number of rows
    in the entries before."""
    first = 0
    rows = []
    for number, entry in enumerate(files_of(manifest, kind)):
        hashes = (entry["sha256"], entry["ids_sha256"])
        counts = (entry["rows"], entry["tokens"], entry["bytes"])
        rows.append((number, entry["path"], *counts, *hashes, first))
        first += entry["rows"]
    counts_ddl = "rows long, tokens long, bytes long"
    schema = f"number int, path string, {counts_ddl}, sha256 string, ids_sha256 string, first long"
    return in_partitions(spark, rows, schema)
