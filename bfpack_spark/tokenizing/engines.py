"""Engines behind one interface: `tokenizers`, the reference, and three that are faster.

    fastokens    byte-level BPE, 20 to 50 times faster
    gigatoken    SentencePiece's BPE, 4 to 10 times faster (sentencepiece.py)
    words        WordPiece and Unigram, 2 to 5 times faster (kept_words.py)

All run on one thread, since Spark provides the parallelism. All ignore the truncation, padding and
post-processing that a tokenizer.json may ask for.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.memory import give_back
from bfpack_spark.tokenizing.ids_of_texts import Ids, batches, end_to_end, is_long
from bfpack_spark.tokenizing.kept_words import WordsEngine
from bfpack_spark.tokenizing.normalized_ahead import ahead_of
from bfpack_spark.tokenizing.normalizers import Normalize
from bfpack_spark.tokenizing.panics import file_fails, said, text_fails
from bfpack_spark.tokenizing.sentencepiece import SentencePieceEngine
from bfpack_spark.tokenizing.vocabulary import Vocabulary

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["FASTOKENS_BPE_THREADS"] = "1"  # it ignores RAYON_NUM_THREADS

import fastokens  # (both read their thread settings when they are loaded)
import tokenizers

EngineName: TypeAlias = Literal["fastokens", "gigatoken", "words", "tokenizers"]
FastName: TypeAlias = Literal["fastokens", "gigatoken", "words"]

MAX_BYTES = 256 << 20  # of one document
REFERENCE_BYTES = 8 << 20  # of what the reference is given at once, at most
_STEPS_OF_FASTOKENS = {"NFC", "Replace", "Prepend"}  # of a normalizer

_loaded: dict[tuple[str, str, str], "Engine"] = {}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest document that an engine takes with a tokenizer."""

    max_bytes: int
    max_uncut_bytes: int | None = None  # and its largest stretch without a place to cut it


def limits_of(name: EngineName, vocabulary: Vocabulary, *, in_one_piece: bool = False) -> Limits:
    """Return the largest document that an engine takes. The reference takes as large texts as
    fastokens if they can be cut, but no stretch of over 8 MiB without a place to cut it. gigatoken,
    which holds 65 bytes for each byte of such a stretch, has the limits of the reference. So both
    of these make the same token store. `in_one_piece`: none is cut, as with conversations."""
    if in_one_piece:
        return Limits(max_bytes=REFERENCE_BYTES)
    if name == "fastokens":
        return Limits(max_bytes=MAX_BYTES)
    if vocabulary.cuts is None:
        return Limits(max_bytes=REFERENCE_BYTES)
    return Limits(max_bytes=MAX_BYTES, max_uncut_bytes=REFERENCE_BYTES)


class Engine(Protocol):
    """An engine that turns text into ids. It inserts nothing."""

    def encode(self, texts: list[str]) -> tuple[Ids, Int64]:
        """Return all ids end to end, and the number of ids of each text. The number is -1 for a
        text that the tokenizer cannot spell: some of it is no token, and there is no token for the
        unknown."""

    def id_of(self, token: str) -> int | None:
        """Return the id of the token with this name."""

    def token_of(self, number: int) -> str | None:
        """Return the token that has this id."""


# How an engine is loaded; tests give another one.
Load: TypeAlias = Callable[[EngineName, Vocabulary], Engine]


def load_engine(name: EngineName, vocabulary: Vocabulary) -> Engine:
    """Return an engine, which is loaded once per process: 1.9 s for a vocabulary of 128k.

    Raises ValueError if a fast engine cannot handle this tokenizer, and InputError if the reference
    cannot. `encode` raises JobError if a fast engine fails on a text, and InputError if the
    reference does.
    """
    policy = (vocabulary.control_tokens, vocabulary.inserted_ids, vocabulary.own_pad_id)
    key = (name, vocabulary.sha256, str(policy))
    if key not in _loaded:
        if hashlib.sha256(vocabulary.json).hexdigest() != vocabulary.sha256:
            raise JobError("the tokenizer did not arrive whole: its sha256 differs")
        _loaded[key] = _MAKERS[name](vocabulary)
        give_back()  # the memory of parsing, 48 MB for a vocabulary of 128k
    return _loaded[key]


def load_reference(vocabulary: Vocabulary) -> "ReferenceEngine":
    """Return the reference, which also says where in a text each token lies."""
    engine = load_engine("tokenizers", vocabulary)
    assert isinstance(engine, ReferenceEngine), "it is loaded by this name"
    return engine


class ReferenceEngine:
    """`tokenizers`, which is given long texts piece by piece."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        try:
            self._engine = tokenizers.Tokenizer.from_buffer(vocabulary.engine_json)
        except BaseException as error:
            raise InputError(
                f"--tokenizer: tokenizers cannot load it ({said(error)}); "
                "give the file that `tokenizers` saves"
            ) from None
        self._engine.no_truncation()
        self._engine.no_padding()
        # pickle and to_str lose this flag, so it is set here, in the process that uses it.
        self._engine.encode_special_tokens = vocabulary.control_tokens != "allow"
        self._cuts = vocabulary.cuts

    def encode(self, texts: list[str]) -> tuple[Ids, Int64]:
        parts: list[Ids | None] = []
        for batch in batches(texts):
            if self._cuts is not None and is_long(batch[0]):
                parts.append(self._long(self._cuts.pieces(batch[0])))
            else:
                parts += self.encode_at_once(batch)
        return end_to_end(parts)

    def _long(self, pieces: Iterable[str]) -> Ids | None:
        """Encode a text of which only a piece is worked on at a time."""
        parts = [part for piece in pieces for part in self.encode_at_once([piece])]
        known = [part for part in parts if part is not None]
        return np.concatenate(known) if len(known) == len(parts) else None

    def encode_at_once(self, texts: list[str]) -> list[Ids | None]:
        """Return the ids of each text, or None for one that cannot be spelled. The library holds
        154 bytes for each byte of these texts."""
        try:
            encodings = self._engine.encode_batch_fast(texts, add_special_tokens=False)
        except Exception:  # it raises no narrower class if a text cannot be spelled
            return [placed and placed[0] for placed in map(self.encode_with_places, texts)]
        except BaseException as error:
            raise _failed(error) from None
        return [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]

    def encode_with_places(self, text: str) -> tuple[Ids, Int64, Int64] | None:
        """Return the ids of a text, and the characters where each begins and ends, or None for a
        text that cannot be spelled."""
        try:
            encoding = self._engine.encode(text, add_special_tokens=False)
        except Exception:  # as above
            return None
        except BaseException as error:
            raise _failed(error) from None
        places = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
        return np.array(encoding.ids, dtype=np.int32), places[:, 0], places[:, 1]

    def id_of(self, token: str) -> int | None:
        return self._engine.token_to_id(token)

    def token_of(self, number: int) -> str | None:
        return self._engine.id_to_token(number)


def _failed(error: BaseException) -> InputError:
    return InputError(
        f"--tokenizer: the tokenizers library fails on a text with it ({said(error)}); "
        "give the file that `tokenizers` saves"
    )


class FastokensEngine:
    """`fastokens`, which does not know every kind of tokenizer."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._normalize: Normalize | None = None
        try:
            self._engine = _of_fastokens(vocabulary.engine_json)
        except ValueError as error:
            known = _STEPS_OF_FASTOKENS
            tree, self._normalize = ahead_of(vocabulary, lambda step: step.get("type") in known)
            if self._normalize is None:
                raise error from None
            self._engine = _of_fastokens(json.dumps(tree).encode())
        self._engine.no_truncation()
        self._engine.no_padding()
        self._split = vocabulary.control_tokens != "allow"

    def encode(self, texts: list[str]) -> tuple[Ids, Int64]:
        if self._normalize is not None:
            texts = [self._normalize(text) for text in texts]
        with text_fails("fastokens"):
            raw, offsets = self._engine.encode_batch_flat(
                texts, add_special_tokens=False, split_special_tokens=self._split
            )
        ends = np.frombuffer(offsets, dtype="<u8").astype(np.int64)
        return np.frombuffer(raw, dtype="<i4"), np.diff(ends)

    def id_of(self, token: str) -> int | None:
        number: int | None = self._engine.token_to_id(token)
        return number

    def token_of(self, number: int) -> str | None:
        token: str | None = self._engine.id_to_token(number)
        return token


def _of_fastokens(tokenizer_json: bytes) -> Any:
    with file_fails("fastokens"):
        return fastokens.Tokenizer.from_json_str(tokenizer_json.decode())


_MAKERS: dict[EngineName, Callable[[Vocabulary], Engine]] = {
    "fastokens": FastokensEngine,
    "gigatoken": SentencePieceEngine,
    "words": WordsEngine,
    "tokenizers": ReferenceEngine,
}
