"""Tokenizes the documents of a sample, and looks through their texts for mentions."""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.documents import Documents
from bfpack_spark.tokenizing.mentions import Mentions, ReferenceKind, TokenPlaces, mentions_in
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec

MentionsOfEach: TypeAlias = tuple[Mentions | None, ...]


class SampleReader:
    """What documents of a sample are tokenized with, and which mentions are looked for in them."""

    def __init__(self, spec: TokenizeSpec, references: ReferenceKind | None) -> None:
        self.spec, self._references = spec, references
        self._places = None if references is None else TokenPlaces.of(spec.vocabulary)

    def read(self, batches: Iterable[Documents]) -> tuple[Int64, MentionsOfEach]:
        """Return the tokens of documents, 0 for each that is refused, and their mentions: None for
        a text without such, and no value at all if none are looked for."""
        lengths, mentions = [np.empty(0, np.int64)], []
        for batch in batches:
            texts = [] if self._places is None else batch.content.to_pylist()
            own = self.spec.tokenize(batch).column("length").fill_null(0).to_numpy()
            lengths.append(np.asarray(own, dtype=np.int64))
            mentions += [self._look(*pair) for pair in zip(texts, own.tolist(), strict=False)]
        return np.concatenate(lengths), tuple(mentions)

    def _look(self, text: str | None, length: int) -> Mentions | None:
        if self._references is None or self._places is None or text is None or not length:
            return None
        return mentions_in(text, self._references, self._places)
