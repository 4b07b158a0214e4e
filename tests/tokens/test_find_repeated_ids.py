"""Equal doc_ids meet, in whatever files and parts they are."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from plan.stored import write_tokens
from pyspark.sql import SparkSession

from bfpack_spark.core.tasks import TaskSizes
from bfpack_spark.schema import QUARANTINE, TOKENS
from bfpack_spark.spark.partitions import files_frame, hash_ids
from bfpack_spark.tokens.find_repeated_ids import find_repeated_ids


def write(folder: Path, name: str, ids: list[str | None], schema: pa.Schema) -> str:
    """Two rows a row group."""
    rows = [{"doc_id": doc_id, "length": 0} for doc_id in ids]
    return write_tokens(folder, name, rows, [2] * -(-len(ids) // 2), schema)


@pytest.mark.parametrize("part_documents", [1, 1 << 20])
def test_ids_that_occur_twice_are_found_across_files_and_quarantine(
    spark: SparkSession, tmp_path: Path, part_documents: int, either_way: str
) -> None:
    documents = [
        write(tmp_path, "a.parquet", ["one", "two", "three", "two"], TOKENS),
        write(tmp_path, "b.parquet", ["four", "", "five"], TOKENS),
    ]
    refused = [write(tmp_path, "q.parquet", [None, "three", "", None], QUARANTINE)]
    sources = files_frame(spark, {"documents": documents, "quarantine": refused})
    rows = find_repeated_ids(sources, 11, TaskSizes(ids_a_part=part_documents)).collect()
    found = [told for row in rows for told in json.loads(row["message"])["repeated"]]
    assert sorted(found) == [["", 2], ["three", 2], ["two", 2]]


def test_ids_have_the_same_hashes_with_offsets_of_either_width() -> None:
    ids = pa.array(["one", "", "two", "one"]).slice(1)
    assert hash_ids(ids.cast(pa.large_string())).tolist() == hash_ids(ids).tolist()
