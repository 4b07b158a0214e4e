"""Documents drawn from a stream of batches that is read once, with all sizes.

Each draw is made with replacement, by a fair coin either in proportion to bytes or each document
alike. By bytes alone, short documents would hardly be seen; alike, the few long ones that hold most
of the tokens would be missed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.documents import Documents

_BY_BYTES = 0.5  # share of the draws that are in proportion to bytes


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What was seen of the documents of a stream."""

    sizes: Int64  # bytes of each document that may be tokenized: neither refused, empty nor too big
    batches: list[Documents]  # the drawn documents, each once
    chosen: Int64  # for each draw the number of its document; empty if there are no sizes


def draw_documents(
    batches: Iterable[Documents], num_draws: int, max_bytes: int, random: np.random.Generator
) -> Drawn:
    """Draw documents of at most `max_bytes` while reading all of them. Each draw keeps a document
    and replaces it by one of the next batch with the chance that belongs to that batch."""
    draws = _Draws(random.random(num_draws) < _BY_BYTES, random)
    sizes = [np.empty(0, np.int64)]
    for batch in batches:
        own, good = batch.sizes(), np.zeros(len(batch), dtype=bool)
        good[batch.good()] = True
        own[~good | (own > max_bytes)] = 0  # refused by the reader, or by its size
        sizes.append(own[own > 0])
        draws.offer(batch, own)
    return Drawn(sizes=np.concatenate(sizes), batches=draws.batches(), chosen=draws.chosen())


class _Draws:
    """The documents that draws hold so far, each by its batch and its place in the batch."""

    def __init__(self, by_bytes: npt.NDArray[np.bool_], random: np.random.Generator) -> None:
        self._random, self._num_batches = random, 0
        self._kinds = [np.flatnonzero(by_bytes), np.flatnonzero(~by_bytes)]
        self._reached = [0, 0]  # bytes and documents so far
        self._batch, self._place = np.full((2, len(by_bytes)), -1)
        self._kept: dict[int, tuple[Int64, Documents]] = {}  # of a batch: places, documents

    def offer(self, batch: Documents, sizes: Int64) -> None:
        """Let some draws take a document of the batch. Those of size 0 are not taken."""
        for kind, measure in enumerate((sizes, (sizes > 0).astype(np.int64))):
            ends = np.cumsum(measure)
            whole = int(ends[-1]) if len(ends) else 0
            if whole:
                self._reached[kind] += whole
                draws = self._kinds[kind]
                taking = self._random.random(len(draws)) * self._reached[kind] < whole
                draws = draws[taking]
                marks = self._random.integers(whole, size=len(draws))
                self._place[draws] = np.searchsorted(ends, marks, "right")
                self._batch[draws] = self._num_batches
        self._kept[self._num_batches] = (np.arange(len(batch)), batch)
        self._num_batches += 1
        self._forget()

    def batches(self) -> list[Documents]:
        return [documents for _, documents in self._kept.values()]

    def chosen(self) -> Int64:
        """Return the number of each draw's document among those of all batches."""
        first, chosen = 0, np.full(len(self._batch), -1)
        for number, (places, _) in self._kept.items():
            own = self._batch == number
            chosen[own] = first + np.searchsorted(places, self._place[own])
            first += len(places)
        return chosen[chosen >= 0]

    def _forget(self) -> None:
        """Give up the documents that no draw holds any more."""
        for number, (places, documents) in list(self._kept.items()):
            held = np.unique(self._place[self._batch == number])
            if not len(held):
                del self._kept[number]
            elif len(held) < len(places):
                at = np.searchsorted(places, held)
                self._kept[number] = (held, documents.pick(at.tolist()))


def chances_of(sizes: Int64, drawn: Int64) -> Float64:
    """Return the chances of documents of the sizes `drawn` among documents of these sizes: sizes
    [1, 3], drawn [3] -> [0.625]."""
    by_bytes = drawn / max(int(sizes.sum()), 1)
    return np.asarray(_BY_BYTES * by_bytes + (1 - _BY_BYTES) / max(len(sizes), 1))
