"""Engines that do what the real ones do, but for one thing."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from bfpack_spark.tokenizing.engines import EngineName, Load, load_engine
from bfpack_spark.tokenizing.vocabulary import Vocabulary

Encoded = tuple[np.ndarray, np.ndarray]


def altered(which: EngineName, encode: Callable[[Any, list[str]], Encoded]) -> Load:
    """Load this engine so that it encodes by `encode`, which is given the real one."""

    def load(name: EngineName, vocabulary: Vocabulary) -> Any:
        engine = load_engine(name, vocabulary)
        if name != which:
            return engine
        names = {"id_of": engine.id_of, "token_of": engine.token_of}
        return SimpleNamespace(**names, encode=lambda texts: encode(engine, texts))

    return load


def losing(fits: Callable[[str], bool], which: EngineName = "fastokens") -> Load:
    """A fast engine is wrong: texts that `fits` lose their last id."""

    def encode(engine: Any, texts: list[str]) -> Encoded:
        ids, lengths = engine.encode(texts)
        lost = np.array([bool(n) and fits(t) for t, n in zip(texts, lengths, strict=True)])
        keep = np.ones(len(ids), dtype=bool)
        keep[np.cumsum(lengths)[lost] - 1] = False
        return ids[keep], lengths - lost

    return altered(which, encode)


def noting(given: list[str]) -> Load:
    """The reference notes the texts that it is given."""

    def encode(engine: Any, texts: list[str]) -> Encoded:
        given.extend(texts)
        return engine.encode(texts)

    return altered("tokenizers", encode)
