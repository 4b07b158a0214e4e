"""The parts of a page, as plain values. The templates only lay them out."""

from dataclasses import dataclass, field
from typing import TypeAlias

from markupsafe import Markup


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
class Picture:
    """What is in an <svg>, in units of its view box, which begins at 0, 0."""

    width: int
    height: int
    content: Markup


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture. `description` and `numbers` say the same to readers who cannot see it."""

    name: str  # unique on its page
    title: str
    description: str
    picture: Picture
    numbers: Table


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
