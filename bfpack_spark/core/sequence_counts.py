"""The sequences of a best-fit plan, counted by what they hold, without making the plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.best_fit import BinRuns, Packing
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.groups import packed_groups
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.row_balance import chance_to_go_on
from bfpack_spark.core.rules import Rules


@dataclass(frozen=True, kw_only=True)
class SequenceCounts:
    """The sequences of a best-fit plan. The counts are exact: the plan makes these same sequences.

    What the sequences hold is counted when it is asked for first, since that takes as long again as
    packing all groups."""

    seq_len: int
    per_group: Int64  # sequences of each group
    packings: Sequence[Packing]  # one a group
    chances: npt.NDArray[np.float64]  # row_balance.chance_to_go_on
    num_padding_sequences: int  # rows of padding, without fragments

    @cached_property
    def by_padding(self) -> Histogram:
        """Return the sequences by their tokens of padding."""
        counts = np.zeros(self.seq_len + 1, dtype=np.int64)
        for runs in self._runs:
            np.add.at(counts, self.seq_len - runs.sums[2].astype(np.int64), runs.bins)
        counts[self.seq_len] += self.num_padding_sequences
        return Histogram.of_counts(counts)

    @cached_property
    def by_fragments(self) -> Histogram:
        """Return the sequences by their number of fragments."""
        each = [Histogram(values=runs.fragments, counts=runs.bins) for runs in self._runs]
        return Histogram.merged([*each, *self._without_fragments()])

    @cached_property
    def by_attention(self) -> Histogram:
        """Return the sequences by the sum of l (l + 1) / 2 over their fragments of l tokens."""
        each = [Histogram(values=runs.sums[0], counts=runs.bins) for runs in self._runs]
        return Histogram.merged([*each, *self._without_fragments()])

    @cached_property
    def begun_inside(self) -> float:
        """Return how many sequences begin inside a document. Of equal fragments, and of the
        fragments of a sequence, each is equally likely to come first, and this is the mean."""
        return sum(float((runs.bins * runs.sums[1] / runs.fragments).sum()) for runs in self._runs)

    @cached_property
    def _runs(self) -> list[BinRuns]:
        length = np.arange(self.seq_len + 1, dtype=np.int64)
        values = (length * (length + 1) // 2, self.chances, length)
        return [packing.bins_alike(values) for packing in self.packings]

    def _without_fragments(self) -> list[Histogram]:
        if not self.num_padding_sequences:
            return []
        count = np.array([self.num_padding_sequences])
        return [Histogram(values=np.zeros(1, np.int64), counts=count)]


def count_sequences(histogram: Histogram, rules: Rules) -> SequenceCounts:
    """Pack all groups of documents of these lengths on counts, once, by best fit."""
    assert rules.packing == "best_fit", "concat's depend on the order of documents"
    packings = []
    for group in packed_groups(histogram, rules):
        assert group.packing is not None, "best fit has one"
        packings.append(group.packing)
    per_group = np.array([packing.num_bins for packing in packings], dtype=np.int64)
    return SequenceCounts(
        seq_len=rules.seq_len,
        per_group=per_group,
        packings=packings,
        chances=chance_to_go_on(histogram, rules),
        num_padding_sequences=rules.num_padding_sequences(int(per_group.sum())),
    )
