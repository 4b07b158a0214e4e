"""The bytes of a file of MDS, written by hand from its layout."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from exporting.rows_by_hand import ROWS

from bfpack_spark.exporting.mds import (
    bytes_of_file,
    compressed,
    described,
    index_of,
    rows_per_file,
)


def test_a_file_holds_a_sample_a_row() -> None:
    raw = bytes_of_file([ROWS], 4)
    head = np.frombuffer(raw[:16], "<u4").tolist()
    config = json.loads(raw[16 : head[1]])
    assert head == [2, head[1], head[1] + 30, head[1] + 60]
    assert config["column_names"] == ["seq_lengths", "tokens"]
    assert config["column_encodings"] == ["ndarray:int32", "ndarray:int32:4"]
    assert config["column_sizes"] == [None, 16]
    first = (
        "0a 00 00 00"  # bytes of seq_lengths
        "04 02"  # one axis, its length in a byte; two segments
        "02 00 00 00 02 00 00 00"
        "05 00 00 00 00 00 00 00 07 00 00 00 00 00 00 00"
    )
    assert raw[head[1] : head[2]] == bytes.fromhex(first)
    assert raw[head[2] :][-16:] == ROWS.ids[1].tobytes()


def test_row_groups_of_one_file_follow_each_other() -> None:
    one = bytes_of_file([replace(ROWS, ids=np.concatenate([ROWS.ids] * 2), **twice())], 4)
    assert bytes_of_file([ROWS, ROWS], 4) == one


def twice() -> dict[str, np.ndarray]:
    return {"num_segments": np.tile([2], 4), "seq_lengths": np.tile(ROWS.seq_lengths, 2)}


@pytest.mark.parametrize(("segments", "head"), [(255, "04 ff"), (256, "05 00 01")])
def test_the_number_of_segments_takes_as_many_bytes_as_it_needs(segments: int, head: str) -> None:
    many = replace(
        ROWS,
        ids=np.zeros((1, segments), np.int32),
        num_segments=np.array([segments]),
        seq_lengths=np.ones(segments, np.int32),
    )
    raw = bytes_of_file([many], segments)
    begin = int(np.frombuffer(raw[4:8], "<u4")[0])
    size = 4 * segments + len(bytes.fromhex(head))
    assert raw[begin : begin + 4] == size.to_bytes(4, "little")
    assert raw[begin + 4 :].startswith(bytes.fromhex(head))


def test_the_index_tells_the_file_and_what_it_is_uncompressed() -> None:
    raw = bytes_of_file([ROWS], 4)
    zipped = compressed(raw)
    assert pa.Codec("zstd").decompress(zipped, len(raw), asbytes=True) == raw
    index = json.loads(index_of([described("a.mds", raw, zipped, 2, 4)]))
    (shard,) = index["shards"]
    assert (index["version"], shard["samples"], shard["compression"]) == (2, 2, "zstd:1")
    assert shard["raw_data"]["bytes"] == len(raw)
    assert shard["zip_data"]["basename"] == "a.mds.zstd"
    assert shard["zip_data"]["bytes"] == len(zipped)


@pytest.mark.parametrize(("seq_len", "rows"), [(2048, 4096), (2**23, 1), (2**24, 1)])
def test_a_file_has_some_million_tokens_or_one_row(seq_len: int, rows: int) -> None:
    assert rows_per_file(seq_len) == rows
