"""The steps of a normalizer, as functions that do what the library does.

NFC, NFD, NFKC and NFKD leave ASCII as it is, and an ASCII character neither combines with what is
before it nor is moved. So such a step sees only the stretches that hold other characters, each from
the ASCII character before it on:

    "one e\u0301 two" -> "one ", NFC("e\u0301"), " two"
"""

import functools
import json
import re
from collections.abc import Callable
from typing import Any, TypeAlias

import tokenizers

from bfpack_spark.tokenizing.tokenizer_json import Tree

Normalize: TypeAlias = Callable[[str], str]

_BY_ASCII = {"NFC", "NFD", "NFKC", "NFKD"}
_STRETCH = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
_KEPT = 1 << 16  # stretches whose normal form is kept
_SHORT = 64  # characters of a stretch that may come again


def normalizing(steps: list[Tree]) -> Normalize:
    """Return a function that does these steps, one after the other."""
    each = [_by_ascii(step) if step.get("type") in _BY_ASCII else library(step) for step in steps]
    return lambda text: functools.reduce(lambda done, step: step(done), each, text)


def library(step: Tree) -> Normalize:
    """Return the library's own function for a step."""
    empty: dict[str, Any] = {"model": {"type": "BPE", "vocab": {}, "merges": []}}
    tokenizer = tokenizers.Tokenizer.from_str(
        json.dumps({"version": "1.0", "added_tokens": [], "normalizer": step, **empty})
    )
    assert tokenizer.normalizer is not None, "it was given one"
    normalize: Normalize = tokenizer.normalizer.normalize_str
    return normalize


def _by_ascii(step: Tree) -> Normalize:
    """Return a function that normalizes only the stretches that are not ASCII."""
    whole = library(step)
    kept = functools.lru_cache(maxsize=_KEPT)(whole)

    def of_stretch(match: re.Match[str]) -> str:
        stretch = match[0]
        return kept(stretch) if len(stretch) <= _SHORT else whole(stretch)

    return lambda text: text if text.isascii() else _STRETCH.sub(of_stretch, text)
