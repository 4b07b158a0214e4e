"""The row of all documents, longest first, cut into stretches that one worker each can sort.

The row is cut where a length ends, if that is often enough. A length that has too many documents
has several stretches of its own: ranges of the hashes by which documents of one length are ordered.
How many documents lie in each range must then be counted; all else follows from the histogram.

    two of length 5, one of 4, six of 2, about 2 in a stretch -> [5, 5], [4], and [2]s in 3 ranges
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64, rank_in_run
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.shuffle import UInt64

_SIGN = np.uint64(1 << 63)
_HALF = np.uint64(32)


@dataclass(frozen=True, kw_only=True)
class Stretches:
    """The stretches of a row. The first four have a number for each distinct length, ascending."""

    length: Int64
    first: Int64  # the stretch in which the length lies, or the first one of several
    parts: Int64  # stretches that the length has
    ahead: Int64  # documents ahead of that stretch
    # By stretch: documents ahead of it that have its length. None: they must be counted first.
    within: Int64 | None

    def __len__(self) -> int:
        """Return the number of stretches."""
        return int(self.first[0] + self.parts[0])

    def of(self, length: Int64, doc_hash: Int64) -> Int64:
        """Return the stretch of each document."""
        at = self._place(length)
        parts = self.parts[at].view(np.uint64)
        return self.first[at] + (((_ascending(doc_hash) >> _HALF) * parts) >> _HALF).view(np.int64)

    def ahead_of(self, length: Int64, doc_hash: Int64) -> Int64:
        """Return how many documents are ahead of the stretch of each document."""
        assert self.within is not None, "the documents ahead of a stretch are not counted"
        return self.ahead[self._place(length)] + self.within[self.of(length, doc_hash)]

    def in_parts(self, length: Int64) -> npt.NDArray[np.bool_]:
        """Return which documents are of a length that has several stretches."""
        return self.parts[self._place(length)] > 1

    def counted(self, counts: Iterable[Mapping[str, int]]) -> "Stretches":
        """Return the stretches with what was counted in those of a length that has several: the
        number of documents by the number of the stretch, in some or all of the files."""
        sizes = np.zeros(len(self), dtype=np.int64)
        for each in counts:
            for number, size in each.items():
                sizes[int(number)] += size
        begun = np.cumsum(sizes) - sizes
        parts, firsts = self.parts[self.parts > 1], self.first[self.parts > 1]
        first = np.repeat(firsts, parts)
        part = first + rank_in_run(parts)
        within = np.zeros(len(self), dtype=np.int64)
        within[part] = begun[part] - begun[first]
        return replace(self, within=within)

    def _place(self, length: Int64) -> Int64:
        at = np.searchsorted(self.length, length)
        assert (self.length[np.minimum(at, len(self.length) - 1)] == length).all(), (
            "a document's length is not in the histogram"
        )
        return at


def stretches_of(histogram: Histogram, stretch_documents: int) -> Stretches:
    """Return the stretches of documents of these lengths, of about `stretch_documents` each."""
    counts = histogram.counts[::-1]  # longest first, as the row is
    longer = np.cumsum(counts) - counts
    parts = np.maximum(-(-counts // stretch_documents), 1)
    is_alone = parts > 1
    begins = np.diff(longer // stretch_documents, prepend=-1) > 0
    begins |= is_alone | np.append(False, is_alone[:-1])
    first = np.cumsum(np.where(begins, parts, 0)) - parts
    ahead = longer[np.maximum.accumulate(np.where(begins, np.arange(len(counts)), 0))]
    return Stretches(
        length=histogram.values,
        first=first[::-1].copy(),
        parts=parts[::-1].copy(),
        ahead=ahead[::-1].copy(),
        within=None if is_alone.any() else np.zeros(int(first[-1]) + 1, dtype=np.int64),
    )


def _ascending(doc_hash: Int64) -> UInt64:
    """Return unsigned numbers in the order of these signed ones."""
    return np.asarray(doc_hash).view(np.uint64) ^ _SIGN
