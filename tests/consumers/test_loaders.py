"""Loaders of PyTorch, torchdata, grain and datasets bring the rows in the order of the stream."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import grain
import pytest
import torch
from consumers.conftest import opened
from datasets.distributed import split_dataset_by_node
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from bfpack_spark.errors import InputError
from bfpack_spark.reading import layouts

ROWS = 120
WORLDS = (1, 2, 3, 4, 5, 6, 7, 8, 16, 64)


def numbers(batches: Iterator[Any]) -> list[list[int]]:
    return [batch["sequence_id"].tolist() for batch in batches]


@pytest.mark.parametrize("workers", [0, 2])
def test_dataloader_yields_the_batches_of_the_stream(output: Path, workers: int) -> None:
    data = opened(output, rank=1, world_size=2)
    expected = numbers(data.batches(7))
    loader = DataLoader(
        opened(output, rank=1, world_size=2).torch(7), batch_size=None, num_workers=workers
    )
    batches = list(loader)
    assert numbers(iter(batches)) == expected
    assert batches[0]["input_ids"].dtype == torch.int32
    assert [len(batch) for batch in expected] == [7] * 8 + [4]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [1, 4, 9])
def test_stateful_dataloader_goes_on_exactly(output: Path, workers: int, stop: int) -> None:
    def loader() -> StatefulDataLoader:
        data = opened(output, rank=1, world_size=2)
        return StatefulDataLoader(data.torch(7), batch_size=None, num_workers=workers)

    expected = numbers(iter(loader()))
    first = loader()
    reading = iter(first)
    taken = [next(reading)["sequence_id"].tolist() for _ in range(stop)]
    state = first.state_dict()
    second = loader()
    second.load_state_dict(state)
    assert taken + numbers(iter(second)) == expected


def looped(loader: Any) -> list[int]:
    """The rows of a loop over a loader, to its end."""
    return [number for batch in numbers(iter(loader)) for number in batch]


@pytest.mark.parametrize(
    "how", [{}, {"num_workers": 1}, {"num_workers": 2, "persistent_workers": True}], ids=str
)
@pytest.mark.parametrize("kind", [DataLoader, StatefulDataLoader])
def test_a_loop_that_was_left_takes_no_rows_from_the_next(
    output: Path, kind: Any, how: dict[str, Any]
) -> None:
    """One looks at the first batch, or stops each epoch after so many steps."""
    data = opened(output)
    loader = kind(data.torch(7), batch_size=None, **how)
    next(iter(loader))
    assert looped(loader) == looped(opened(output).torch(7))
    list(islice(loader, 4))
    data.set_epoch(1)
    assert looped(loader) == looped(opened(output, epoch=1).torch(7))


def test_a_rolled_back_run_begins_where_its_state_was(output: Path) -> None:
    data = opened(output)
    batches = data.torch(7)
    list(islice(batches, 2))
    state = data.state_dict()
    list(islice(batches, 3))
    data.load_state_dict(state)
    assert looped(batches) == looped(opened(output).torch(7))[14:]


@pytest.mark.parametrize(
    ("kind", "start"),
    [(DataLoader, "fork"), (DataLoader, "spawn"), (StatefulDataLoader, "fork")],
)
def test_workers_that_stay_see_the_next_epoch(output: Path, kind: Any, start: str) -> None:
    data = opened(output)
    loader = kind(
        data.torch(7),
        batch_size=None,
        num_workers=2,
        persistent_workers=True,
        multiprocessing_context=start,
    )
    for epoch in range(3):
        data.set_epoch(epoch)
        assert looped(loader) == looped(opened(output, epoch=epoch).torch(7)), epoch


def test_a_view_that_was_split_off_keeps_its_own_epoch(output: Path) -> None:
    data = opened(output)
    list(islice(data.torch(7), 1))
    view = data.global_view()
    data.set_epoch(1)
    assert (view.epoch, data.epoch) == (0, 1)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_data_know_what_a_loaders_state_has_begun(output: Path, workers: int) -> None:
    """The next epoch is the one behind that of the state."""
    first = opened(output, epoch=3)
    loader = StatefulDataLoader(first.torch(7), batch_size=None, num_workers=workers)
    next(iter(loader))
    data = opened(output)
    later = StatefulDataLoader(data.torch(7), batch_size=None, num_workers=workers)
    later.load_state_dict(loader.state_dict())
    assert len(looped(later)) == ROWS - 7
    data.set_epoch(data.epoch + 1)
    assert looped(later) == looped(opened(output, epoch=4).torch(7))


@pytest.mark.parametrize(("rows", "world_size"), [(4, 1), (16, 1), (8, 3), (7, 2)])
def test_the_state_of_one_process_fits_any_batches_and_ranks(
    output: Path, rows: int, world_size: int
) -> None:
    first = StatefulDataLoader(opened(output).torch(8), batch_size=None)
    taken = [n for batch in numbers(islice(iter(first), 4)) for n in batch]
    views = [opened(output, rank=rank, world_size=world_size) for rank in range(world_size)]
    loaders = [StatefulDataLoader(view.torch(rows), batch_size=None) for view in views]
    for loader in loaders:
        loader.load_state_dict(first.state_dict())
    rest = [row for step in zip(*map(looped, loaders), strict=True) for row in step]
    whole = looped(opened(output).torch(8))
    assert taken + rest == whole[: len(taken + rest)]
    assert ROWS - len(taken + rest) == (ROWS - 32) % world_size


@pytest.mark.parametrize(
    ("more", "rows", "named"),
    [({}, 4, "rows 7"), ({"rank": 0, "world_size": 2}, 7, "world_size 1"), ({}, 7, None)],
)
def test_the_state_of_several_workers_fits_the_same_alone(
    output: Path, more: dict[str, int], rows: int, named: str | None
) -> None:
    first = StatefulDataLoader(opened(output).torch(7), batch_size=None, num_workers=2)
    taken = looped(islice(iter(first), 4))
    later = StatefulDataLoader(opened(output, **more).torch(rows), batch_size=None, num_workers=2)
    later.load_state_dict(first.state_dict())
    if named is None:
        assert taken + looped(later) == looped(opened(output).torch(7))
        return
    assert f"state: is of {named}, and this loader has" in refusal(later)


def refusal(loader: Any) -> str:
    """What a loader says in place of its first batch. With the traceback it would hold its workers
    until garbage is collected, when torchdata waits 5 s for each."""
    try:
        next(iter(loader))
    except InputError as error:
        error.__traceback__ = None
        return str(error)
    raise AssertionError("it is not refused")


def test_states_of_a_loader_and_of_the_data_are_no_others(output: Path) -> None:
    data = opened(output)
    batches = data.torch(7)
    with pytest.raises(InputError, match="so it is that of a loader"):
        data.load_state_dict(batches.state_dict())
    with pytest.raises(InputError, match="so it is none of a loader"):
        batches.load_state_dict(data.state_dict())


def test_single_rows_are_not_flattened(output: Path) -> None:
    with pytest.raises(InputError, match="layout 'flattened': joins"):
        opened(output).torch(None, layout="flattened")


def test_a_state_told_by_position_fits_any_workers_and_ranks(output: Path) -> None:
    loader = DataLoader(opened(output).torch(5), batch_size=None, num_workers=2)
    reading = iter(loader)
    taken = [number for _ in range(4) for number in next(reading)["sequence_id"].tolist()]
    state = opened(output).state_dict(position=4 * 5)
    ranks = [opened(output, rank=rank, world_size=4) for rank in range(4)]
    for data in ranks:
        data.load_state_dict(state)
    rest = [[n for batch in numbers(data.batches(3)) for n in batch] for data in ranks]
    taken += [number for step in zip(*rest, strict=True) for number in step]
    assert taken == [number for batch in numbers(opened(output).batches(5)) for number in batch]


def test_single_rows_are_made_into_batches_by_a_trainer(output: Path) -> None:
    rows = opened(output).torch(None, layout="batched")
    loader = DataLoader(rows, batch_size=5)
    batch = next(iter(loader))
    expected = layouts.batched(next(iter(opened(output).batches(5))))
    assert {name: held.tolist() for name, held in batch.items()} == {
        name: held.tolist() for name, held in expected.items()
    }


def test_workers_that_fill_batches_of_their_own_are_refused(output: Path) -> None:
    loader = DataLoader(opened(output).torch(None, layout="batched"), batch_size=4, num_workers=2)
    with pytest.raises(InputError, match="each worker would fill batches"):
        next(iter(loader))


def test_a_distributed_sampler_is_refused_one_ranks_part(output: Path) -> None:
    data = opened(output, rank=0, world_size=2)
    with pytest.raises(InputError, match="only one layer shard"):
        torch.utils.data.DistributedSampler(data, num_replicas=2, rank=0)
    sampler = torch.utils.data.DistributedSampler(
        data.global_view(), num_replicas=2, rank=0, shuffle=False
    )
    assert len(sampler) == ROWS // 2


def test_damage_is_named_through_workers(output: Path) -> None:
    loader = DataLoader(opened(output).torch(5, layout=fail), batch_size=None, num_workers=2)
    with pytest.raises(ZeroDivisionError):
        next(iter(loader))


def fail(batch: layouts.Batch) -> Any:
    return batch["input_ids"].size / 0


def test_grain_reads_rows_by_number_and_goes_on(output: Path) -> None:
    data = opened(output, rank=1, world_size=2)
    expected = numbers(data.batches(6))
    stream = (
        grain.MapDataset.source(opened(output, rank=1, world_size=2))
        .to_iter_dataset()
        .map(lambda row: row["sequence_id"])
        .batch(6, drop_remainder=False)
    )
    reading = iter(stream)
    taken = [next(reading).tolist() for _ in range(3)]
    state = reading.get_state()
    later = iter(stream)
    later.set_state(state)
    assert taken + [batch.tolist() for batch in later] == expected


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("world_size", WORLDS)
def test_datasets_splits_the_shards_without_losing_a_row(
    shards: Path, tmp_path: Path, streaming: bool, world_size: int
) -> None:
    """Its ranks are equal only where the rows, or the shards, can be divided."""
    found: Any = datasets.load_dataset(
        "parquet", data_dir=str(shards), split="train", streaming=streaming, cache_dir=str(tmp_path)
    )
    ranks = [
        [row["sequence_id"] for row in split_dataset_by_node(found, rank, world_size)]
        for rank in range(world_size)
    ]
    assert sorted(number for rank in ranks for number in rank) == list(range(ROWS))
    equal = len({len(rank) for rank in ranks}) == 1
    assert equal == (ROWS % world_size == 0)


def shuffled_stream(shards: Path, cache: Path) -> Any:
    found: Any = datasets.load_dataset(
        "parquet", data_dir=str(shards), split="train", streaming=True, cache_dir=str(cache)
    )
    return found.shuffle(seed=3, buffer_size=50)


def test_a_shuffled_stream_of_datasets_loses_rows_when_resumed(
    shards: Path, output: Path, tmp_path: Path
) -> None:
    """The README warns of it. Our reader's state loses none."""
    stream = shuffled_stream(shards, tmp_path)
    taken = [row["sequence_id"] for row in islice(stream, 30)]
    resumed = shuffled_stream(shards, tmp_path)
    resumed.load_state_dict(stream.state_dict())
    rest = [row["sequence_id"] for row in resumed]
    assert len(set(taken + rest)) < ROWS
    data = opened(output)
    first = [n for batch in islice(data.batches(10), 3) for n in batch["sequence_id"].tolist()]
    later = opened(output)
    later.load_state_dict(data.state_dict())
    assert sorted(first + [n for batch in numbers(later.batches(10)) for n in batch]) == list(
        range(ROWS)
    )


def test_the_order_of_datasets_depends_on_the_number_of_ranks(
    shards: Path, output: Path, tmp_path: Path
) -> None:
    """The steps of a run on 1, 2 and 3 ranks take other rows. Ours take the same."""

    def theirs(world_size: int) -> list[set[int]]:
        stream = shuffled_stream(shards, tmp_path)
        ranks = [split_dataset_by_node(stream, rank, world_size) for rank in range(world_size)]
        readers = [iter(rank) for rank in ranks]
        return [
            {row["sequence_id"] for reader in readers for row in islice(reader, 6 // world_size)}
            for _ in range(3)
        ]

    def ours(world_size: int) -> list[set[int]]:
        views = [opened(output, rank=rank, world_size=world_size) for rank in range(world_size)]
        ranks = [numbers(islice(view.batches(6 // world_size), 3)) for view in views]
        return [{n for rank in step for n in rank} for step in zip(*ranks, strict=True)]

    assert ours(1) == ours(2) == ours(3)
    assert theirs(1) != theirs(2)
    assert theirs(2) != theirs(3)


@pytest.mark.parametrize("world_size", WORLDS)
def test_our_ranks_are_equal_at_any_number_of_them(output: Path, world_size: int) -> None:
    ranks = [opened(output, rank=rank, world_size=world_size) for rank in range(world_size)]
    read = [[n for batch in numbers(iter(data.torch(4))) for n in batch] for data in ranks]
    assert {len(rank) for rank in read} == {ROWS // world_size}
    stream = [n for batch in numbers(opened(output).batches(4)) for n in batch]
    steps = [number for step in zip(*read, strict=True) for number in step]
    assert steps == stream[: len(steps)]
