"""Mixtures: totals, steps and lanes against a slow count, with pages and without."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.mixture import MixtureOrder, apportion
from bfpack_spark.core.mixture_lanes import color_lanes
from bfpack_spark.core.mixture_steps import deal_steps

DRIFT = 5  # rows, after any number of steps, of all lanes or of one; seen: 4.5

sources = st.lists(st.integers(1, 4000), min_size=1, max_size=7)
lane_counts = st.sampled_from([1, 2, 4, 8])


def test_rows_are_apportioned_by_largest_remainder() -> None:
    weights = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    assert apportion(10, weights) == [5, 3, 2]  # 5, 3 1/3, 1 2/3
    assert apportion(11, weights) == [5, 4, 2]  # 5 1/2, 3 2/3, 1 5/6
    assert apportion(7, [Fraction(1), Fraction(1)]) == [4, 3]  # equal remainders


@given(rows=sources, lanes=lane_counts, page=st.sampled_from([8, 64, 1 << 14]))
@example(rows=[1, 1, 1, 3997], lanes=8, page=8)
@example(rows=[1000] * 7, lanes=8, page=8)
@example(rows=[3, 4], lanes=8, page=8)
@settings(max_examples=40)
def test_totals_are_exact_and_steps_and_lanes_have_their_shares(
    rows: list[int], lanes: int, page: int
) -> None:
    mixed = MixtureOrder(rows=tuple(rows), lanes=lanes, page=page)
    groups = np.array([lanes, 1, max(1, lanes // 2)] * len(rows))[: len(rows)]
    source, earlier = mixed.find(np.arange(len(mixed)), groups)
    assert np.bincount(source, minlength=len(rows)).tolist() == rows
    steps = len(mixed) // lanes
    for number, total in enumerate(rows):
        taken = source == number
        share = total / len(mixed)
        whole = taken[: steps * lanes].reshape(steps, lanes)
        by_step = whole.sum(axis=1)
        assert set(by_step.tolist()) <= {
            lanes * total // len(mixed),
            -(-lanes * total // len(mixed)),
        }
        last = taken[steps * lanes :]
        assert abs(last.sum() - len(last) * share) < 1
        time = np.arange(steps + 1) * share
        lane_drift = np.abs(np.cumsum(whole, axis=0) - time[1:, None])
        assert np.abs(np.cumsum(by_step) - time[1:] * lanes).max(initial=0) < DRIFT
        assert lane_drift.max(initial=0) < DRIFT
    assert earlier.tolist() == slow_earlier(source, lanes, groups)


def slow_earlier(source: Int64, lanes: int, groups: Int64) -> list[int]:
    """How many rows of its source the lanes of each position's group take earlier, by counting."""
    taken: dict[tuple[int, int], int] = {}
    earlier = []
    for position, number in enumerate(source.tolist()):
        key = (position % lanes % int(groups[number]), number)
        earlier.append(taken.get(key, 0))
        taken[key] = earlier[-1] + 1
    return earlier


@given(data=st.data(), rows=sources, lanes=lane_counts)
@settings(max_examples=20)
def test_any_position_is_found_without_those_before_it(
    data: st.DataObject, rows: list[int], lanes: int
) -> None:
    mixed = MixtureOrder(rows=tuple(rows), lanes=lanes, page=8)
    groups = np.full(len(rows), lanes)
    source, earlier = mixed.find(np.arange(len(mixed)), groups)
    position = data.draw(st.integers(0, len(mixed) - 1))
    here = MixtureOrder(rows=tuple(rows), lanes=lanes, page=8).find(np.array([position]), groups)
    assert (here[0][0], here[1][0]) == (source[position], earlier[position])
    taken = np.zeros((lanes, len(rows)), np.int64)
    np.add.at(taken, (np.arange(position) % lanes, source[:position]), 1)
    assert np.array(mixed.taken(position, groups)).T.tolist() == taken.tolist()


@pytest.mark.parametrize(
    "rows",
    [
        [11_250_000, 4_750_001],
        [16_000_000 // 35] * 35,
        [15_520_000, *[14_000] * 34],
        [2 ** (23 - i) for i in range(24)],
    ],
    ids=["two", "equal", "one large", "halves"],
)
def test_a_million_steps_hold_steps_prefixes_and_lanes(rows: list[int]) -> None:
    """At 500 random steps."""
    lanes, mixed = 16, MixtureOrder(rows=tuple(rows), lanes=16)
    groups = np.full(len(rows), lanes)
    steps = np.random.default_rng(1).integers(0, len(mixed) // lanes, 500)
    positions = steps[:, None] * lanes + np.arange(lanes)
    source = mixed.find(positions.ravel(), groups)[0].reshape(positions.shape)
    share = np.array(rows) / len(mixed)
    for number in range(len(rows)):
        assert np.abs((source == number).sum(axis=1) - lanes * share[number]).max() < 1
    for step in steps[:30].tolist():
        taken = np.array(mixed.taken(step * lanes, groups)).T
        assert np.abs(taken.sum(axis=0) - step * lanes * share).max() < DRIFT
        assert np.abs(taken - step * share).max() < DRIFT
    assert [int(each.sum()) for each in mixed.taken(len(mixed), groups)] == rows


@given(data=st.data(), steps=st.integers(1, 60), num=st.integers(1, 9))
@settings(max_examples=50)
def test_extra_rows_come_at_most_once_a_step_and_on_time(
    data: st.DataObject, steps: int, num: int
) -> None:
    extra = data.draw(st.lists(st.integers(0, steps), min_size=num, max_size=num))
    extra.append(-sum(extra) % steps)
    plan = deal_steps(np.array(extra), steps)
    assert set(plan.ravel().tolist()) <= {0, 1}
    assert plan.sum(axis=0).tolist() == extra
    assert set(plan.sum(axis=1).tolist()) == {sum(extra) // steps}
    share = np.arange(1, steps + 1)[:, None] * np.array(extra) / steps
    assert np.abs(np.cumsum(plan, axis=0) - share).max() <= 2


@given(data=st.data(), steps=st.integers(1, 20), lanes=lane_counts)
@settings(max_examples=30)
def test_no_lane_takes_two_rows_of_a_block_of_a_source(
    data: st.DataObject, steps: int, lanes: int
) -> None:
    draw = st.lists(st.integers(0, 3), min_size=lanes, max_size=lanes)
    drawn = [data.draw(draw) for _ in range(steps)]
    plan = np.array([np.bincount(step, minlength=4) for step in drawn])
    table = color_lanes(plan, lanes).table
    assert [sorted(step) for step in table.tolist()] == [sorted(step) for step in drawn]
    for source in range(4):
        lane = np.nonzero(table == source)[1]
        step = np.nonzero(table == source)[0]
        for block in range(0, len(lane) - lanes, lanes):
            whole = step[block : block + lanes]
            if step[block - 1] < whole[0] and whole[-1] < step[block + lanes]:
                assert len(set(lane[block : block + lanes].tolist())) == lanes


@pytest.mark.parametrize(
    ("rows", "lanes", "said"),
    [
        ((1, 0), 2, r"rows \(1, 0\): every source must give a row"),
        ((1, 2), 3, "lanes 3: take a power of two"),
        ((1, 2), 2**15, "lanes 32768: take at most 16384"),
        ((2**31,), 1, "2147483648 rows are 2\\^31 steps or more"),
    ],
)
def test_what_cannot_be_woven_is_refused(rows: tuple[int, ...], lanes: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MixtureOrder(rows=rows, lanes=lanes)
