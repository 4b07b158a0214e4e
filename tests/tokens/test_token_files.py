"""Token files: rolled over where they grow large, read back row by row, nothing lost between."""

import json
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from halves import tokens_of

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.schema import TOKENIZED, TOKENS, plain
from bfpack_spark.tokens.token_files import (
    TokenFileSizes,
    read_token_file,
    slices,
    write_token_files,
)


def documents(lengths: list[int]) -> pa.RecordBatch:
    """Document n holds n in every token."""
    rows = [
        {
            "doc_id": f"d{n}",
            "length": length,
            "tokens": np.full(length, n, dtype="<i4").tobytes(),
        }
        for n, length in enumerate(lengths)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=plain(TOKENIZED))


def write(batches: Iterator[pa.RecordBatch], root: Path) -> Iterator[pa.RecordBatch]:
    sizes = TokenFileSizes(group_tokens=10, file_tokens=25)
    return write_token_files(
        batches, root=str(root), metadata={}, num_high=0, tally=Tally(), sizes=sizes
    )


def test_a_partition_rolls_over_to_a_new_file_and_loses_nothing(tmp_path: Path) -> None:
    lengths = [7, 8, 1, 1, 30, 2, 9]
    batches = (documents(lengths).slice(n, 1) for n in range(len(lengths)))
    (said,) = write(batches, tmp_path)
    found = json.loads(said.column("message")[0].as_py())
    assert (found["counts"]["documents_by_reason"], found["counts"]["not_audited"]) == ({}, 0)
    names = [entry["path"] for entry in found["files"]]
    assert names == [f"documents/part-00000-{n:03d}.parquet" for n in range(len(names))]
    assert len(names) > 1
    held = [row for name in names for row in pq.read_table(tmp_path / name).to_pylist()]
    assert {*held[0]} == {"doc_id", "length", "low"}
    rows = [{"doc_id": r["doc_id"], "length": r["length"], "tokens": tokens_of(r)} for r in held]
    assert rows == documents(lengths).select(TOKENS.names).to_pylist()
    for entry in found["files"]:
        read = list(read_token_file(f"{tmp_path}/{entry['path']}", batch_rows=1))
        assert [row for row, _ in read] == list(range(entry["rows"]))
        assert sum(batch.column("length")[0].as_py() for _, batch in read) == entry["tokens"]


def test_a_batch_is_let_go_before_the_next_is_made(tmp_path: Path) -> None:
    held = []

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(3):
            made = [documents([20])]
            batch = weakref.ref(made[0])
            yield made.pop()
            held.append(batch())

    list(write(batches(), tmp_path))
    assert held == [None] * 3


def test_slices_are_the_ids_that_row_start_and_length_name() -> None:
    tokens = documents([3, 5, 4]).column("tokens")
    row, start, length = (np.array(column) for column in ([2, 0, 1], [1, 0, 4], [3, 2, 1]))
    found = slices(tokens, row, start, length).to_pylist()
    assert [np.frombuffer(part, "<i4").tolist() for part in found] == [[2, 2, 2], [0, 0], [1]]
    with pytest.raises(AssertionError, match="the store has changed"):
        slices(tokens, np.array([0]), np.array([1]), np.array([3]))
