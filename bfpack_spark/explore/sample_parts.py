"""From the documents of clusters, or of a whole corpus, to what core.estimates needs of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.estimates import Donors, Sized, Stratum
from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.draw_documents import chances_of
from bfpack_spark.tokenizing.mentions import Mentions


@dataclass(frozen=True, kw_only=True)
class Part:
    """The documents of one cluster, or of the whole corpus."""

    sizes: Int64  # bytes of each
    draws: Int64  # number of the draw of each document that was drawn, in any order
    drawn_sizes: Int64  # its bytes
    lengths: Int64  # its tokens; 0 if it was refused
    chance: float | None  # of the cluster; None: the part is the whole corpus
    mentions: tuple[Mentions | None, ...] = ()  # of each, if they are looked for

    def sized(self, num_draws: int) -> Sized:
        """Return the documents by size, once for each draw of the cluster."""
        size, counts = np.unique(self.sizes, return_counts=True)
        if self.chance is None:
            return Sized(size=size, count=counts, weight=np.ones(len(size)), draw=None)
        numbers = np.unique(self.draws)
        return Sized(
            size=np.tile(size, len(numbers)),
            count=np.tile(counts, len(numbers)),
            weight=np.full(len(size) * len(numbers), 1 / self.chance / num_draws),
            draw=np.repeat(numbers, len(size)),
        )

    def bytes_of_donors(self, num_draws: int) -> Float64:
        """Return how many bytes of the corpus each document was drawn for."""
        of_part = self.drawn_sizes / chances_of(self.sizes, self.drawn_sizes)
        if self.chance is None:
            return np.asarray(of_part / num_draws)
        _, where, of_draw = np.unique(self.draws, return_inverse=True, return_counts=True)
        return np.asarray(of_part / of_draw[where] / self.chance / num_draws)


def stratum_of(parts: Sequence[Part], num_draws: int, num_inserted: int) -> Stratum:
    """Return what parts tell that were drawn so many times in all. One part may be the whole
    corpus, from which so many documents were drawn."""
    sized = [part.sized(num_draws) for part in parts]
    draws = [own.draw for own in sized if own.draw is not None]
    return Stratum(
        num_draws=num_draws,
        num_inserted=num_inserted,
        sized=Sized(
            size=np.concatenate([own.size for own in sized]),
            count=np.concatenate([own.count for own in sized]),
            weight=np.concatenate([own.weight for own in sized]),
            draw=np.concatenate(draws) if draws else None,
        ),
        donors=Donors(
            size=np.concatenate([part.drawn_sizes for part in parts]),
            length=np.concatenate([part.lengths for part in parts]),
            num_bytes=np.concatenate([part.bytes_of_donors(num_draws) for part in parts]),
            draw=np.concatenate([part.draws for part in parts]),
        ),
    )


def whole_stratum(lengths: Int64) -> Stratum:
    """Return all documents of a corpus, of which nothing is left to chance. Those of length 0 were
    refused."""
    ones = np.ones_like(lengths)
    return Stratum(
        num_draws=0,
        num_inserted=0,
        sized=Sized(size=ones, count=ones, weight=np.ones(len(lengths)), draw=None),
        donors=Donors(
            size=ones,
            length=lengths,
            num_bytes=np.ones(len(lengths)),
            draw=np.arange(len(lengths)),
        ),
    )
