"""Which document lies where in a sequence. Terminal, notebook and page draw a sequence from this.

segments a (cut at both ends), b (whole), padding, of 6, 8 and 2 tokens
-> boxes [0, 6) number 0, [6, 14) number 1, [14, 16) without a number
"""

import string
from dataclasses import dataclass

from bfpack_spark.explore.sequence import Sequence

# Colours of documents that the eye tells apart, light enough for a letter on them.
PALETTE = (
    *("#56B4E9", "#E69F00", "#7AC5A5", "#F0E442", "#CC79A7", "#9FB8D9"),
    *("#F4B183", "#B5D99C", "#C9A0DC", "#D9C8A9", "#8FD3D1", "#F5A3A3"),
)
CUT, PADDING = "#B00020", "#E3E3E3"
_LETTERS = string.ascii_lowercase + string.ascii_uppercase


@dataclass(frozen=True, kw_only=True)
class Box:
    """A segment as it is drawn. Offset and length are in tokens."""

    offset: int
    length: int
    number: int | None  # of its document, which chooses its letter and colour; None: padding
    is_cut_before: bool = False  # its document begins elsewhere
    is_cut_after: bool = False

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def colour(self) -> str:
        return PADDING if self.number is None else PALETTE[self.number % len(PALETTE)]

    @property
    def letter(self) -> str:
        return "." if self.number is None else _LETTERS[self.number % len(_LETTERS)]


def boxes_of(sequence: Sequence) -> list[Box]:
    """Return a box for each segment of a sequence, in order."""
    boxes = []
    for number, segment in enumerate(sequence.segments):
        start, end = segment.doc_start or 0, segment.doc_end
        boxes.append(
            Box(
                offset=segment.offset,
                length=segment.length,
                number=None if segment.doc_id is None else number,
                is_cut_before=start > 0,
                is_cut_after=end < (segment.doc_length or end),
            )
        )
    return boxes
