"""The rows of a mixture: each bucket's rows epoch by epoch, and none lost where weights change."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bfpack_spark.core.mixed_rows import MixedRows, Part, SourceRows
from bfpack_spark.core.row_order import OrderRules

RULES = OrderRules(seed=0, epoch=0, lanes=4, window=2)
shapes = st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=3), min_size=1, max_size=4)


def sources_of(shards: list[list[int]]) -> list[SourceRows]:
    return [SourceRows(shard_rows=rows, group_rows=4, seed=n) for n, rows in enumerate(shards)]


@given(shards=shapes, data=st.data())
@settings(max_examples=25)
def test_each_rank_of_a_bucket_is_taken_once(shards: list[list[int]], data: st.DataObject) -> None:
    drawn = {n: data.draw(st.integers(1, 150)) for n in range(len(shards))}
    mixed = MixedRows(sources_of(shards), [Part(begin=0, drawn=drawn)], RULES)
    source, rank, _ = mixed.ranks(np.arange(mixed.num_rows))
    for number, rows in drawn.items():
        assert sorted(rank[source == number].tolist()) == list(range(rows))


@given(shards=shapes, data=st.data())
@settings(max_examples=25)
def test_parts_with_other_weights_go_on_with_the_ranks_that_are_left(
    shards: list[list[int]], data: st.DataObject
) -> None:
    begin, parts, each = 0, [], len(shards)
    for _ in range(3):
        some = data.draw(st.sets(st.integers(0, each - 1), min_size=1)) if parts else range(each)
        drawn = {n: data.draw(st.integers(1, 90)) for n in sorted(some)}
        parts.append(Part(begin=begin, drawn=drawn))
        begin += data.draw(st.integers(0, sum(drawn.values())))
    mixed = MixedRows(sources_of(shards), parts, RULES)
    assert mixed.num_rows == parts[-1].begin + sum(parts[-1].drawn.values())
    source, rank, _ = mixed.ranks(np.arange(mixed.num_rows))
    for number in range(each):
        taken = rank[source == number].tolist()
        assert len(set(taken)) == len(taken), "a row comes again before its epoch ends"
        behind = parts[-1].drawn.get(number)
        if behind is not None:  # the last part takes the smallest ranks that are left
            assert sorted(taken) == list(range(len(taken)))
    before = MixedRows(sources_of(shards), parts[:2], RULES)
    head = before.ranks(np.arange(parts[2].begin))
    assert (head[0] == source[: parts[2].begin]).all()
    assert (head[1] == rank[: parts[2].begin]).all()


def test_epochs_of_a_bucket_are_complete_and_in_orders_of_their_own() -> None:
    rules = OrderRules(seed=0, epoch=0, lanes=1, window=2)
    mixed = MixedRows(sources_of([[40]]), [Part(begin=0, drawn={0: 80})], rules)
    places = mixed.find(np.arange(80))
    rows = []
    for number, row in zip(places.window.tolist(), places.row.tolist(), strict=True):
        window = mixed.window(0, number)
        held = [4 * group + at for group in window.groups for at in range(4)]
        rows.append(held[window.rows[row]])
    assert sorted(rows[:40]) == sorted(rows[40:]) == list(range(40))
    assert rows[:40] != rows[40:]
    assert len(set(places.window.tolist())) == 10, "a window of each epoch is another one"


def test_many_buckets_have_few_windows_in_memory() -> None:
    """A reader holds a window of each slot."""
    rules = OrderRules(seed=0, epoch=0, lanes=16, window=2)
    held = {}
    for buckets in (3, 35):
        sources = sources_of([[4000]] * buckets)
        part = Part(begin=0, drawn=dict.fromkeys(range(buckets), 4000))
        held[buckets] = MixedRows(sources, [part], rules).num_slots
    assert held == {3: 48, 35: 35}


def test_a_slot_goes_on_from_window_to_window() -> None:
    """So that each window is decoded once, but for a few at the end of an epoch."""
    sources = sources_of([[256, 256], [512]])
    part = Part(begin=0, drawn={0: 1100, 1: 400})
    mixed = MixedRows(sources, [part], RULES)
    places = mixed.find(np.arange(mixed.num_rows))
    changes = 0
    for slot in range(mixed.num_slots):
        windows = places.window[places.slot == slot]
        assert len(windows) > 50
        changes += int((np.diff(windows) != 0).sum()) + 1
    assert changes <= 1.1 * (1500 / 8) + mixed.num_slots
