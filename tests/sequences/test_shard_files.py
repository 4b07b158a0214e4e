"""Segments become rows; what is missing or doubled is not papered over."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from halves import low

from bfpack_spark.schema import SEGMENTS, SEQUENCES, plain
from bfpack_spark.sequences.shard_files import ShardSpec, gather_rows, write_shards
from bfpack_spark.spark.blocks import to_blocks

TASK = ShardSpec(
    root="nowhere",
    bucket="b",
    seq_len=4,
    pad_id=9,
    starts=np.array([5, 7]),
    metadata={},
    num_high=0,
)

NAMES = [name for name in SEGMENTS.names if name != "high"]  # no id takes more than 16 bits

# Two sequences of 4: [a0 a1 b0 +1 padding], [c0 c1 c2 c3].
ROWS = [
    (0, 5, 0, 0, "a", 0, 2, 2, [1, 2]),
    (0, 5, 1, 2, "b", 0, 1, 1, [3]),
    (0, 6, 0, 0, "c", 4, 4, 8, [4, 5, 6, 7]),
]


def segments(rows: list[tuple[object, ...]]) -> pa.Table:
    columns = dict(zip(NAMES, zip(*rows, strict=True), strict=True))
    columns["low"] = [low(ids) for ids in columns["low"]]
    arrays = {
        f.name: pa.array(columns[f.name], pa.large_binary() if f.name == "low" else f.type)
        for f in (SEGMENTS.field(name) for name in NAMES)
    }
    return pa.table(arrays)


def test_segments_are_gathered_in_order_and_padded_at_the_end() -> None:
    assert gather_rows(segments(ROWS), 5, 2, TASK).to_pylist() == [
        {
            "sequence_id": 5,
            "input_ids": [1, 2, 3, 9],
            "seq_lengths": [2, 1, 1],
            "doc_ids": ["a", "b", None],
            "doc_starts": [0, 0, 0],
            "doc_lengths": [2, 1, 0],
            "num_tokens": 3,
            "num_padding": 1,
            "bucket": "b",
        },
        {
            "sequence_id": 6,
            "input_ids": [4, 5, 6, 7],
            "seq_lengths": [4],
            "doc_ids": ["c"],
            "doc_starts": [4],
            "doc_lengths": [8],
            "num_tokens": 4,
            "num_padding": 0,
            "bucket": "b",
        },
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (ROWS[1:], "positions have gaps"),
        (ROWS[:2], "lacks its fragments"),
        ([ROWS[0], *ROWS], "too full"),
        ([*ROWS[:2], *ROWS[1:]], "positions have gaps"),
        ([*ROWS, ROWS[2]], "too full"),
        ([ROWS[1], ROWS[0], ROWS[2]], "positions have gaps"),
        ([ROWS[0], (0, 5, 1, 3, "b", 0, 1, 1, [3]), ROWS[2]], "offsets too"),
    ],
)
def test_a_missing_doubled_or_misplaced_segment_stops_the_job(
    rows: list[tuple[object, ...]], says: str
) -> None:
    with pytest.raises(AssertionError, match=says):
        gather_rows(segments(rows), 5, 2, TASK)


def write(
    root: Path, seq_len: int, num_rows: int, order: list[int], batch_rows: int
) -> dict[str, Any]:
    """Shard 1, sequences 3 to 3 + num_rows - 1, each one document without its last token; the
    entry for the manifest."""
    ids = np.arange(seq_len - 1).astype("<u2").tobytes()
    above = (np.arange(seq_len - 1) >> 16).astype("u1").tobytes()
    rows = [(1, 3 + n, 0, 0, f"d{n}", 0, seq_len - 1, seq_len - 1, ids, above) for n in order]
    columns = dict(zip(SEGMENTS.names, zip(*rows, strict=True), strict=True))
    table = pa.Table.from_pydict(columns, schema=plain(SEGMENTS))
    spec = ShardSpec(
        root=str(root),
        bucket="b",
        seq_len=seq_len,
        pad_id=9,
        starts=np.array([0, 3, 3 + num_rows]),
        num_high=1,
        metadata={"bfpack.seq_len": str(seq_len), "bfpack.pad_id": "9"},
    )
    batches = table.to_batches(max_chunksize=batch_rows)
    blocks = (to_blocks(pa.Table.from_batches([batch]), SEGMENTS, "shard") for batch in batches)
    (message,) = (m for batch in write_shards(blocks, spec=spec) for m in batch.to_pylist())
    said = json.loads(message["message"])
    (entry,) = said.pop("files")
    return {**entry, **said}


@pytest.mark.parametrize(
    ("seq_len", "num_rows", "groups"),
    [(4, 9000, [9000]), (60000, 5, [2, 2, 1]), (2**18, 10, [1] * 10)],
)
def test_a_shard_file_is_what_its_entry_says_and_encoded_for_every_reader(
    seq_len: int, num_rows: int, groups: list[int], tmp_path: Path
) -> None:
    entry = write(tmp_path, seq_len, num_rows, list(range(num_rows)), 1000)
    path = tmp_path / entry["path"]
    raw = path.read_bytes()
    ids = np.tile(np.append(np.arange(seq_len - 1), 9), num_rows).astype("<i4")
    assert entry == {
        "path": "shards/part-00001.parquet",
        "kind": "shards",
        "rows": num_rows,
        "tokens": num_rows * (seq_len - 1),
        "bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "ids_sha256": hashlib.sha256(ids.tobytes()).hexdigest(),
        "documents_cut": 0,
    }
    held = pq.read_metadata(path)
    assert [held.row_group(n).num_rows for n in range(held.num_row_groups)] == groups
    assert held.metadata == {b"bfpack.seq_len": str(seq_len).encode(), b"bfpack.pad_id": b"9"}
    assert pq.read_schema(path).equals(plain(SEQUENCES))
    for number in range(held.num_row_groups):
        for at in range(held.num_columns):
            column = held.row_group(number).column(at)
            assert column.compression == "ZSTD"
            assert not column.has_dictionary_page
            assert set(column.encodings) == {"PLAIN", "RLE"}
            # Thrift: field 1 (the page's type) is 0, a data page of version 1.0; 3 would be 2.0.
            assert raw[column.data_page_offset :][:2] == b"\x15\x00"
    assert pq.read_table(path)["input_ids"].combine_chunks().flatten().to_numpy().tobytes() == (
        ids.tobytes()
    )


def test_bytes_do_not_depend_on_the_order_in_which_segments_come(tmp_path: Path) -> None:
    shuffled = np.random.default_rng(0).permutation(200).tolist()
    one = write(tmp_path / "one", 8, 200, list(range(200)), 1000)
    two = write(tmp_path / "two", 8, 200, shuffled, 7)
    assert one == two
    files = [tmp_path / name / one["path"] for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_second_attempt_writes_the_same_file_over_the_first(tmp_path: Path) -> None:
    entries = [write(tmp_path, 8, 20, list(range(20)), 5) for _ in range(2)]
    assert entries[0] == entries[1]
    assert [p.name for p in (tmp_path / "shards").iterdir()] == ["part-00001.parquet"]
    assert not list((tmp_path / "_temporary").iterdir())


def test_segments_of_two_shards_in_one_partition_stop_the_job() -> None:
    both = segments([ROWS[0], ROWS[1], (1, *ROWS[2][1:])])
    with pytest.raises(AssertionError, match="one shard"):
        list(write_shards(iter([to_blocks(both, SEGMENTS, "shard")]), spec=TASK))
