"""Token files that are written by hand, and some of documents with zeros for tokens."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import TOKENS, plain
from bfpack_spark.spark.partitions import files_frame


def write_tokens(
    folder: Path,
    name: str,
    rows: list[dict[str, Any]],
    groups: Sequence[int] = (),
    schema: pa.Schema = TOKENS,
) -> str:
    """Write a token file, in one row group or in groups of so many rows, and return its path."""
    output = ParquetOutput(str(folder), name, schema)
    table = pa.Table.from_pylist(rows, schema=plain(schema))
    first = 0
    for size in groups or [len(rows)]:
        output.write(table.slice(first, size))
        first += size
    output.close("documents", sum(row["length"] for row in rows), None)
    return f"{folder}/{name}"


def stored(
    spark: SparkSession, folder: Path, documents: list[tuple[str, int]], num_files: int = 2
) -> DataFrame:
    """files_frame of so many files, of two row groups each, that the documents are dealt to."""
    made = Path(tempfile.mkdtemp(dir=folder))
    paths = []
    for number in range(num_files):
        own = documents[number::num_files]
        rows = [{"doc_id": i, "length": n, "tokens": b"\0" * 4 * n} for i, n in own]
        half = -(-len(rows) // 2)
        groups = (half, len(rows) - half)
        paths.append(write_tokens(made, f"part-{number}.parquet", rows, groups))
    return files_frame(spark, {"documents": paths})
