"""`gigatoken`, for tokenizers of SentencePiece's BPE, such as those of Llama 2, Mistral and Gemma:
characters merge, and there is a token for each byte of a character that is no token itself.

It is an optional package. It takes more files than it gets right, so only those files are given to
it whose every part is one of these:

    model          BPE with all 256 byte tokens, without dropout, prefixes, suffixes, ignored merges
    normalizer     Prepend and Replace that put \u2581 in place of a space; others go ahead
    pre-tokenizer  none, Metaspace, or a Split behind each space
    added tokens   looked for in the raw text, as they are

It has no way to read a control token as text. So these are taken out of its file.
"""

import json
from typing import Any

import numpy as np
import psutil

from bfpack_spark.core.fragments import Int64
from bfpack_spark.memory import give_back
from bfpack_spark.tokenizing.ids_of_texts import Ids, end_to_end, is_long
from bfpack_spark.tokenizing.normalized_ahead import ahead_of, sought_tokens
from bfpack_spark.tokenizing.panics import file_fails, text_fails
from bfpack_spark.tokenizing.tokenizer_json import Tree, parts_of
from bfpack_spark.tokenizing.vocabulary import Vocabulary

try:
    from gigatoken.gigatoken_rs import load_hf_json
except ImportError:
    load_hf_json = None  # type: ignore[assignment]

EXTRA = "bfpack-spark[gigatoken]"

_SPACE, _WORD_BEGINS = {"String": " "}, "\u2581"
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
# The engine keeps each word that it has seen, in 60 to 110 bytes. It is made anew when the process
# has grown by this much since, and has read so much text meanwhile.
_GROWN_BYTES = 192 << 20
_READ_CHARS = 32 << 20


class SentencePieceEngine:
    """`gigatoken`, which is given long texts piece by piece, as the reference is."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        if load_hf_json is None:
            raise ValueError(f"gigatoken is not installed: pip install '{EXTRA}'")
        tree, self._normalize = ahead_of(vocabulary, _knows)
        wrong = _beyond(tree, vocabulary)
        if wrong:
            raise ValueError(f"gigatoken is not given {wrong}")
        sought = sought_tokens(tree, vocabulary)
        added = tree.get("added_tokens") or []
        self._taken_out: dict[str, int] = {
            token["content"]: token["id"] for token in added if token not in sought
        }
        self._json = json.dumps(tree | {"added_tokens": sought})
        self._cuts = vocabulary.cuts
        self._load()

    def _load(self) -> None:
        with file_fails("gigatoken"):
            self._engine = load_hf_json(self._json)
        self._read = 0
        self._size = _resident()

    def encode(self, texts: list[str]) -> tuple[Ids, Int64]:
        with text_fails("gigatoken"):
            ids, lengths = end_to_end([self._one(text) for text in texts])
        self._read += sum(map(len, texts))
        if self._read > _READ_CHARS:
            self._forget()
        return ids, lengths

    def _one(self, text: str) -> Ids:
        if self._cuts is None or not is_long(text):
            return self._piece(text)
        return np.concatenate([self._piece(piece) for piece in self._cuts.pieces(text)])

    def _piece(self, text: str) -> Ids:
        if self._normalize is not None:
            text = self._normalize(text)
        return self._engine.encode(text).view(np.int32)

    def _forget(self) -> None:
        """Make the engine anew if what it keeps has grown."""
        self._read = 0
        if _resident() - self._size > _GROWN_BYTES:
            del self._engine
            give_back()
            self._load()

    def id_of(self, token: str) -> int | None:
        """Return the id of a token. A control token that was taken out has the file's id."""
        if token in self._taken_out:
            return self._taken_out[token]
        wanted = token.encode()
        return next((number for number, name in self._names().items() if name == wanted), None)

    def token_of(self, number: int) -> str | None:
        for token, known in self._taken_out.items():
            if known == number:
                return token
        name = self._names().get(number)
        return None if name is None else name.decode(errors="replace")

    def _names(self) -> dict[int, bytes]:
        names: dict[int, bytes] = self._engine.vocab
        return names


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


def _knows(step: Tree) -> bool:
    """Tell whether the engine does this step of a normalizer as the reference does."""
    if step.get("type") == "Prepend":
        return step.get("prepend") == _WORD_BEGINS
    is_space = step.get("pattern") == _SPACE and step.get("content") == _WORD_BEGINS
    return step.get("type") == "Replace" and is_space


def _beyond(tree: Tree, vocabulary: Vocabulary) -> str | None:
    """Return, in words, what in the file the engine is not known to do as the reference does."""
    wrong = _wrong_model(tree["model"]) or _wrong_pre_tokenizer(tree)
    if wrong:
        return wrong
    for token in sought_tokens(tree, vocabulary):
        if any(token.get(flag) for flag in ("normalized", "single_word", "lstrip", "rstrip")):
            return f"the added token {token['content']!r}, which is not looked for as it is"
        if not token["content"]:
            return "an added token without text"
    return None


def _wrong_model(model: dict[str, Any]) -> str | None:
    if model.get("type") != "BPE" or not model.get("byte_fallback"):
        return f"a model of the type {model.get('type')} without byte_fallback"
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"):
        if model.get(option):
            return f"a model with {option}"
    missing = [byte for byte in _BYTES if byte not in model["vocab"]]
    return f"a vocabulary without {missing[0]}" if missing else None


def _wrong_pre_tokenizer(tree: Tree) -> str | None:
    steps = parts_of(tree.get("pre_tokenizer"), "pretokenizers")
    if not steps:
        return None
    (step, *more), kind = steps, steps[0].get("type")
    if kind == "Metaspace" and step.get("replacement") == _WORD_BEGINS and not more:
        return "Metaspace behind a normalizer" if tree.get("normalizer") else None
    behind_spaces = {"pattern": _SPACE, "behavior": "MergedWithPrevious", "invert": False}
    if kind == "Split" and not more and behind_spaces.items() <= step.items():
        return None
    return f"the pre-tokenizer {kind}"
