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
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from bfpack_spark.explore.boxes import Box, boxes_of
from bfpack_spark.explore.document import Whereabouts
from bfpack_spark.explore.sequence import Piece, Segment
from bfpack_spark.explore.sequence import Sequence as PackedSequence
from bfpack_spark.printable import counted, one_line
from bfpack_spark.report.words import why_dropped

if TYPE_CHECKING:
    from bfpack_spark.explore.names import NamedSegment

_COLOURS = ("black on cyan", "black on yellow", "black on green", "black on magenta")
_PIPED_COLUMNS = 120


def print_sequence(sequence: PackedSequence) -> None:
    """Print a sequence on stdout, with colours only on a terminal that has them."""
    console = Console(width=None if sys.stdout.isatty() else _PIPED_COLUMNS)
    for line in _lines(sequence, console.width):
        console.print(line, soft_wrap=True)


def print_document(document: Whereabouts) -> None:
    """Print where a document went: a line for each of its fragments, in order, on stdout."""
    for line in _about_document(document):
        click.echo(one_line(line))


def print_names(segments: "Iterable[NamedSegment]") -> None:
    """Print the names that pieces of documents use and another sequence binds, on stdout, with the
    number of their uses and the place of the last binding."""
    for named in segments:
        for line in _about_names(named):
            click.echo(one_line(line))


def _about_names(named: "NamedSegment") -> Iterable[str]:
    uses = named.out_of_sight
    what = f"{len(uses):,} of {counted(named.num_uses, 'use')} of names are bound elsewhere"
    yield f"{named.segment.doc_id}: {what if named.is_python else 'no Python'}"
    for name in dict.fromkeys(use.name for use in uses):
        own = [use for use in uses if use.name == name]
        last = max(own, key=lambda use: use.bound)
        where = "left out" if last.sequence_id is None else f"in sequence {last.sequence_id}"
        yield f"  {name}: {counted(len(own), 'use')}, {last.kind} at token {last.bound}, {where}"


def _about_document(document: Whereabouts) -> Iterable[str]:
    policy = f"--long-documents {document.long_documents}"
    named = f"{document.bucket}, seq_len {document.seq_len:,}, document {document.doc_id}"
    if document.num_tokens is None:
        yield f"{named}: not tokenized; quarantined as {document.quarantined}"
        return
    sequences = len({fragment.sequence_id for fragment in document.fragments})
    where = f"in {counted(sequences, 'sequence')}"
    if not document.fragments:
        where = f"in no sequence, by {policy}: {why_dropped(document.long_documents)}"
    yield f"{named}: {document.num_tokens:,} tokens, {where}"
    for fragment in document.fragments:
        last, end = fragment.start + fragment.length, fragment.offset + fragment.length
        yield (
            f"  tokens {fragment.start}:{last} at [{fragment.offset}:{end}] of sequence "
            f"{fragment.sequence_id}"
        )
    if document.fragments and document.num_left_out:
        yield f"  {document.num_left_out:,} tokens left out, by {policy}"


def _lines(sequence: PackedSequence, columns: int) -> Iterable[Text]:
    boxes = boxes_of(sequence)
    documents = sum(box.number is not None for box in boxes)
    yield Text(
        f"{one_line(sequence.bucket)}, seq_len {sequence.seq_len:,}, sequence "
        f"{sequence.sequence_id} in {sequence.shard}: {sequence.num_tokens:,} tokens of "
        f"{counted(documents, 'document')}, {sequence.num_padding:,} padding"
    )
    yield _bar(boxes, min(columns, sequence.seq_len))
    for box, segment in zip(boxes, sequence.segments, strict=True):
        yield from _about(box, segment, columns)


def _bar(boxes: Sequence[Box], columns: int) -> Text:
    """Return the boxes in proportion. A column shows the box of the token in its middle."""
    whole = boxes[-1].end
    middles = ((2 * column + 1) * whole // (2 * columns) for column in range(columns))
    bar = Text()
    for box, cells in itertools.groupby(
        middles, lambda token: next(box for box in boxes if token < box.end)
    ):
        bar.append(_drawn(box, len(list(cells))), _colour(box))
    return bar


def _drawn(box: Box, width: int) -> str:
    """Return a box as `width` characters. One column has the left edge, which tells more."""
    left = "<" if box.is_cut_before else ""
    right = ">" if box.is_cut_after and width > len(left) else ""
    return left + box.letter * (width - len(left) - len(right)) + right


def _colour(box: Box) -> str:
    return "" if box.number is None else _COLOURS[box.number % len(_COLOURS)]


def _about(box: Box, segment: Segment, columns: int) -> Iterable[Text]:
    place = f"  [{box.offset}:{box.end}]  {segment.part}"
    if segment.doc_id is None or segment.doc_start is None:
        yield Text(f"{box.letter}{place}")
        return
    yield Text.assemble((box.letter, _colour(box)), f"{place}  {one_line(segment.doc_id)}")
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
