"""The parts of a page, as plain values. The templates only lay them out."""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A number with a bar behind it."""

    text: str
    bar: float  # 0 to 1, of the column's width


Row: TypeAlias = tuple[str | Cell, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under headings. The first column is text; the others are numbers and are aligned
    right."""

    caption: str
    head: tuple[str, ...]  # empty: no headings
    rows: list[Row]
    foot: Row | None = None
    prose: bool = False  # every column is text


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Bars side by side, as parallel lists. left, right: where each bar stands on the x axis."""

    style: str  # names its colour
    left: list[float]
    right: list[float]
    height: list[float]


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points that are joined, as parallel lists."""

    style: str  # names its colour and its dashes
    x: list[float]
    y: list[float]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One field of a figure, with its own y axis that begins at 0."""

    y_title: str
    bars: list[Bars] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    percent: bool = False
    y_max: float | None = None  # None: the highest value


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Panels above each other over one x axis. `description` and `numbers` say the same to readers
    who cannot see it."""

    name: str  # unique on its page
    title: str
    description: str
    x_title: str
    panels: list[Panel]
    numbers: Table
    log: bool = False
    marks: list[tuple[float, str]] = field(default_factory=list)  # upright lines, with a word
    legend: list[tuple[str, str]] = field(default_factory=list)  # style, words


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what is below it."""

    name: str
    title: str
    notes: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole page: the report of a version or of an output, or the page of statistics."""

    title: str
    lead: str
    facts: list[tuple[str, str]]  # the few numbers that a reader looks for first
    sections: list[Section]
