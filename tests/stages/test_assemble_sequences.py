"""Tokens go to their shard, each fragment the slice of its document that the plan names."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.schema import BLOCKS, PLAN, TOKENS, spark_ddl
from bfpack_spark.stages.assemble_sequences import assemble_sequences
from bfpack_spark.storage.parquet_output import ParquetOutput
from bfpack_spark.storage.segment_blocks import from_blocks

# Token files 0 and 1. Token t of document d is 100 d + t.
FILES = [{"a": 5, "b": 3}, {"c": 9, "d": 1, "e": 4}]
NUMBER = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
STARTS = np.array([0, 2, 3, 5])  # sequences 0 and 1, 2, 3 and 4

# At 4: sequence_id, position, offset, doc_id, start, length, group.
PLANNED = [
    (0, 0, 0, "c", 4, 4, 0),
    (1, 0, 0, "b", 0, 3, 0),
    (1, 1, 3, "d", 0, 1, 0),
    (2, 0, 0, "a", 0, 4, 0),
    (3, 0, 0, "e", 0, 4, 0),
    (4, 0, 0, "a", 4, 1, 0),
    (4, 1, 1, "c", 8, 1, 0),
    (3, 1, 4, "c", 0, 4, 0),
]


@pytest.fixture
def token_paths(tmp_path: Path) -> list[str]:
    return [write_token_file(tmp_path, n, lengths) for n, lengths in enumerate(FILES)]


def write_token_file(folder: Path, number: int, lengths: dict[str, int]) -> str:
    """Two documents a row group, so that batches have to be told apart."""
    output = ParquetOutput(str(folder), f"part-{number}.parquet", TOKENS)
    rows = [
        {"doc_id": doc_id, "length": length, "tokens": ids_of(doc_id, 0, length).tobytes()}
        for doc_id, length in lengths.items()
    ]
    for first in range(0, len(rows), 2):
        output.write(pa.Table.from_pylist(rows[first : first + 2], schema=TOKENS))
    output.close("documents", sum(lengths.values()), None)
    return f"{folder}/part-{number}.parquet"


def ids_of(doc_id: str, start: int, length: int) -> np.ndarray:
    return (100 * NUMBER[doc_id] + start + np.arange(length)).astype("<i4")


def assembled(
    spark: SparkSession, paths: list[str], planned: list[tuple[Any, ...]], starts: Any = STARTS
) -> DataFrame:
    places = [
        (doc_id, length, file, row)
        for file, lengths in enumerate(FILES)
        for row, (doc_id, length) in enumerate(lengths.items())
    ]
    return assemble_sequences(
        spark.createDataFrame(planned, spark_ddl(PLAN)).repartition(3),
        spark.createDataFrame(places, "doc_id string, length int, file int, row long"),
        paths,
        starts,
    )


def segments_of(blocks: DataFrame) -> list[dict[str, Any]]:
    """The rows of SEGMENTS that all blocks hold."""
    by_shard = [blocks.where(f"shard = {shard}").toArrow() for shard in range(3)]
    return [
        {"shard": shard, **row}
        for shard, table in enumerate(by_shard)
        for row in from_blocks(table.to_batches()).to_pylist()
    ]


def test_every_fragment_is_the_slice_that_the_plan_names(
    spark: SparkSession, token_paths: list[str]
) -> None:
    found = assembled(spark, token_paths, PLANNED)
    assert found.columns == BLOCKS.names
    rows = {(row["sequence_id"], row["position"]): row for row in segments_of(found)}
    assert len(rows) == len(PLANNED)
    lengths = {doc_id: length for file in FILES for doc_id, length in file.items()}
    for sequence_id, position, offset, doc_id, start, length, _ in PLANNED:
        row = rows[sequence_id, position]
        assert row["tokens"] == ids_of(doc_id, start, length).tobytes()
        told = (row["offset"], row["doc_id"], row["start"], row["length"], row["doc_length"])
        assert told == (offset, doc_id, start, length, lengths[doc_id])
        assert row["shard"] == {0: 0, 1: 0, 2: 1, 3: 2, 4: 2}[sequence_id]


def test_each_shard_is_a_partition(spark: SparkSession, token_paths: list[str]) -> None:
    found = assembled(spark, token_paths, PLANNED)
    placed = found.selectExpr("spark_partition_id() AS place", "shard").distinct().collect()
    assert {(row["place"], row["shard"]) for row in placed} == {(0, 0), (1, 1), (2, 2)}


def test_a_token_file_that_holds_another_document_than_was_planned_fails_the_job(
    spark: SparkSession, token_paths: list[str], tmp_path: Path
) -> None:
    other = write_token_file(tmp_path, 2, {"c": 9, "b": 1, "e": 4})
    with pytest.raises(PythonException, match="the store has changed"):
        assembled(spark, [token_paths[0], other], PLANNED).collect()


def test_a_document_shorter_than_was_planned_fails_the_job(
    spark: SparkSession, token_paths: list[str], tmp_path: Path
) -> None:
    """Else the slice would go on into the next document."""
    paths = [token_paths[0], write_token_file(tmp_path, 2, {**FILES[1], "c": 8})]
    with pytest.raises(PythonException):
        assembled(spark, paths, PLANNED).collect()


def test_a_sequence_beyond_the_last_shard_fails_the_job(
    spark: SparkSession, token_paths: list[str]
) -> None:
    with pytest.raises(PythonException, match="out of range"):
        assembled(spark, token_paths, PLANNED, np.array([0, 2, 4])).collect()
