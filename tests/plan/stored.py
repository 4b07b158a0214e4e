"""Token files of documents that have a length, and zeros for tokens."""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import TOKENS, plain
from bfpack_spark.spark.partitions import files_frame


def stored(
    spark: SparkSession, folder: Path, documents: list[tuple[str, int]], num_files: int = 2
) -> DataFrame:
    """files_frame of so many files, of two row groups each, that the documents are dealt to."""
    made = Path(tempfile.mkdtemp(dir=folder))
    paths = []
    for number in range(num_files):
        own = documents[number::num_files]
        output = ParquetOutput(str(made), f"part-{number}.parquet", TOKENS)
        rows = [{"doc_id": i, "length": n, "tokens": b"\0" * 4 * n} for i, n in own]
        half = -(-len(rows) // 2)
        for part in (rows[:half], rows[half:]):
            output.write(pa.Table.from_pylist(part, schema=plain(TOKENS)))
        output.close("documents", int(np.sum([n for _, n in own])), None)
        paths.append(f"{made}/part-{number}.parquet")
    return files_frame(spark, {"documents": paths})
