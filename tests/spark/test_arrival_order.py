"""What a task sends does not depend on the order in which its blocks came, nor on their batches."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from plan.stored import write_tokens

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.stretches import stretches_of
from bfpack_spark.plan.group_documents import to_groups
from bfpack_spark.schema import LOCATED, RANKED, SOUGHT
from bfpack_spark.sequences.assemble_sequences import CutSpec, cut_to_blocks
from bfpack_spark.sequences.locate_fragments import join_blocks
from bfpack_spark.spark.blocks import to_blocks

Worker = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]

NUM = 60  # documents, of 1 to 7 tokens, in three files
LENGTHS = [1 + number % 7 for number in range(NUM)]


def in_blocks(table: pa.Table, schema: pa.Schema, key: str) -> list[pa.RecordBatch]:
    """A block for each two rows."""
    parts = (table.slice(first, 2).combine_chunks() for first in range(0, len(table), 2))
    return [to_blocks(part, schema, key) for part in parts]


def sent(worker: Worker, blocks: list[pa.RecordBatch], seed: int) -> list[bytes]:
    """All that a worker sends, if the blocks come in an order and in batches that are drawn."""
    generator = np.random.default_rng(seed)
    rows = [block.slice(n, 1) for block in blocks for n in range(len(block))]
    mixed = pa.Table.from_batches([rows[n] for n in generator.permutation(len(rows))])
    batches = mixed.combine_chunks().to_batches(max_chunksize=int(generator.integers(1, 9)))
    return [bytes(batch.serialize()) for batch in worker(iter(batches))]


def numbers(values: list[int], kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind)


def located(_: Path) -> tuple[Worker, list[pa.RecordBatch]]:
    """Documents and two fragments of each meet in one part, for three tasks."""
    ids = [f"d{number}" for number in range(NUM)]
    part = numbers([0] * NUM, pa.int32())
    documents = pa.table(
        {
            "part": part,
            "doc_id": ids,
            "file": numbers([number % 3 for number in range(NUM)], pa.int32()),
            "row": numbers([number // 3 for number in range(NUM)], pa.int64()),
            "doc_length": numbers(LENGTHS, pa.int64()),
        }
    )
    fragments = pa.table(
        {
            "part": part,
            "doc_id": ids[::-1],
            "sequence_id": numbers(list(range(NUM)), pa.int64()),
            **{name: numbers([0] * NUM, pa.int32()) for name in ("position", "offset")},
            "start": numbers([0] * NUM, pa.int64()),
            "length": numbers([1] * NUM, pa.int32()),
        }
    )
    blocks = [each for table in (documents, fragments) for each in in_blocks(table, SOUGHT, "part")]
    return functools.partial(join_blocks, num_files=3, num_tasks=3), blocks


def cut(folder: Path) -> tuple[Worker, list[pa.RecordBatch]]:
    """Pieces of one token of one file, for two shards, a few tokens in a block."""
    rows = [
        {"doc_id": f"d{n}", "length": length, "tokens": np.arange(length, dtype="<i4").tobytes()}
        for n, length in enumerate(LENGTHS)
    ]
    path = write_tokens(folder, "tokens.parquet", rows)
    places = [(row, start) for row, length in enumerate(LENGTHS) for start in range(length)]
    size = len(places)
    pieces = pa.table(
        {
            "task": numbers([0] * size, pa.int32()),
            "file": numbers([0] * size, pa.int32()),
            "row": numbers([row for row, _ in places], pa.int64()),
            "doc_length": numbers([LENGTHS[row] for row, _ in places], pa.int64()),
            "sequence_id": numbers([n * 7 % size for n in range(size)], pa.int64()),
            **{name: numbers([0] * size, pa.int32()) for name in ("position", "offset")},
            "start": numbers([start for _, start in places], pa.int64()),
            "length": numbers([1] * size, pa.int32()),
        }
    )
    spec = CutSpec(
        token_paths=[path],
        starts=np.array([0, size // 2, size]),
        num_high=0,
        batch_tokens=8,
        block_tokens=32,
    )
    worker = functools.partial(cut_to_blocks, spec=spec)
    return worker, in_blocks(pieces, LOCATED, "task")


def grouped(_: Path) -> tuple[Worker, list[pa.RecordBatch]]:
    """Documents of one stretch, for five groups."""
    documents = pa.table(
        {
            "stretch": numbers([0] * NUM, pa.int32()),
            "doc_id": [f"d{number}" for number in range(NUM)],
            "length": numbers(LENGTHS, pa.int64()),
            "doc_hash": numbers([number * 37 % 11 for number in range(NUM)], pa.int64()),
        }
    )
    values, counts = np.unique(LENGTHS, return_counts=True)
    stretches = stretches_of(Histogram(values=values, counts=counts), NUM)
    return functools.partial(to_groups, stretches=stretches, groups=5, seed=3), in_blocks(
        documents, RANKED, "stretch"
    )


@pytest.mark.parametrize("stage", [located, cut, grouped])
def test_shuffled_blocks_give_the_same_bytes(
    stage: Callable[[Path], tuple[Worker, list[pa.RecordBatch]]], tmp_path: Path
) -> None:
    worker, blocks = stage(tmp_path)
    first = sent(worker, blocks, 0)
    assert sum(map(len, first)) > 1000
    for seed in range(1, 6):
        assert sent(worker, blocks, seed) == first
