"""Segments travel many in a row, and come out as they went in."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.schema import SEGMENTS, plain
from bfpack_spark.storage import segment_blocks
from bfpack_spark.storage.segment_blocks import from_blocks, to_blocks

SEGMENT = st.tuples(
    st.integers(0, 3),  # shard
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.integers(0, 2**63 - 1),
    st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=6),
    st.integers(0, 2**63 - 1),
)


def table_of(rows: list[tuple[object, ...]]) -> pa.Table:
    made = [
        (*row[:6], len(row[6]), row[7], np.array(row[6], dtype="<i4").tobytes())  # type: ignore[arg-type]
        for row in rows
    ]
    columns = dict(zip(SEGMENTS.names, zip(*made, strict=True), strict=True))
    return pa.Table.from_pydict(columns, schema=plain(SEGMENTS))


@given(st.lists(SEGMENT, min_size=1, max_size=30), st.integers(1, 7))
def test_segments_come_out_as_they_went_in_whatever_the_batches(
    rows: list[tuple[object, ...]], batch_rows: int
) -> None:
    table = table_of(rows)
    blocks = list(to_blocks(iter(table.to_batches(max_chunksize=batch_rows))))
    for shard in {row[0] for row in rows}:
        own = [block.filter(pa.compute.equal(block.column("shard"), shard)) for block in blocks]
        expected = [row for row in table.to_pylist() if row["shard"] == shard]
        assert expected
        found = from_blocks([block for block in own if len(block)]).to_pylist()
        assert [{"shard": shard, **row} for row in found] == expected


def test_a_batch_of_blocks_is_full_at_a_number_of_tokens_not_of_segments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2 tokens each, 10 a batch: 5 segments, dealt to 2 shards in turn."""
    monkeypatch.setattr(segment_blocks, "_BLOCK_TOKENS", 10)
    rows = [(n % 2, n, 0, 0, "d", 0, [n, n], 2) for n in range(12)]
    blocks = list(to_blocks(iter(table_of(rows).to_batches(max_chunksize=1))))
    assert [block.column("shard").to_pylist() for block in blocks] == [[0, 1]] * 3
    sizes = [[len(lengths) // 4 for lengths in b.column("length").to_pylist()] for b in blocks]
    assert sizes == [[3, 2], [2, 3], [1, 1]]


def test_a_block_that_lost_bytes_is_noticed() -> None:
    (block,) = to_blocks(iter(table_of([(0, 0, 0, 0, "d", 0, [1, 2, 3], 3)]).to_batches()))
    at = block.schema.get_field_index("doc_id")
    with pytest.raises(AssertionError, match="lacks"):
        from_blocks([block.set_column(at, "doc_id", pa.array([b""], pa.binary()))])
