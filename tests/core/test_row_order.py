"""The order of rows: every row once, and spread over lanes."""

from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bfpack_spark.core.lanes import deal_groups
from bfpack_spark.core.row_order import OrderRules, RowOrder

rules = st.builds(
    OrderRules,
    seed=st.integers(0, 2**63),
    epoch=st.integers(0, 5),
    lanes=st.integers(1, 20),
    window=st.integers(1, 5),
)
shard_rows = st.lists(st.integers(0, 20), min_size=1, max_size=5)
AT_MOST = OrderRules(seed=1, epoch=0, lanes=4, window=2)


def sequence_ids(rows: list[int], group_rows: int, rules: OrderRules) -> list[int]:
    """The sequence_id of the row at each position of an order."""
    order, ends = RowOrder(rows, group_rows, rules), np.cumsum(rows)
    assert order.num_rows == sum(rows)
    places, found = order.find(np.arange(order.num_rows)), []
    columns = (places.slot.tolist(), places.window.tolist(), places.row.tolist())
    for slot, number, row in zip(*columns, strict=True):
        window, held = order.window(slot, number), []
        for shard, group in zip(window.shards, window.groups, strict=True):
            first = int(ends[shard]) - rows[shard] + group * group_rows
            held += range(first, min(first + group_rows, int(ends[shard])))
        assert len(held) == len(window.rows)
        found.append(held[window.rows[row]])
    return found


@settings(max_examples=40)
@given(shard_rows, st.integers(1, 9), rules)
def test_every_row_has_one_position(rows: list[int], group_rows: int, rules: OrderRules) -> None:
    assert sorted(sequence_ids(rows, group_rows, rules)) == list(range(sum(rows)))


@settings(max_examples=40)
@given(shard_rows, st.integers(1, 9), rules)
def test_a_slots_windows_come_one_after_another(
    rows: list[int], group_rows: int, rules: OrderRules
) -> None:
    order = RowOrder(rows, group_rows, rules)
    places = order.find(np.arange(order.num_rows))
    for slot in set(places.slot.tolist()):
        numbers = places.window[places.slot == slot]
        assert (np.diff(numbers) >= 0).all()
        for number in set(numbers.tolist()):
            inside = places.row[(places.slot == slot) & (places.window == number)]
            assert inside.tolist() == list(range(len(order.window(slot, number).rows)))


def test_lanes_differ_by_what_cannot_be_shared() -> None:
    """16 lanes and 15 groups too many: they go to 8, 4, 2 and 1 lanes."""
    lanes = deal_groups(np.array([64]), np.array([16 * 3 + 15]), 16)
    assert lanes.counts[0].tolist() == [7, 6, 5, 5, 4, 4, 4, 4] + [3] * 8
    assert lanes.num_rows.sum() == 64 * 63


def test_there_are_no_more_lanes_than_row_groups() -> None:
    assert RowOrder([5, 5], 4, OrderRules(seed=1, epoch=0, lanes=16, window=1)).num_slots == 4


def test_another_seed_or_epoch_is_another_order_of_the_same_rows() -> None:
    orders = [
        sequence_ids([40, 41], 4, OrderRules(seed=seed, epoch=epoch, lanes=4, window=2))
        for seed, epoch in ((1, 0), (1, 1), (2, 0))
    ]
    assert len({tuple(order) for order in orders}) == 3
    assert len({tuple(sorted(order)) for order in orders}) == 1


@pytest.mark.parametrize("lanes", [16, 64, 12])
@pytest.mark.parametrize("world_size", [1, 2, 3, 7, 8, 64])
def test_ranks_decode_few_rows_that_others_train_on(lanes: int, world_size: int) -> None:
    """At most 1.1 x W / gcd(lanes, W) of what they train on, with a hundred row groups a lane."""
    shards, group_rows = [40 * 64 + 13] * (lanes * 5 // 2) + [40 * 64 + 14] * 7, 64
    order = RowOrder(shards, group_rows, OrderRules(seed=1, epoch=0, lanes=lanes, window=2))
    places = order.find(np.arange(order.num_rows))
    sizes = np.bincount(places.slot * 10_000 + places.window)  # rows of each window
    decoded = 0
    for rank in range(world_size):
        held = places.slot[rank::world_size] * 10_000 + places.window[rank::world_size]
        decoded += int(sizes[np.unique(held)].sum())
    assert order.num_rows <= decoded <= 1.1 * world_size / gcd(lanes, world_size) * order.num_rows


KNOWN = [17, 11, 2, 5, 19, 10, 3, 4, 18, 12, 0, 6, 14, 13, 1, 7, 16, 20, 15, 8, 9]


def test_an_order_stays_what_it_is() -> None:
    """Runs that were stopped go on in it."""
    assert sequence_ids([10, 11], 4, AT_MOST) == KNOWN
