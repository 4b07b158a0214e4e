"""What a token file holds of ids is read as the same ids, in every format."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from halves import high, ids_sha256, low, tokens_of
from plan.stored import write_tokens

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.schema import TOKENIZED, plain, stored_tokens
from bfpack_spark.tokens.stored_ids import halves_of, ids_of_row, whole_ids
from bfpack_spark.tokens.token_files import TokenFileSizes, read_token_file, write_token_files

IDS = {"a": [5, 65_535, 0], "b": [70_000, 3], "c": [131_071] * 7, "d": [1]}
LIMITS = {0: 65_536, 1: 2**24, 2: 2**31}


def ids_for(num_high: int) -> dict[str, list[int]]:
    ids = {name: [number % LIMITS[num_high] for number in own] for name, own in IDS.items()}
    ids["e"] = [LIMITS[num_high] - 1]
    return ids


def rows_of(ids: dict[str, list[int]]) -> list[dict[str, object]]:
    return [
        {"doc_id": name, "length": len(own), "tokens": np.array(own, dtype="<i4").tobytes()}
        for name, own in ids.items()
    ]


def written(root: Path, ids: dict[str, list[int]], num_high: int) -> tuple[str, str]:
    """The path of a file of several row groups, and the ids_sha256 of its entry."""
    batch = pa.RecordBatch.from_pylist(rows_of(ids), schema=plain(TOKENIZED))
    (said,) = write_token_files(
        iter([batch.slice(n, 1) for n in range(len(batch))]),
        root=str(root),
        metadata={},
        num_high=num_high,
        tally=Tally(),
        sizes=TokenFileSizes(group_tokens=4),
    )
    (entry,) = json.loads(said.column("message")[0].as_py())["files"]
    return f"{root}/{entry['path']}", entry["ids_sha256"]


def of_format_1(root: Path, ids: dict[str, list[int]]) -> str:
    return write_tokens(root, "documents/part-0.parquet", rows_of(ids))


@pytest.mark.parametrize("num_high", [0, 1, 2])
def test_ids_are_read_as_they_were_written(num_high: int, tmp_path: Path) -> None:
    ids = ids_for(num_high)
    path, digest = written(tmp_path, ids, num_high)
    batches = [batch for _, batch in read_token_file(path, batch_rows=1)]
    assert {batch.schema for batch in batches} == {plain(stored_tokens(num_high, masks=False))}
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert digest == ids_sha256(rows)
    assert {row["doc_id"]: ids_of_row(row).tolist() for row in rows} == ids
    whole = [row for batch in batches for row in whole_ids(batch).to_pylist()]
    assert whole == rows_of(ids)
    if num_high < 2:
        assert [tokens_of(row) for row in rows] == [row["tokens"] for row in whole]


@pytest.mark.parametrize("num_high", [0, 1])
def test_a_file_of_format_1_is_read_as_one_of_today(num_high: int, tmp_path: Path) -> None:
    ids = ids_for(num_high)
    ((_, batch),) = read_token_file(of_format_1(tmp_path, ids))
    assert whole_ids(batch).to_pylist() == rows_of(ids)
    assert {row["doc_id"]: ids_of_row(row).tolist() for row in batch.to_pylist()} == ids
    slices = [halves_of(batch.slice(first, 2), num_high) for first in (0, 2, 4)]
    rows = [row for part in slices for row in part.to_pylist()]
    assert [row["low"] for row in rows] == [low(own) for own in ids.values()]
    assert [row.get("high") for row in rows] == [
        high(own) if num_high else None for own in ids.values()
    ]


def test_columns_of_other_lengths_are_not_made_one(tmp_path: Path) -> None:
    """Even if they have as many values in all."""
    path, _ = written(tmp_path, ids_for(1), 1)
    batch = pa.concat_batches([batch for _, batch in read_token_file(path)])
    whole_ids(batch)
    at = batch.schema.get_field_index("high")
    wrong = batch.column("high").to_pylist()
    wrong[:2] = [wrong[0][:-1], wrong[0][-1:] + wrong[1]]
    with pytest.raises(ValueError, match="not of the same tokens"):
        whole_ids(batch.set_column(at, "high", pa.array(wrong, pa.binary())))


def test_an_id_beyond_the_vocabulary_fails_the_task(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="is not of this vocabulary"):
        written(tmp_path, IDS, 0)
