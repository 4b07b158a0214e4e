"""Loaders of PyTorch, torchdata, grain and datasets bring the rows in the order of the stream."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import grain
import numpy as np
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


def test_damage_is_named_through_workers(output: Path, tmp_path: Path) -> None:
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


def test_datasets_takes_the_columns_as_they_are(shards: Path, tmp_path: Path) -> None:
    found: Any = datasets.load_dataset(
        "parquet", data_dir=str(shards), split="train", cache_dir=str(tmp_path)
    )
    row = found.with_format("numpy")[7]
    assert np.asarray(row["doc_starts"]).dtype == np.int64
    assert int(np.sum(row["seq_lengths"])) == len(row["input_ids"])
