"""Rows travel many in one, and come out as they went in."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from halves import high, low
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.schema import SEGMENTS, SOUGHT, blocks_of, plain
from bfpack_spark.spark.blocks import from_blocks, has, to_blocks

REST = [name for name in SEGMENTS.names if name != "shard"]
SEGMENT = st.tuples(
    st.integers(0, 3),  # shard
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.integers(0, 2**63 - 1),
    st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=6),
    st.integers(0, 2**63 - 1),
)


def table_of(rows: list[tuple[object, ...]]) -> pa.Table:
    made = [
        (*row[:6], len(row[6]), row[7], low(row[6]), high(row[6]))  # type: ignore[arg-type]
        for row in rows
    ]
    columns = dict(zip(SEGMENTS.names, zip(*made, strict=True), strict=True))
    return pa.Table.from_pydict(columns, schema=plain(SEGMENTS))


@given(st.lists(SEGMENT, min_size=1, max_size=30), st.integers(1, 7))
def test_rows_come_out_as_they_went_in_whatever_the_batches(
    rows: list[tuple[object, ...]], batch_rows: int
) -> None:
    table = table_of(rows)
    batches = table.to_batches(max_chunksize=batch_rows)
    blocks = [to_blocks(pa.Table.from_batches([batch]), SEGMENTS, "shard") for batch in batches]
    for shard in {row[0] for row in rows}:
        own = [block.filter(pc.equal(block.column("shard"), shard)) for block in blocks]
        expected = [row for row in table.to_pylist() if row["shard"] == shard]
        assert expected
        found = from_blocks(own, SEGMENTS, REST).to_pylist()
        assert [{"shard": shard, **row} for row in found] == expected


def test_a_block_a_key_and_batch() -> None:
    rows = [(n % 2, n, 0, 0, "d", 0, [n, n], 2) for n in range(5)]
    block = to_blocks(table_of(rows), SEGMENTS, "shard")
    assert block.schema == plain(blocks_of(SEGMENTS, "shard"))
    assert block.column("shard").to_pylist() == [0, 1]
    assert [len(own) // 4 for own in block.column("length").to_pylist()] == [3, 2]


def test_columns_that_a_table_lacks_are_empty_in_its_blocks() -> None:
    document = pa.table({"part": pa.array([0], pa.int32()), "doc_id": ["d"], "row": [7]})
    fragment = pa.table({"part": pa.array([0], pa.int32()), "doc_id": ["d"], "sequence_id": [5]})
    both = [to_blocks(table, SOUGHT, "part") for table in (document, fragment)]
    batch = pa.Table.from_batches(both).combine_chunks().to_batches()[0]
    assert has(batch, "row").to_pylist() == [True, False]
    assert has(batch, "sequence_id").to_pylist() == [False, True]
    found = from_blocks([batch.filter(has(batch, "row"))], SOUGHT, ["doc_id", "row"])
    assert found.to_pylist() == [{"doc_id": "d", "row": 7}]


def test_no_blocks_are_no_rows() -> None:
    assert from_blocks([], SEGMENTS, REST).num_rows == 0


def test_a_block_that_lost_bytes_is_noticed() -> None:
    block = to_blocks(table_of([(0, 0, 0, 0, "d", 0, [1, 2, 3], 3)]), SEGMENTS, "shard")
    at = block.schema.get_field_index("doc_id")
    with pytest.raises(AssertionError, match="lacks"):
        from_blocks([block.set_column(at, "doc_id", pa.array([b""], pa.binary()))], SEGMENTS, REST)
