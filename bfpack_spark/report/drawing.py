"""Figures -> places on paper: what the template writes as SVG.

Units are those of the SVG's view box, which is as wide as a phone, so that text is read there at
its own size. Colours are named, and the style sheet defines them.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bfpack_spark.report.layout import Bars, Figure, Line, Panel

WIDTH = 380
_LEFT, _RIGHT = 52, 366
_TITLE, _PANEL, _BETWEEN, _BELOW = 22, 122, 30, 40
_MARK_HEIGHT, _MARK_WIDTH = 13, 40

Scale = Callable[[float], float]


@dataclass(frozen=True, kw_only=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """An upright line, and the word above it."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    style: str


@dataclass(frozen=True, kw_only=True)
class Path:
    points: str
    style: str


@dataclass(frozen=True, kw_only=True)
class DrawnPanel:
    top: float
    bottom: float
    title: str
    title_at: float
    ticks: list[Tick]
    boxes: list[Box]
    paths: list[Path]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure with the place of everything in it."""

    figure: Figure
    width: float
    height: float
    left: float
    right: float
    panels: list[DrawnPanel]
    x_ticks: list[Tick]
    marks: list[Mark]


def draw(figure: Figure) -> Drawing:
    """Return the figure with the place of everything in it."""
    low, high = _x_range(figure)
    x = _scale(low, high, _LEFT, _RIGHT, log=figure.log)
    inside = [(x(value), text) for value, text in figure.marks if low <= value <= high]
    marks, top = _place_marks(inside)
    panels: list[DrawnPanel] = []
    for panel in figure.panels:
        title_at = panels[-1].bottom + _BETWEEN - 9 if panels else 13.0
        panels.append(_draw_panel(panel, x, top, title_at))
        top += _PANEL + _BETWEEN
    wanted = log_ticks(low, high) if figure.log else linear_ticks(low, high)
    return Drawing(
        figure=figure,
        width=WIDTH,
        height=panels[-1].bottom + _BELOW,
        left=_LEFT,
        right=_RIGHT,
        panels=panels,
        x_ticks=[Tick(at=_round(x(v)), text=short(v)) for v in wanted],
        marks=marks,
    )


def _place_marks(marks: list[tuple[float, str]]) -> tuple[list[Mark], float]:
    """Return the marks above the first panel, and where that panel begins. Their words stand in
    rows, so that none runs into the next."""
    ends: list[float] = []  # where each row ends, from the lowest row
    rows = []
    for x, _ in sorted(marks):
        free = (number for number, end in enumerate(ends) if end <= x - _MARK_WIDTH / 2)
        row = next(free, len(ends))
        ends[row : row + 1] = [x + _MARK_WIDTH / 2]
        rows.append(row)
    top = _TITLE + _MARK_HEIGHT * len(ends)
    placed = [
        Mark(x=_round(x), y=top - 4 - _MARK_HEIGHT * row, text=text)
        for (x, text), row in zip(sorted(marks), rows, strict=True)
    ]
    return placed, float(top)


def short(value: float) -> str:
    """Return a number for an axis: 0.5, 250, 2k, 1.5M, 3G."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def linear_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return about so many round numbers between the two: 0 to 7 -> 0, 2, 4, 6."""
    rough = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, int(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return the powers of ten between the two, or the powers of two if there are fewer than three
    of ten."""
    for base in (10, 2):
        first, last = math.ceil(math.log(low, base) - 1e-9), math.floor(math.log(high, base) + 1e-9)
        found = [float(base) ** k for k in range(first, last + 1)]
        if len(found) >= 3:
            break
    return found


def _draw_panel(panel: Panel, x: Scale, top: float, title_at: float) -> DrawnPanel:
    bottom = top + _PANEL
    high = panel.y_max or max(_heights(panel), default=0.0) or 1.0
    y = _scale(0.0, high, bottom, top, log=False)
    return DrawnPanel(
        top=top,
        bottom=bottom,
        title=panel.y_title,
        title_at=title_at,
        ticks=[
            Tick(at=_round(y(v)), text=f"{v:.4g} %" if panel.percent else short(v))
            for v in linear_ticks(0.0, high)
        ],
        boxes=[box for bars in panel.bars for box in _boxes(bars, x, y)],
        paths=[_path(line, x, y, high) for line in panel.lines],
    )


def _boxes(bars: Bars, x: Scale, y: Scale) -> Iterable[Box]:
    for left, right, height in zip(bars.left, bars.right, bars.height, strict=True):
        if height > 0:
            begin, end = x(left), x(right)
            gap = min(1.0, (end - begin) / 5)
            # A bar is visible even if it is tiny beside the others.
            top = min(y(height), y(0.0) - 0.8)
            yield Box(
                x=_round(begin + gap / 2),
                y=_round(top),
                width=_round(end - begin - gap),
                height=_round(y(0.0) - top),
                style=bars.style,
            )


def _path(line: Line, x: Scale, y: Scale, high: float) -> Path:
    """Return the line up to the place where it first leaves the panel."""
    points: list[tuple[float, float]] = []
    for a, b in zip(map(x, line.x), line.y, strict=True):
        if b > high and points:
            before, below = points[-1]
            points.append((before + (a - before) * (high - below) / (b - below), high))
        if b > high:
            break
        points.append((a, b))
    return Path(points=" ".join(f"{_round(a)},{_round(y(b))}" for a, b in points), style=line.style)


def _heights(panel: Panel) -> Iterable[float]:
    for bars in panel.bars:
        yield from bars.height
    for line in panel.lines:
        yield from line.y


def _x_range(figure: Figure) -> tuple[float, float]:
    places = [v for p in figure.panels for b in p.bars for v in (*b.left, *b.right)]
    places += [v for p in figure.panels for line in p.lines for v in line.x]
    low, high = min(places), max(places)
    return (low, high) if high > low else (low, low + 1)


def _scale(low: float, high: float, start: float, end: float, *, log: bool) -> Scale:
    if log:
        linear = _scale(math.log(low), math.log(high), start, end, log=False)
        return lambda value: linear(math.log(value))
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _round(value: float) -> float:
    return round(value, 2)
