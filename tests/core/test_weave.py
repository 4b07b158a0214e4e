"""Lanes woven into one stream, against a walk over it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.lanes import Weave


def walk(lengths: list[int]) -> list[tuple[int, int]]:
    """Lane and step at each position, one by one."""
    steps = range(max(lengths, default=0))
    return [(lane, step) for step in steps for lane, rows in enumerate(lengths) if step < rows]


def test_lanes_take_turns_until_they_end() -> None:
    lane, step = Weave(np.array([3, 1, 2])).find(np.arange(6))
    assert "".join("abc"[at] for at in lane.tolist()) == "abcaca"
    assert step.tolist() == [0, 0, 0, 1, 1, 2]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=9))
def test_any_position_leads_to_its_lane_and_step(lengths: list[int]) -> None:
    weave = Weave(np.array(lengths))
    expected = walk(lengths)
    assert weave.num_rows == len(expected)
    positions = np.arange(weave.num_rows)
    lane, step = weave.find(positions)
    assert list(zip(lane.tolist(), step.tolist(), strict=True)) == expected


@pytest.mark.parametrize("rows", [10**12])
def test_a_long_stream_is_not_walked(rows: int) -> None:
    weave = Weave(np.array([rows, rows + 1]))
    lane, step = weave.find(np.array([0, 2 * rows]))
    assert (lane.tolist(), step.tolist()) == ([0, 1], [0, rows])
