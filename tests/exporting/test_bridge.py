"""Packed Parquet of Megatron-Bridge, read as its loader reads it: by a plain loop, written anew
after its documentation."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack
from conversations import BUCKET, conversations, pack, write
from exporting.rows_by_hand import ROWS
from outputs import current, segments, shard_rows

from bfpack_spark.exporting.bridge import table_of

SEQ_LEN = 512


def pairs_of(row: dict[str, Any]) -> Iterator[tuple[int, int, int]]:
    """What is trained on: each input, its label, and whether the label has a loss."""
    bounds = [*row["seq_start_id"], len(row["input_ids"])]
    assert bounds[0] == 0
    assert len(row["loss_mask"]) == len(row["input_ids"])
    for begin, end in itertools.pairwise(bounds):
        assert begin < end
        ids, mask = row["input_ids"][begin:end], row["loss_mask"][begin:end]
        yield from zip(ids[:-1], ids[1:], mask[:-1], strict=True)


def targets_of(row: dict[str, Any]) -> list[tuple[int, int, int]]:
    """The same of a row of a shard."""
    documents = [(ids, mask) for name, _, _, ids, mask in segments(row) if name is not None]
    pairs = (zip(ids[:-1], ids[1:], mask[1:], strict=True) for ids, mask in documents)
    return list(itertools.chain.from_iterable(pairs))


def test_rows_by_hand_lose_their_padding_and_masks_move_to_the_labels() -> None:
    assert table_of(ROWS).to_pylist() == [
        {"input_ids": [5, 0, 7, 0], "loss_mask": [1, 0, 1, 0], "seq_start_id": [0, 2]},
        {"input_ids": [6, 0], "loss_mask": [1, 0], "seq_start_id": [0]},
    ]
    mask = np.array([[1, 0, 0, 1], [1, 1, 0, 0]], dtype=np.int8)
    masked = table_of(replace(ROWS, loss_mask=mask)).to_pylist()
    assert [row["loss_mask"] for row in masked] == [[0, 0, 1, 0], [1, 0]]


@pytest.fixture(scope="module")
def chats(bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp = tmp_path_factory.mktemp("chats")
    more = ("--loss-mask-column", "mask", "--num-shards", 2)
    pack(bfpack, tmp, write(tmp / "in", conversations(60)), *more, seq_len=SEQ_LEN)
    return tmp / "out"


def export(bfpack: Bfpack, form: str, output: Path) -> Any:
    return bfpack("export", form, "--output", output, "--seq-len", SEQ_LEN)


def test_an_export_trains_on_the_targets_of_the_shards(chats: Path, bfpack: Bfpack) -> None:
    export(bfpack, "bridge", chats).succeeds()
    version = current(chats, BUCKET, f"bridge-{SEQ_LEN}")
    files = sorted((version / "shards").iterdir())
    assert [path.name for path in files] == [f"part-0000{n}.idx.parquet" for n in range(2)]
    rows = [row for path in files for row in pq.read_table(path).to_pylist()]
    shards = shard_rows(current(chats, BUCKET, f"sequences-{SEQ_LEN}"))
    assert any(row["num_padding"] for row in shards)
    assert [list(pairs_of(row)) for row in rows] == [targets_of(row) for row in shards]
    kinds = [str(field.type.value_type) for field in pq.read_schema(files[0])]
    assert kinds == ["int32", "int8", "int32"]
    verify = ("verify", "--output", chats, "--seq-len", SEQ_LEN, "--json")
    assert bfpack(*verify).violations() == []
    (one, two) = files
    raw = one.read_bytes()
    one.write_bytes(two.read_bytes())
    violations = bfpack(*verify).violations()
    one.write_bytes(raw)
    assert {Path(v["shard"]).name for v in violations} == {one.name}


@pytest.mark.parametrize("form", ["megatron", "mds"])
def test_a_format_without_masks_does_not_take_rows_with_them(
    form: str, chats: Path, bfpack: Bfpack
) -> None:
    export(bfpack, form, chats).refuses("holds no loss masks")
