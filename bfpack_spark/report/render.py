"""Values as HTML: without scripts, without anything from elsewhere, and with all text escaped."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bfpack_spark.explore.boxes import CUT, boxes_of
from bfpack_spark.explore.conversations import TokenText
from bfpack_spark.explore.names import NamedSegment, NameOutOfSight
from bfpack_spark.explore.sequence import Sequence
from bfpack_spark.printable import lines
from bfpack_spark.report.layout import Page


def render(page: Page) -> str:
    """Return one HTML file. Names of buckets, columns and tokens come from outside, so all text is
    escaped."""
    return _rendered("report", page=page)


def render_sequence(sequence: Sequence, characters: int = 160) -> str:
    """Return a piece of HTML for a notebook: a sequence in proportion, with a red edge where a
    document is cut, then each document with up to `characters` characters of its text."""
    segments = list(zip(boxes_of(sequence), sequence.segments, strict=True))
    shortened = partial(_shortened, characters=characters)
    return _rendered("sequence", segments=segments, cut=CUT, shortened=shortened)


def render_conversation(tokens: Iterable[TokenText]) -> str:
    """Return a piece of HTML for a notebook: the tokens of a conversation, with the targets in
    colour, and control tokens underlined."""
    return _rendered("conversation", tokens=list(tokens))


def render_names(segments: Iterable[NamedSegment], characters: int = 1500) -> str:
    """Return a piece of HTML for a notebook: the text of each segment around the first names that
    are bound in another sequence, with these in red. A name tells where it is bound if the pointer
    is over it."""
    marked = partial(_marked, characters=characters)
    return _rendered("names", segments=list(segments), cut=CUT, marked=marked)


def _marked(segment: NamedSegment, characters: int) -> Iterator[tuple[str, NameOutOfSight | None]]:
    """Yield the text up to each name that is out of sight, with the name, and the rest. Only about
    so many characters from the line of the first name on are shown."""
    uses = [use for use in segment.out_of_sight if segment.text.startswith(use.name, use.character)]
    first = uses[0].character if uses else 0
    reached = segment.text.rfind("\n", 0, first) + 1
    end = min(reached + characters, len(segment.text))
    for use in uses:
        if reached <= use.character < end:
            yield segment.text[reached : use.character], use
            reached = use.character + len(use.name)
    yield segment.text[reached:end] + (" ..." if end < len(segment.text) else ""), None


def _rendered(template: str, **values: Any) -> str:
    templates = Environment(
        loader=PackageLoader("bfpack_spark.report"),
        autoescape=True,
        finalize=_without_controls,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return templates.get_template(f"{template}.html.j2").render(**values)


def _without_controls(value: Any) -> Any:
    """Return a value without control characters, before the template escapes and prints it. Text
    that is marked as HTML has been here already."""
    return lines(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _shortened(text: str, characters: int) -> str:
    half = characters // 2
    return text if len(text) <= characters else f"{text[:half]} ... {text[-half:]}"
