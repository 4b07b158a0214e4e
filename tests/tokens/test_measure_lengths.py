"""Workers count documents by length, and nothing of Spark's opens a file."""

from pathlib import Path

import pyarrow as pa
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


def test_a_file_is_counted_by_itself(spark: SparkSession, tmp_path: Path) -> None:
    (row,) = stored(spark, tmp_path, DOCUMENTS, 1).collect()
    histogram = count_lengths(row["path"])
    assert dict(zip(histogram.values.tolist(), histogram.counts.tolist(), strict=True)) == {
        0: 1,
        3: 2,
        5: 3,
        70000: 1,
    }
