"""`tokenizers`, which is given each word once: for WordPiece and for Unigram.

A word is a stretch of text between two places where the reference ends a piece too, whatever is
around them. Words come again, so their ids are kept. Where a text falls into words:

    WordPiece, BertPreTokenizer   at blanks, and on both sides of an ASCII punctuation mark, where
                                  both of its neighbours are ASCII
    Unigram, Metaspace            before each space

That the ids are those of the whole is proved by every part of the file; others are refused:

    added tokens     none is looked for in text
    normalizer       each step works character by character, or on a character and the marks behind
                     it, and keeps ASCII letters, digits, punctuation and blanks what they are
    pre-tokenizer    one of these two, alone
    model            sees piece by piece
"""

import json
import re
import string
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import tokenizers

from bfpack_spark.core.fragments import Int64
from bfpack_spark.tokenizing.ids_of_texts import Ids, end_to_end, is_long
from bfpack_spark.tokenizing.normalized_ahead import sought_tokens
from bfpack_spark.tokenizing.normalizers import library
from bfpack_spark.tokenizing.panics import file_fails, text_fails
from bfpack_spark.tokenizing.tokenizer_json import Tree, parts_of
from bfpack_spark.tokenizing.vocabulary import Vocabulary

_LOCAL = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"}
_LOCAL_OF = {"WordPiece": _LOCAL | {"BertNormalizer"}, "Unigram": _LOCAL}
_WORD_BEGINS = "\u2581"
_BLANKS = " \t\n\r"
_ALONE = frozenset(string.punctuation)
_MARK = f"[{''.join(map(re.escape, string.punctuation))}]"
# A mark that is not followed by others than ASCII, which may combine with it; letters and digits up
# to a blank or such a mark; or all up to a blank.
_BERT_WORD = re.compile(
    rf"{_MARK}(?![^{_BLANKS}!-~])"
    rf"|[A-Za-z0-9]++(?=[{_BLANKS}]|\Z|{_MARK}(?![^{_BLANKS}!-~]))"
    rf"|[^{_BLANKS}]+"
)
_PLAIN_BERT_WORD = re.compile(rf"[A-Za-z0-9]+|{_MARK}")  # of texts without others than these:
_OTHERS = re.compile(rf"[^{_BLANKS}!-~]")
_KEPT_BYTES = 64 << 20  # of words and their ids, about
_ENTRY_BYTES = 200  # of a word and its ids, but for their characters
_SHORT = 256  # characters of a word that may come again

# The ids of a word as little-endian int32, or None if it cannot be spelled.
Spelled: TypeAlias = bytes | None
# The characters that ASCII characters become, by their codes.
Table: TypeAlias = dict[int, str]


class WordsEngine:
    """`tokenizers` with the ids of words that it has seen."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        tree: Tree = json.loads(vocabulary.engine_json)
        sought = sought_tokens(tree, vocabulary)
        if sought:
            raise ValueError(
                f"words are not cut where the added token {sought[0].get('content')!r} is looked "
                "for in the text"
            )
        kind = _kind_of(tree)
        with file_fails("tokenizers"):
            self._engine = tokenizers.Tokenizer.from_buffer(vocabulary.engine_json)
        self._tokenize = self._engine.model.tokenize
        self._pre_tokenize = self._engine.pre_tokenizer.pre_tokenize_str
        self._steps = [library(step) for step in parts_of(tree.get("normalizer"), "normalizers")]
        self._table = _table_of(tree, _LOCAL_OF[kind])
        self._is_bert = kind == "WordPiece"
        self._kept = _Kept(self._spell_bert if self._is_bert else self._spell_behind_a_space)
        self._cuts = vocabulary.cuts

    def encode(self, texts: list[str]) -> tuple[Ids, Int64]:
        with text_fails("words"):
            return end_to_end([self._one(text) for text in texts])

    def _one(self, text: str) -> Ids | None:
        cuts = self._cuts if is_long(text) else None
        pieces = [text] if cuts is None else cuts.pieces(text)
        spelled: list[bytes] = []
        for piece in pieces:
            words = self._bert_words(piece) if self._is_bert else self._spaced_words(piece)
            if None in words:
                return None
            spelled += words  # type: ignore[arg-type]
        return np.frombuffer(b"".join(spelled), dtype="<i4")

    def _bert_words(self, text: str) -> list[Spelled]:
        is_plain = text.isascii() and not _OTHERS.search(text)
        words = (_PLAIN_BERT_WORD if is_plain else _BERT_WORD).findall(text)
        return list(map(self._kept.__getitem__, words))

    def _spaced_words(self, text: str) -> list[Spelled]:
        """Only the first word may be without a space before it."""
        first, *words = text.split(" ")
        return [self._spell(first), *map(self._kept.__getitem__, words)]

    def _spell_bert(self, word: str) -> Spelled:
        if word.isascii() and (word.isalnum() or word in _ALONE):
            return self._ids([word.translate(self._table)])
        return self._spell(word)

    def _spell_behind_a_space(self, word: str) -> Spelled:
        if word.isascii():
            return self._ids([_WORD_BEGINS + word.translate(self._table)])
        return self._spell(f" {word}")

    def _spell(self, text: str) -> Spelled:
        """Return the ids of a text by the library's own normalizer and pre-tokenizer."""
        for step in self._steps:
            text = step(text)
        return self._ids([piece for piece, _ in self._pre_tokenize(text)])

    def _ids(self, pieces: list[str]) -> Spelled:
        tokenize = self._tokenize
        try:
            ids = [token.id for piece in pieces for token in tokenize(piece)]
        except Exception:  # it raises no narrower class if a piece cannot be spelled
            return None
        return struct.pack(f"<{len(ids)}i", *ids)

    def id_of(self, token: str) -> int | None:
        return self._engine.token_to_id(token)

    def token_of(self, number: int) -> str | None:
        return self._engine.id_to_token(number)


class _Kept(dict[str, Spelled]):
    """Words and their ids. All are forgotten when they take too much memory."""

    def __init__(self, spell: Callable[[str], Spelled]) -> None:
        self._spell = spell
        self._size = 0

    def __missing__(self, word: str) -> Spelled:
        spelled = self._spell(word)
        if len(word) <= _SHORT:
            if self._size > _KEPT_BYTES:
                self.clear()
                self._size = 0
            self[word] = spelled
            self._size += _ENTRY_BYTES + len(word) + len(spelled or b"")
        return spelled


def _kind_of(tree: Tree) -> str:
    """Return the type of the model. Raises ValueError unless it is one of the two, with its
    pre-tokenizer."""
    kind = tree["model"].get("type")
    steps = parts_of(tree.get("pre_tokenizer"), "pretokenizers")
    found = [step.get("type") for step in steps]
    if kind == "WordPiece" and found == ["BertPreTokenizer"]:
        return "WordPiece"
    if kind == "Unigram" and found == ["Metaspace"]:
        step: dict[str, Any] = steps[0]
        if step.get("replacement") == _WORD_BEGINS and step.get("split", True) is True:
            return "Unigram"
    behind = f" behind {' and '.join(map(str, found))}" if found else ""
    raise ValueError(f"words are not cut for a model of the type {kind}{behind}")


def _table_of(tree: Tree, local: set[str]) -> Table:
    """Return what the normalizer makes of each ASCII character. Raises ValueError unless it is one
    of its kind, and unless every step is one of `local`."""
    table = {code: chr(code) for code in range(128)}
    for step in parts_of(tree.get("normalizer"), "normalizers"):
        if step.get("type") not in local:
            raise ValueError(f"words are not cut with the normalizer {step.get('type')}")
        normalize = library(step)
        table = {code: normalize(made) for code, made in table.items()}
    for code, made in table.items():
        if _kind_of_char(made) != _kind_of_char(chr(code)):
            raise ValueError(f"words are not cut where {chr(code)!r} becomes {made!r}")
    return table


def _kind_of_char(char: str) -> str:
    """Return what a character is where a text falls into words; some characters become none."""
    if char and char in _BLANKS:
        return "blank"
    if len(char) != 1 or not char.isascii() or not char.isprintable():
        return "other"
    return "letter" if char.isalnum() else char
