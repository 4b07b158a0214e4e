"""Tokens go to their shard, each fragment the slice of its document that the plan names."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from halves import low
from plan.stored import write_tokens
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.core.tasks import TaskSizes
from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import LOCATED, PLAN, SEGMENTS, blocks_of, plain
from bfpack_spark.sequences.assemble_sequences import (
    CutSpec,
    assemble_sequences,
    cut_to_blocks,
)
from bfpack_spark.sequences.locate_fragments import locate_fragments
from bfpack_spark.spark.blocks import from_blocks, to_blocks
from bfpack_spark.spark.partitions import files_frame

NAMES = [name for name in SEGMENTS.names if name not in ("shard", "high")]

# Token files 0 and 1. Token t of document d is 100 d + t.
FILES = [{"a": 5, "b": 3}, {"c": 9, "d": 1, "e": 4}]
NUMBER = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7}
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
    rows = [
        {"doc_id": doc_id, "length": length, "tokens": ids_of(doc_id, 0, length).tobytes()}
        for doc_id, length in lengths.items()
    ]
    return write_tokens(folder, f"part-{number}.parquet", rows, [2] * -(-len(rows) // 2))


def ids_of(doc_id: str, start: int, length: int) -> np.ndarray:
    return (100 * NUMBER[doc_id] + start + np.arange(length)).astype("<i4")


def assembled(
    spark: SparkSession, paths: list[str], planned: list[tuple[Any, ...]], starts: Any = STARTS
) -> DataFrame:
    sources = plan_and_files(spark, paths, planned)
    located = locate_fragments(sources, len(planned), 1, len(paths))
    return assemble_sequences(located, CutSpec(token_paths=paths, starts=starts, num_high=0))


def plan_and_files(
    spark: SparkSession, paths: list[str], planned: list[tuple[Any, ...]]
) -> DataFrame:
    """files_frame of the token files and a plan file with these rows."""
    plan = pa.Table.from_pylist(
        [dict(zip(PLAN.names, row, strict=True)) for row in planned], schema=plain(PLAN)
    )
    output = ParquetOutput(str(Path(paths[0]).parent), "plan.parquet", PLAN)
    for first in range(0, len(plan), 3):
        output.write(plan.slice(first, 3))
    output.close("plan", 0, None)
    sources = {"plan": [f"{Path(paths[0]).parent}/plan.parquet"], "documents": paths}
    return files_frame(spark, sources)


def segments_of(blocks: DataFrame) -> list[dict[str, Any]]:
    """The rows of SEGMENTS that all blocks hold."""
    by_shard = [blocks.where(f"shard = {shard}").toArrow() for shard in range(3)]
    return [
        {"shard": shard, **row}
        for shard, table in enumerate(by_shard)
        for row in from_blocks(table.to_batches(), SEGMENTS, NAMES).to_pylist()
    ]


def test_every_fragment_is_the_slice_that_the_plan_names(
    spark: SparkSession, token_paths: list[str]
) -> None:
    found = assembled(spark, token_paths, PLANNED)
    assert found.columns == blocks_of(SEGMENTS, "shard").names
    rows = {(row["sequence_id"], row["position"]): row for row in segments_of(found)}
    assert len(rows) == len(PLANNED)
    lengths = {doc_id: length for file in FILES for doc_id, length in file.items()}
    for sequence_id, position, offset, doc_id, start, length, _ in PLANNED:
        row = rows[sequence_id, position]
        assert row["low"] == low(ids_of(doc_id, start, length))
        told = (row["offset"], row["doc_id"], row["start"], row["length"], row["doc_length"])
        assert told == (offset, doc_id, start, length, lengths[doc_id])
        assert row["shard"] == {0: 0, 1: 0, 2: 1, 3: 2, 4: 2}[sequence_id]


def test_each_shard_is_a_partition(
    spark: SparkSession, token_paths: list[str], either_way: str
) -> None:
    found = assembled(spark, token_paths, PLANNED)
    placed = found.selectExpr("spark_partition_id() AS place", "shard").distinct().collect()
    assert {(row["place"], row["shard"]) for row in placed} == {(0, 0), (1, 1), (2, 2)}


def test_fragments_of_a_document_in_no_token_file_are_left_out(
    spark: SparkSession, token_paths: list[str], tmp_path: Path
) -> None:
    other = write_token_file(tmp_path, 2, {"c": 9, "f": 1, "e": 4})
    found = segments_of(assembled(spark, [token_paths[0], other], PLANNED))
    assert sorted((r["sequence_id"], r["position"]) for r in found) == sorted(
        (row[0], row[1]) for row in PLANNED if row[3] != "d"
    )


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


def test_documents_and_fragments_meet_whatever_the_number_of_parts(
    spark: SparkSession, token_paths: list[str]
) -> None:
    """Of 8 fragments two a part: 5 parts, in some of them documents alone or nothing."""
    sources = plan_and_files(spark, token_paths, PLANNED)
    located = locate_fragments(sources, 8, 1, 2, TaskSizes(fragments_a_part=2))
    spec = CutSpec(token_paths=token_paths, starts=STARTS, num_high=0)
    rows = segments_of(assemble_sequences(located, spec))
    found = {(r["sequence_id"], r["position"]): (r["doc_id"], r["start"]) for r in rows}
    assert found == {(row[0], row[1]): (row[3], row[4]) for row in PLANNED}


def test_of_many_files_each_task_walks_several(spark: SparkSession, tmp_path: Path) -> None:
    """Seven files of a document, three tasks, and no more blocks than three whatever the files."""
    paths = [write_token_file(tmp_path, n, {name: 3}) for n, name in enumerate("abcdefg")]
    planned = [(n, 0, 0, name, 0, 3, 0) for n, name in enumerate("gfedcba")]
    located = locate_fragments(
        plan_and_files(spark, paths, planned), 7, 7, 7, TaskSizes(tasks_max=3)
    )
    assert located.rdd.getNumPartitions() == 3
    assert located.count() == 3
    spec = CutSpec(token_paths=paths, starts=np.array([0, 3, 7]), num_high=0)
    rows = segments_of(assemble_sequences(located, spec))
    found = {row["sequence_id"]: row["low"] for row in rows}
    assert found == {n: low(ids_of(name, 0, 3)) for n, name in enumerate("gfedcba")}


def test_a_batch_of_blocks_is_full_at_a_number_of_tokens_not_of_segments(
    token_paths: list[str],
) -> None:
    """Token file 1 in pieces of one token, about 4 tokens a block: 14 tokens in two row groups."""
    numbers = [(row, start) for row, size in enumerate([9, 1, 4]) for start in range(size)]
    pieces = pa.table(
        {
            "task": pa.array([0] * 14, pa.int32()),
            "file": pa.array([1] * 14, pa.int32()),
            "row": [row for row, _ in numbers],
            "doc_length": [9] * 14,
            "sequence_id": pa.array(range(14), pa.int64()),
            "position": pa.array([0] * 14, pa.int32()),
            "offset": pa.array([0] * 14, pa.int32()),
            "start": [start for _, start in numbers],
            "length": pa.array([1] * 14, pa.int32()),
        }
    )
    spec = CutSpec(
        token_paths=token_paths,
        starts=np.array([0, 14]),
        num_high=0,
        batch_tokens=2,
        block_tokens=4,
    )
    blocks = cut_to_blocks(iter([to_blocks(pieces, LOCATED, "task")]), spec=spec)
    sizes = [len(batch.column("length")[0].as_py()) // 4 for batch in blocks]
    assert sizes == [4, 4, 4, 2]


def test_a_document_that_is_stored_twice_fails_the_job(
    spark: SparkSession, token_paths: list[str], tmp_path: Path
) -> None:
    paths = [*token_paths, write_token_file(tmp_path, 2, {"f": 2, "c": 9})]
    with pytest.raises(PythonException, match="occurs twice in the store"):
        assembled(spark, paths, PLANNED).collect()
