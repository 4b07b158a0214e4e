"""Figures to places: what one can check with a ruler."""

import itertools
import math

import pytest

from bfpack_spark.report.drawing import draw, linear_ticks, log_ticks, short
from bfpack_spark.report.layout import Bars, Figure, Line, Panel, Table


def figure(
    *panels: Panel, log: bool = False, marks: list[tuple[float, str]] | None = None
) -> Figure:
    return Figure(
        name="f",
        title="A figure",
        description="What it shows.",
        x_title="x",
        panels=list(panels),
        numbers=Table(caption="The same", head=("x",), rows=[("1",)]),
        log=log,
        marks=marks or [],
    )


def test_bars_stand_on_the_axis_and_are_as_high_as_their_numbers() -> None:
    bars = Bars(style="b", left=[0.0, 1.0, 2.0], right=[1.0, 2.0, 3.0], height=[10.0, 5.0, 0.0])
    drawn = draw(figure(Panel(y_title="y", bars=[bars])))
    (panel,) = drawn.panels
    high, low = panel.boxes  # nothing is drawn for nothing
    assert high.y == panel.top
    assert high.y + high.height == low.y + low.height == panel.bottom
    assert low.height == pytest.approx(high.height / 2)
    assert high.width == low.width
    assert high.x - drawn.left == pytest.approx(low.x - high.x - high.width, abs=1)


def test_a_bar_of_almost_nothing_is_seen() -> None:
    bars = Bars(style="b", left=[0.0, 1.0], right=[1.0, 2.0], height=[1e6, 1.0])
    (panel,) = draw(figure(Panel(y_title="y", bars=[bars]))).panels
    assert panel.boxes[1].height >= 0.8


def test_on_a_log_axis_each_power_of_ten_is_as_far_from_the_next() -> None:
    line = Line(style="l", x=[1.0, 1000.0], y=[0.0, 1.0])
    ticks = draw(figure(Panel(y_title="y", lines=[line]), log=True)).x_ticks
    assert [tick.text for tick in ticks] == ["1", "10", "100", "1k"]
    gaps = [b.at - a.at for a, b in itertools.pairwise(ticks)]
    assert gaps == pytest.approx([gaps[0]] * 3, abs=0.02)


def test_a_line_ends_where_it_leaves_its_panel() -> None:
    line = Line(style="l", x=[0.0, 1.0, 2.0, 3.0], y=[0.0, 2.0, 6.0, 1.0])
    drawn = draw(figure(Panel(y_title="y", lines=[line], y_max=4.0)))
    (panel,) = drawn.panels
    points = [tuple(map(float, p.split(","))) for p in panel.paths[0].points.split()]
    assert len(points) == 3
    assert points[-1][1] == panel.top
    step = (drawn.right - drawn.left) / 3
    assert points[-1][0] == pytest.approx(drawn.left + 1.5 * step, abs=0.01)


def test_words_above_marks_do_not_run_into_each_other() -> None:
    line = Line(style="l", x=[1.0, 1e6], y=[0.0, 1.0])
    marks = [(float(2**k), str(2**k)) for k in range(8, 18)]
    drawn = draw(figure(Panel(y_title="y", lines=[line]), log=True, marks=marks))
    assert len(drawn.marks) == 10
    for row in {mark.y for mark in drawn.marks}:
        places = sorted(mark.x for mark in drawn.marks if mark.y == row)
        assert all(b - a >= 40 for a, b in itertools.pairwise(places))
        assert 0 < row < drawn.panels[0].top


def test_a_mark_outside_is_not_drawn() -> None:
    line = Line(style="l", x=[1.0, 100.0], y=[0.0, 1.0])
    drawn = draw(figure(Panel(y_title="y", lines=[line]), log=True, marks=[(500.0, "500")]))
    assert drawn.marks == []


@pytest.mark.parametrize("high", [0.003, 1.0, 4.0, 7.0, 470.0, 3260.0, 1e9])
def test_ticks_are_few_round_and_inside(high: float) -> None:
    ticks = linear_ticks(0.0, high)
    assert 3 <= len(ticks) <= 6
    assert ticks[0] == 0
    assert ticks[-1] <= high
    leading = ticks[1] / 10 ** math.floor(math.log10(ticks[1]))
    assert round(leading, 6) in (1, 2, 5)


def test_an_axis_of_less_than_two_decades_has_powers_of_two() -> None:
    assert log_ticks(3, 40) == [4, 8, 16, 32]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.5, "0.5"), (999, "999"), (2000, "2k"), (1.5e6, "1.5M")]
)
def test_numbers_of_an_axis_are_short(value: float, text: str) -> None:
    assert short(value) == text
