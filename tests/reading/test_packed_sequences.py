"""What a training run is promised: every row once, at any world size, whatever stops it."""

import itertools
import json
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from made_mixtures import write_bucket
from made_output import SEQ_LEN, SHARDS, ids_of, lengths_of, write_output
from made_versions import run

from bfpack_spark.errors import InputError
from bfpack_spark.reading import PackedSequences
from bfpack_spark.reading.shard_files import Group, ShardFiles

ROWS = sum(SHARDS)
COLUMNS = ("sequence_id", "input_ids")
WORLDS = (1, 2, 3, 7, 8, 64)
FEW = settings(max_examples=25)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reading")
    write_output(folder)
    return folder


def opened(output: Path, **more: Any) -> PackedSequences:
    rules = {"bucket": "b", "seq_len": SEQ_LEN, "seed": 3, "lanes": 3, "window": 2, **more}
    return PackedSequences(output, **rules)


def ranks(output: Path, world_size: int, **more: Any) -> list[PackedSequences]:
    return [opened(output, rank=r, world_size=world_size, **more) for r in range(world_size)]


def rows_of(data: PackedSequences, rows: int, **more: Any) -> list[int]:
    """The sequence_ids that a rank trains on, in order."""
    return [number for batch in data.batches(rows, **more) for number in batch["sequence_id"]]


def steps(streams: list[list[int]]) -> list[int]:
    """What all ranks train on, in the order of the stream."""
    assert len({len(stream) for stream in streams}) == 1, "a rank runs dry before the others"
    return list(itertools.chain.from_iterable(zip(*streams, strict=True)))


@pytest.fixture(scope="module")
def stream(output: Path) -> list[int]:
    return rows_of(opened(output), 4)


def test_an_epoch_has_every_row_once_and_as_it_was_written(output: Path) -> None:
    seen = []
    for batch in opened(output).batches(4):
        begins = np.cumsum(batch["num_segments"]) - batch["num_segments"]
        for at, number in enumerate(batch["sequence_id"].tolist()):
            of_row = slice(begins[at], begins[at] + batch["num_segments"][at])
            assert (batch["input_ids"][at] == ids_of(number)).all()
            assert batch["seq_lengths"][of_row].tolist() == lengths_of(number)
            padding = [False] * len(lengths_of(number))
            padding[-1] = number % 5 == 0
            assert batch["is_padding"][of_row].tolist() == padding
            assert batch["num_tokens"][at] == (ids_of(number) == number).sum() or number == 7
            seen.append(number)
    assert sorted(seen) == list(range(ROWS))


@pytest.mark.parametrize("world_size", WORLDS)
def test_any_number_of_ranks_trains_on_the_same_rows(
    output: Path, stream: list[int], world_size: int
) -> None:
    data = ranks(output, world_size)
    left = data[0].left_over()
    taken = steps([rows_of(each, 2) for each in data])
    assert taken == stream[: len(taken)]
    assert list(left) == list(range(len(taken), ROWS))
    assert len(left) == ROWS % world_size
    assert {len(each) for each in data} == {ROWS // world_size}


cuts = st.lists(
    st.tuples(st.sampled_from(WORLDS[:-1]), st.integers(1, 5), st.integers(0, 4)), max_size=4
)


@FEW
@given(cuts)
def test_a_run_goes_on_where_it_stopped_with_any_ranks_and_batches(
    output: Path, stream: list[int], cuts: list[tuple[int, int, int]]
) -> None:
    """Each time it stops after some batches, and goes on with other ranks and batches."""
    state = opened(output).state_dict()
    taken: list[int] = []
    for world_size, rows, batches in [*cuts, (1, 3, ROWS)]:
        data = ranks(output, world_size)
        for each in data:
            each.load_state_dict(state)
        assert data[0].position == len(taken)
        read = [list(itertools.islice(each.batches(rows), batches)) for each in data]
        taken += steps([[n for batch in one for n in batch["sequence_id"]] for one in read])
        (state,) = {str(each.state_dict()): each.state_dict() for each in data}.values()
    assert taken == stream


def test_each_epoch_is_complete_and_in_an_order_of_its_own(output: Path) -> None:
    data = opened(output)
    epochs = []
    for epoch in range(3):
        data.set_epoch(epoch)
        epochs.append(tuple(rows_of(data, 4)))
    assert len(set(epochs)) == 3
    assert {tuple(sorted(epoch)) for epoch in epochs} == {tuple(range(ROWS))}
    assert epochs[2] == tuple(rows_of(opened(output, epoch=2), 1))


def test_balance_deals_the_rows_of_a_step_among_its_ranks(output: Path) -> None:
    plain = [list(each.batches(2)) for each in ranks(output, 3)]
    dealt = [list(each.batches(2, balance=True)) for each in ranks(output, 3)]
    differs = 0
    for step in range(ROWS // 6):
        there = [batches[step]["sequence_id"].tolist() for batches in plain]
        here = [batches[step]["sequence_id"].tolist() for batches in dealt]
        assert sorted(itertools.chain(*here)) == sorted(itertools.chain(*there))
        assert [len(rows) for rows in here] == [2, 2, 2]
        differs += here != there
    assert differs


def test_a_row_is_found_by_its_number(output: Path) -> None:
    for data in ranks(output, 3):
        data.load_state_dict({**data.state_dict(), "position": 4})
        held = rows_of(data, 4)
        assert [data[at]["sequence_id"] for at in range(len(data))] == held
        assert (data[0]["input_ids"] == ids_of(held[0])).all()
        assert data[-1]["sequence_id"] == held[-1]
        with pytest.raises(IndexError, match="row 8 of 8"):
            data[len(data)]


def test_it_says_which_documents_a_step_trained_on(output: Path, stream: list[int]) -> None:
    (*_, last) = segments = opened(output).documents(2, 3)
    assert [s.sequence_id for s in segments if s.offset == 0] == stream[2:5]
    assert {s.position for s in segments} == {2, 3, 4}
    held = [s for s in segments if s.position == 2]
    assert [s.length for s in held] == lengths_of(stream[2])
    assert {s.doc_id is None for s in segments if s.sequence_id % 5} == {False}
    assert (last.bucket, last.doc_length) == ("b", last.length if last.doc_id else 0)


@pytest.mark.parametrize(
    ("name", "value"), [("seed", 4), ("lanes", 2), ("window", 1), ("fingerprint", "0" * 64)]
)
def test_a_state_of_another_stream_is_refused(output: Path, name: str, value: object) -> None:
    data = opened(output)
    with pytest.raises(InputError, match=f"state: is of {name} {value}"):
        data.load_state_dict({**data.state_dict(), name: value})


def test_a_state_of_other_data_is_refused(output: Path, tmp_path: Path) -> None:
    write_output(tmp_path, (9, 9))
    with pytest.raises(InputError, match="state: is of fingerprint"):
        opened(tmp_path).load_state_dict(opened(output).state_dict())


@pytest.mark.parametrize(
    "state",
    [
        {},
        *({"position": held} for held in (ROWS + 1, -1, 3.9, "7", True, None, [1], float("nan"))),
        *({"epoch": held} for held in (-1, "x", 1.0)),
        {"lanes": "3"},
    ],
)
def test_a_state_that_cannot_be_is_refused(output: Path, state: dict[str, int]) -> None:
    data = opened(output)
    with pytest.raises(InputError, match="state: "):
        data.load_state_dict({**data.state_dict(), **state} if state else state)


def test_a_position_that_is_none_makes_no_state(output: Path) -> None:
    for position in (-5, ROWS + 1, 1.5):
        with pytest.raises(InputError, match=f"position {position}: give"):
            opened(output).state_dict(position)  # type: ignore[arg-type]


def test_the_state_of_a_loader_is_refused(output: Path) -> None:
    data = opened(output)
    with pytest.raises(InputError, match="state: has next, rows, so it is that of a loader"):
        data.load_state_dict({**data.state_dict(), "next": 4, "rows": 8})


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int32, np.int64, np.uint64])
def test_numbers_of_numpy_are_numbers(output: Path, kind: type[np.integer[Any]]) -> None:
    """Computed with, those of few bits overflow without a word."""
    numbers = {"seed": kind(3), "epoch": kind(1), "lanes": kind(3), "window": kind(2)}
    data = opened(output, **numbers, rank=kind(5), world_size=kind(7))
    plain = opened(output, epoch=1, rank=5, world_size=7)
    assert data[kind(3)]["sequence_id"] == plain[3]["sequence_id"]
    assert rows_of(data, kind(2), start=kind(1)) == rows_of(plain, 2, start=1)
    assert json.dumps(data.state_dict(kind(2))) == json.dumps(plain.state_dict(2))
    assert data.documents(kind(3), kind(2)) == plain.documents(3, 2)
    data.set_epoch(kind(2))
    assert type(data.epoch) is int


@pytest.mark.parametrize("rows", [ROWS, 10**12, 2**63 - 1, 2**80])
def test_a_batch_of_more_rows_than_there_are_has_all(output: Path, rows: int) -> None:
    (batch,) = opened(output).batches(rows)
    assert sorted(batch["sequence_id"].tolist()) == list(range(ROWS))


@pytest.mark.parametrize("place", [None, b"out", 7, "", "a\0b", "file:/x"])
def test_what_is_no_output_is_named(place: Any) -> None:
    with pytest.raises(InputError, match=r"^output"):
        PackedSequences(place, bucket="b", seq_len=SEQ_LEN)


def test_the_global_view_has_the_rows_of_all_ranks(output: Path, stream: list[int]) -> None:
    data = opened(output, rank=1, world_size=3)
    assert rows_of(data.global_view(), 4) == stream
    assert (data.rank, data.world_size) == (1, 3)


def test_rows_one_by_one_decode_each_row_group_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_output(tmp_path, (200, 220))  # 105 row groups of 4 rows
    read, groups = ShardFiles.read, []

    def counted(files: ShardFiles, *place: int) -> Group:
        groups.append(place)
        return read(files, *place)

    monkeypatch.setattr(ShardFiles, "read", counted)
    data = opened(tmp_path, lanes=16)
    assert [data[at]["sequence_id"] for at in range(len(data))] == rows_of(data, 4)
    alone, by_batches = groups[:105], groups[105:]
    assert sorted(alone) == sorted(by_batches)
    assert len(set(alone)) == 105


def test_a_copy_in_another_process_reads_the_same_rows(output: Path) -> None:
    data = opened(output, rank=1, world_size=2)
    assert data[0]["sequence_id"] == pickle.loads(pickle.dumps(data))[0]["sequence_id"]
    assert rows_of(pickle.loads(pickle.dumps(data)), 4) == rows_of(data, 4)


def test_a_consumer_may_stop_in_the_middle(output: Path) -> None:
    data = opened(output)
    reading = data.batches(4)
    next(reading)
    reading.close()
    assert data.position == 4
    assert len(rows_of(data, 4)) == ROWS - 4


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"rank": 2, "world_size": 2}, "rank 2 of 2"),
        ({"lanes": 0}, "lanes 0"),
        ({"window": 0}, "window 0"),
        ({"seed": -1}, "seed -1"),
        ({"seed": 1.0}, "seed 1.0: give a whole number"),
        ({"window": 2**70}, "window 1180591620717411303424: give a whole number of 1 to"),
        ({"rank": -1}, "rank -1"),
        ({"world_size": True}, "world_size True"),
        ({"seq_len": "128"}, "seq_len '128': give a whole number"),
        ({"verify": "none"}, "verify 'none'"),
        ({"bucket": None}, "give bucket and seq_len"),
        ({"bucket": "c"}, "bucket c: no sequences"),
        ({"seq_len": 5}, "no sequences of 5"),
        ({"version": "x"}, "version x: not a version"),
        ({"version": "0" * 16}, "version 0000000000000000: not complete"),
        ({"snapshot": "x"}, "snapshot x: there is none"),
        ({"snapshot": "../x"}, "snapshot ../x: there is none"),
        ({"snapshot": "x", "version": "y"}, "give one of the two"),
    ],
)
def test_what_cannot_be_opened_is_named(output: Path, more: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        opened(output, **more)


def test_an_earlier_version_is_opened_by_its_name_and_by_a_snapshot(tmp_path: Path) -> None:
    """Three and two rows were current when the snapshot was taken, and four are now."""
    earlier = write_bucket(tmp_path, "b", (3, 2))
    run("snapshot", tmp_path, "kept").succeeds()
    write_bucket(tmp_path, "b", (4,))
    for more, rows in (({}, 4), ({"version": earlier.name}, 5), ({"snapshot": "kept"}, 5)):
        data = opened(tmp_path, **more)
        assert sorted(rows_of(data, 2)) == list(range(rows)), more


def test_a_snapshot_keeps_sequences_whatever_became_of_their_tokens(tmp_path: Path) -> None:
    kept = write_bucket(tmp_path, "b", (3, 2))
    write_bucket(tmp_path, "c", (4,))
    (tmp_path / "b" / "tokens" / "_current.json").unlink()
    ran = run("snapshot", tmp_path, "kept").succeeds()
    held = json.loads(Path(ran.out.strip()).read_text())["buckets"]
    assert held["b"][str(SEQ_LEN)]["version"] == kept.name
    assert held.keys() == {"b", "c"}


def test_what_cannot_be_a_batch_is_named_at_once(output: Path) -> None:
    data = opened(output)
    for more, named in (
        ({"rows": 0}, "rows of a batch 0"),
        ({"rows": 2.5}, "rows of a batch 2.5"),
        ({"rows": 1, "start": ROWS + 1}, f"position {ROWS + 1}"),
        ({"rows": 1, "layout": "flat"}, "layout 'flat'"),
    ):
        with pytest.raises(ValueError, match=named):
            data.batches(**more)
    with pytest.raises(InputError, match="positions 29 to 31"):
        data.documents(29, 2)
    with pytest.raises(InputError, match="epoch -1"):
        data.set_epoch(-1)


def test_a_view_for_pytorch_needs_pytorch(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"data\.torch: .*install PyTorch"):
        opened(output).torch(4)


def test_shards_of_the_first_format_are_read_too(output: Path, tmp_path: Path) -> None:
    """Their row groups are larger, and their padding has nulls."""
    write_output(tmp_path, formats=1)
    data, newer = opened(tmp_path), opened(output)
    assert sorted(rows_of(data, 4)) == list(range(ROWS))
    for number in (0, 7):
        at, there = (
            next(p for p in range(ROWS) if of.documents(p)[0].sequence_id == number)
            for of in (data, newer)
        )
        held = [replace(segment, position=0) for segment in data.documents(at)]
        assert held == [replace(segment, position=0) for segment in newer.documents(there)]


@pytest.mark.parametrize("kept", sorted((ROOT / "tests" / "data").glob("output-*")), ids=str)
def test_outputs_that_were_kept_are_read_whole(kept: Path) -> None:
    data = PackedSequences(kept / "output", bucket="b", seq_len=64, lanes=2)
    (shards,) = (kept / "output/b/sequences-64").glob("*/shards")
    table = pq.read_table(shards)
    held = dict(zip(*(table[c].to_pylist() for c in COLUMNS), strict=True))
    read = {
        int(number): ids.tolist()
        for batch in data.batches(5)
        for number, ids in zip(batch["sequence_id"], batch["input_ids"], strict=True)
    }
    assert read == held
