"""What `bfpack show` draws: a sequence as a bar, then each of its documents.

    demo, seq_len 16, sequence 3 in shards/part-00000.parquet: 14 tokens of 2 documents, 2 padding
    <aaaaaaaabbbbb..
    a  [0:9]  tokens 7:16 of 16  report.txt
         cut: 7 before these in sequence 1
         the end of a text
    b  [9:14]  whole  note.txt
         a whole text

A column of the bar is an equal part of the sequence, and has the letter of the document in its
middle. < and > are the edges of a piece whose document goes on elsewhere.
"""

import itertools
import string
import sys
from collections.abc import Iterable
from functools import partial

import click
from rich.console import Console
from rich.text import Text

from bfpack_spark.explore.document import Whereabouts
from bfpack_spark.explore.sequence import Piece, Segment, Sequence
from bfpack_spark.printable import one_line

_LETTERS = string.ascii_lowercase + string.ascii_uppercase
_COLOURS = ("black on cyan", "black on yellow", "black on green", "black on magenta")
_PIPED_COLUMNS = 120


def print_sequence(found: Sequence) -> None:
    """Print a sequence on stdout, with colours only on a terminal that has them."""
    console = Console(width=None if sys.stdout.isatty() else _PIPED_COLUMNS)
    for line in _lines(found, console.width):
        console.print(line, soft_wrap=True)


def print_document(found: Whereabouts) -> None:
    """Print where a document went: a line for each of its fragments, in order, on stdout."""
    for line in _about_document(found):
        click.echo(one_line(line))


def _about_document(found: Whereabouts) -> Iterable[str]:
    named = f"{found.bucket}, seq_len {found.seq_len:,}, document {found.doc_id}"
    if found.num_tokens is None:
        yield f"{named}: not tokenized; quarantined as {found.quarantined}"
        return
    sequences = len({fragment.sequence_id for fragment in found.fragments})
    where = f"in {sequences:,} sequence{'s' if sequences != 1 else ''}"
    if not found.fragments:
        where = "in no sequence, by --long-documents drop"
    yield f"{named}: {found.num_tokens:,} tokens, {where}"
    for fragment in found.fragments:
        last, end = fragment.start + fragment.length, fragment.offset + fragment.length
        yield (
            f"  tokens {fragment.start}:{last} at [{fragment.offset}:{end}] of sequence "
            f"{fragment.sequence_id}"
        )
    if found.fragments and found.num_left_out:
        yield f"  {found.num_left_out:,} tokens left out, by --long-documents truncate"


def _lines(found: Sequence, columns: int) -> Iterable[Text]:
    documents = sum(segment.doc_id is not None for segment in found.segments)
    yield Text(
        f"{one_line(found.bucket)}, seq_len {found.seq_len:,}, sequence {found.sequence_id} in "
        f"{found.shard}: {found.num_tokens:,} tokens of {documents} document"
        f"{'s' if documents != 1 else ''}, {found.num_padding:,} padding"
    )
    yield _bar(found, min(columns, found.seq_len))
    for number, segment in enumerate(found.segments):
        yield from _about(segment, number, columns)


def _bar(found: Sequence, columns: int) -> Text:
    middles = ((2 * column + 1) * found.seq_len // (2 * columns) for column in range(columns))
    drawn = Text()
    for number, cells in itertools.groupby(middles, partial(_at, found)):
        segment, width = found.segments[number], len(list(cells))
        drawn.append(_piece(segment, number, width), _colour(number) if segment.doc_id else "")
    return drawn


def _piece(segment: Segment, number: int, width: int) -> str:
    """Return a segment as `width` characters. In one column only the left edge is drawn, since it
    tells more."""
    if segment.doc_id is None or segment.doc_start is None or segment.doc_length is None:
        return "." * width
    goes_on = segment.doc_start + segment.length < segment.doc_length
    left = "<" if segment.doc_start else ""
    right = ">" if goes_on and width > len(left) else ""
    return left + _letter(number) * (width - len(left) - len(right)) + right


def _at(found: Sequence, token: int) -> int:
    """Return the number of the segment that holds a token."""
    ends = (s.offset + s.length for s in found.segments)
    return next(number for number, end in enumerate(ends) if token < end)


def _letter(number: int) -> str:
    return _LETTERS[number % len(_LETTERS)]


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _about(segment: Segment, number: int, columns: int) -> Iterable[Text]:
    span = f"[{segment.offset}:{segment.offset + segment.length}]"
    if segment.doc_id is None or segment.doc_start is None:
        yield Text(f".  {span}  padding")
        return
    held = f"{segment.doc_start}:{segment.doc_start + segment.length} of {segment.doc_length}"
    part = f"tokens {held}" if segment.is_cut else "whole"
    named = f"  {span}  {part}  {one_line(segment.doc_id)}"
    yield Text.assemble((_letter(number), _colour(number)), named)
    if segment.is_cut:
        yield Text(f"     cut: {_rest(segment, segment.doc_start)}", "bold")
    text = Text("     " + _shortened(segment.text, columns - 5), "dim")
    text.truncate(columns, overflow="ellipsis")
    yield text


def _rest(segment: Segment, start: int) -> str:
    before = [piece for piece in segment.elsewhere if piece.start < start]
    after = [piece for piece in segment.elsewhere if piece.start > start]
    parts = [
        f"{sum(piece.length for piece in pieces):,} {word} these in {_sequences(pieces)}"
        for word, pieces in (("before", before), ("after", after))
        if pieces
    ]
    if segment.num_left_out:
        parts.append(f"{segment.num_left_out:,} left out")
    return "; ".join(parts)


def _sequences(pieces: list[Piece]) -> str:
    names = [str(piece.sequence_id) for piece in pieces]
    named = ", ".join(names[:5])
    word = "sequence" if len(names) == 1 else "sequences"
    return f"{word} {named}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _shortened(text: str, columns: int) -> str:
    """Return the beginning and the end of a text in one line, of at most `columns` characters."""
    if len(text) <= columns and len(one_line(text)) <= columns:
        return one_line(text)
    half = max((columns - 5) // 2, 1)
    return f"{one_line(text[:half])[:half]} ... {one_line(text[-half:])[-half:]}"
