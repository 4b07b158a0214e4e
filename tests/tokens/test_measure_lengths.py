"""Workers count documents by length, and nothing of Spark's opens a file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plan.stored import stored
from pyspark.sql import SparkSession

from bfpack_spark.schema import MEASURED, blocks_of, plain
from bfpack_spark.tokens.measure_lengths import count_lengths, measure_lengths, measured

DOCUMENTS = [(f"d{n}", length) for n, length in enumerate([5, 0, 3, 5, 5, 3, 70000])]


@pytest.mark.parametrize(("blocks_max", "num_blocks"), [(3, 3), (2, 1)])
def test_lengths_of_all_files_are_added_up(
    spark: SparkSession, tmp_path: Path, blocks_max: int, num_blocks: int
) -> None:
    sources = stored(spark, tmp_path, DOCUMENTS, 3)
    rows = measure_lengths(sources, 3, blocks_max=blocks_max).collect()
    assert len(rows) == num_blocks
    schema = plain(blocks_of(MEASURED, "part"))
    told = [row.asDict() for row in rows]
    histogram = measured([pa.RecordBatch.from_pylist(told, schema=schema)])
    assert histogram.values.tolist() == [0, 3, 5, 70000]
    assert histogram.counts.tolist() == [1, 2, 3, 1]


@pytest.mark.parametrize("longest", [9, (1 << 20) - 1, 1 << 20, 1 << 27])
def test_lengths_of_any_size_are_counted(longest: int, tmp_path: Path) -> None:
    lengths = [3, 0, longest, 3, 7, longest, 3]
    table = pa.table({"length": pa.array(lengths, pa.int32())})
    pq.write_table(table, tmp_path / "part.parquet", row_group_size=2)
    histogram = count_lengths(str(tmp_path / "part.parquet"))
    assert histogram.values.tolist() == [0, 3, 7, longest]
    assert histogram.counts.tolist() == [1, 3, 1, 2]
    assert (histogram.values.dtype, histogram.counts.dtype) == (np.int64, np.int64)


def test_a_file_without_documents_has_no_lengths(tmp_path: Path) -> None:
    pq.write_table(pa.table({"length": pa.array([], pa.int32())}), tmp_path / "part.parquet")
    assert len(count_lengths(str(tmp_path / "part.parquet")).values) == 0
