"""Values as HTML: without scripts, without anything from elsewhere, and with all text escaped."""

from functools import partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bfpack_spark.explore.boxes import CUT, boxes_of
from bfpack_spark.explore.sequence import Sequence
from bfpack_spark.printable import lines
from bfpack_spark.report.layout import Page


def render(page: Page) -> str:
    """Return one HTML file. Names of buckets, columns and tokens come from outside, so all text is
    escaped."""
    return _templates().get_template("report.html.j2").render(page=page)


def render_sequence(sequence: Sequence, characters: int = 160) -> str:
    """Return a piece of HTML for a notebook: a sequence in proportion, with a red edge where a
    document is cut, then each document with up to `characters` characters of its text."""
    return (
        _templates()
        .get_template("sequence.html.j2")
        .render(
            segments=list(zip(boxes_of(sequence), sequence.segments, strict=True)),
            cut=CUT,
            shortened=partial(_shortened, characters=characters),
        )
    )


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("bfpack_spark.report"),
        autoescape=True,
        finalize=_without_controls,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )


def _without_controls(value: Any) -> Any:
    """Return a value without control characters, before the template escapes and prints it. Text
    that is marked as HTML has been here already."""
    return lines(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _shortened(text: str, characters: int) -> str:
    half = characters // 2
    return text if len(text) <= characters else f"{text[:half]} ... {text[-half:]}"
