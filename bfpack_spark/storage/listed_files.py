"""The files that a manifest lists, read back: are they the ones on disk? sha256 and footer."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.schema import plain
from bfpack_spark.storage import files
from bfpack_spark.storage.versions import Manifest, files_of


def check_file(root: str, entry: dict[str, Any]) -> str | None:
    """What is wrong with the file as a whole, or None. Reads it once."""
    path = f"{root}/{entry['path']}"
    if not files.is_file(path):
        return "listed in the manifest, not on disk"
    if (digest := files.sha256_of(path)) != entry["sha256"]:
        return f"sha256 {digest[:16]}..., manifest {entry['sha256'][:16]}..."
    with files.open_parquet(path) as file:
        if file.metadata.num_rows != entry["rows"]:
            return f"{file.metadata.num_rows} rows, manifest {entry['rows']}"
    return None


def problem_row(
    schema: pa.Schema, path: str, *, problem: str, row: int | None = None, doc_id: str | None = None
) -> pa.RecordBatch:
    """One row of a SCANNED_* table that says what is wrong."""
    values = {"file": path, "row": row, "problem": problem, "doc_id": doc_id}
    columns = {name: [values.get(name)] for name in schema.names}
    return pa.RecordBatch.from_pydict(columns, schema=plain(schema))


def row_groups(path: str) -> Iterator[pa.Table]:
    """The row groups of a Parquet file, page checksums checked."""
    with files.open_parquet(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, use_threads=False)


def entries_frame(spark: SparkSession, manifest: Manifest, kind: str) -> DataFrame:
    """The manifest's entries of a kind, one partition each; `first` is the rows before each."""
    entries = files_of(manifest, kind)
    first = 0
    rows = []
    for number, entry in enumerate(entries):
        hashes = (entry["sha256"], entry["ids_sha256"])
        rows.append((number, entry["path"], entry["rows"], entry["tokens"], *hashes, first))
        first += entry["rows"]
    schema = "number int, path string, rows long, tokens long, sha256 string, ids_sha256 string"
    frame = spark.createDataFrame(rows, f"{schema}, first long")
    return frame.repartitionById(max(len(rows), 1), "number")
