"""Fragments of a vocabulary of over 65,536 entries: cut, sent and gathered in two columns."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from halves import high, low
from plan.stored import write_tokens
from sequences.test_shard_files import TASK

from bfpack_spark.schema import LOCATED, SEGMENTS, TOKENS, plain, stored_tokens
from bfpack_spark.sequences.assemble_sequences import CutSpec, cut_to_blocks
from bfpack_spark.sequences.shard_files import ShardSpec, gather_rows
from bfpack_spark.spark.blocks import from_blocks, to_blocks

BOS = 70_001
IDS = {"a": [1, 70_000, 65_535, 65_536, 5, 131_071], "b": [2, 131_070]}
# sequence_id, position, offset, row, start, length, document. A BOS is before what goes on.
PIECES = [
    (0, 0, 0, 0, 0, 3, "a"),
    (0, 1, 3, 1, 0, 2, "b"),
    (1, 0, 0, 0, 3, 4, "a"),
]


def token_file(folder: Path, number: int) -> str:
    """A file of this format."""
    rows = [
        {
            "doc_id": doc_id,
            "length": len(ids),
            "low": low(ids),
            "high": high(ids),
            "tokens": np.array(ids, dtype="<i4").tobytes(),
        }
        for doc_id, ids in IDS.items()
    ]
    schema = TOKENS if number == 1 else stored_tokens(1, masks=False)
    return write_tokens(folder, "part-0.parquet", rows, schema=schema)


def pieces() -> pa.Table:
    rows = [
        dict(zip(LOCATED.names, values, strict=True))
        for sequence_id, position, offset, row, start, length, doc in PIECES
        for values in [(0, 0, row, len(IDS[doc]), sequence_id, position, offset, start, length)]
    ]
    return pa.Table.from_pylist(rows, schema=plain(LOCATED))


@pytest.mark.parametrize("number", [1, 2])
def test_ids_above_65_535_and_bos_come_whole_to_their_rows(number: int, tmp_path: Path) -> None:
    cut = CutSpec(
        token_paths=[token_file(tmp_path, number)],
        starts=np.array([0, 2]),
        num_high=1,
        bos_id=BOS,
    )
    blocks = cut_to_blocks(iter([to_blocks(pieces(), LOCATED, "task")]), spec=cut)
    names = [name for name in SEGMENTS.names if name != "shard"]
    segments = from_blocks(list(blocks), SEGMENTS, names)
    order = np.lexsort((segments["position"].to_numpy(), segments["sequence_id"].to_numpy()))
    spec = ShardSpec(**{**vars(TASK), "seq_len": 6, "num_high": 1, "pad_id": 99_999})
    rows = gather_rows(segments.take(pa.array(order)), 0, 2, spec).to_pylist()
    assert [row["input_ids"] for row in rows] == [
        [1, 70_000, 65_535, 2, 131_070, 99_999],
        [BOS, 65_536, 5, 131_071, 99_999, 99_999],
    ]
