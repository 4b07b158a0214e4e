"""Mentions in a text of what was told before in it, in tokens: of Python's names, of words, or of
headings.

    python    a use of a name, and its nearest earlier binding (python_names.py)
    words     an identifier or a capitalised word, and its last mention; for any language
    headings  a token, and the heading above it (Markdown: # or underlined)
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import tokenizers

from bfpack_spark.core.fragments import Int64
from bfpack_spark.tokenizing.cuts import Cuts
from bfpack_spark.tokenizing.ids_of_texts import is_long
from bfpack_spark.tokenizing.python_names import python_references
from bfpack_spark.tokenizing.vocabulary import Vocabulary

ReferenceKind: TypeAlias = Literal["python", "words", "headings"]
REFERENCE_KINDS: tuple[ReferenceKind, ...] = get_args(ReferenceKind)

# A word with a capital at the beginning, or one inside, or with _ or a digit: no plain word.
_WORD = re.compile(r"\b(?:[^\W\d_]*_\w+|[^\W\d_]+\d\w*|[^\W\d_]*[A-ZÀ-ÞА-Я]\w+)\b")
_HEADING = re.compile(r"^(?:#{1,6}[ \t]+\S.*|\S.*\n(?:={3,}|-{3,})[ \t]*$)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Mentions:
    """Mentions of one document, as parallel arrays."""

    told: Int64  # token of what is mentioned
    used: Int64  # token of the mention
    kind: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.told)


class TokenPlaces:
    """Tells which token of a document a character of its text is in."""

    def __init__(self, engine: tokenizers.Tokenizer, cuts: Cuts | None, num_before: int) -> None:
        self._engine, self._cuts, self.num_before = engine, cuts, num_before
        engine.no_truncation()
        engine.no_padding()

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> "TokenPlaces":
        """Return the places that a run with this vocabulary gives to tokens."""
        engine = tokenizers.Tokenizer.from_buffer(vocabulary.engine_json)
        engine.encode_special_tokens = vocabulary.control_tokens != "allow"
        return cls(engine, vocabulary.cuts, int(vocabulary.bos_id is not None))

    def starts(self, text: str) -> Int64:
        """Return the first character of each token of the text."""
        pieces = [text]
        if is_long(text) and self._cuts is not None:
            pieces = list(self._cuts.pieces(text))
        parts, reached = [np.empty(0, np.int64)], 0
        for piece in pieces:
            offsets = self._engine.encode(piece, add_special_tokens=False).offsets
            parts.append(np.array([start for start, _ in offsets], dtype=np.int64) + reached)
            reached += len(piece)
        return np.concatenate(parts)

    def tokens(self, characters: Int64, starts: Int64) -> Int64:
        """Return the tokens that these characters are in, counted as the document is packed."""
        token = np.searchsorted(starts, characters, "right") - 1
        return np.asarray(np.maximum(token, 0) + self.num_before, dtype=np.int64)


def mentions_in(text: str, kind: ReferenceKind, places: TokenPlaces) -> Mentions | None:
    """Return the mentions in a text, or None if it is not of this kind: no Python."""
    pairs = _PAIRS[kind](text)
    if pairs is None:
        return None
    starts = places.starts(text)
    told, used = (
        places.tokens(np.array([pair[side] for pair in pairs], dtype=np.int64), starts)
        for side in (0, 1)
    )
    if kind == "headings":
        return _below(told, places.tokens(starts[-1:], starts))
    return Mentions(told=told, used=used, kind=tuple(pair[2] for pair in pairs))


def _python(text: str) -> list[tuple[int, int, str]] | None:
    found = python_references(text)
    return None if found is None else [(one.told, one.used, one.kind) for one in found]


def _words(text: str) -> list[tuple[int, int, str]]:
    last: dict[str, int] = {}
    pairs = []
    for match in _WORD.finditer(text):
        word, place = match.group(), match.start()
        if word in last:
            is_plain = word.isalpha() and word.istitle()
            kind = "capitalised word" if is_plain else "identifier"
            pairs.append((last[word], place, kind))
        last[word] = place
    return pairs


_PAIRS: dict[ReferenceKind, Callable[[str], list[tuple[int, int, str]] | None]] = {
    "python": _python,
    "words": _words,
    "headings": lambda text: [(m.start(), m.start(), "heading") for m in _HEADING.finditer(text)],
}


def _below(headings: Int64, last: Int64) -> Mentions:
    """Return a mention for each token behind a heading, of the heading above it: headings [2, 5],
    last token 6 -> told [2, 2, 5], used [3, 4, 6]."""
    first, end = (int(own[0]) for own in (headings, last)) if len(headings) else (0, -1)
    used = np.arange(first, end + 1, dtype=np.int64)
    told = headings[np.searchsorted(headings, used, "right") - 1] if len(used) else used
    is_below = used > told
    used, told = used[is_below], told[is_below]
    return Mentions(told=told, used=used, kind=("heading",) * len(used))
