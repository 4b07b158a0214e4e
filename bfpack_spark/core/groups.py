"""Length-balanced groups by arithmetic: which group the r-th document of a length goes to.

Imagine the documents in one row, longest first (documents of one length in the order of a seeded
hash of the id). They are dealt round robin, and each length goes on where the one before it ended.
So the numbers of documents in any two groups differ by at most one, and so do the numbers of
documents of each length; their tokens hardly differ. The groups' histograms follow from the
bucket's histogram alone.

    two of length 5, one of 4, three of 2, in 2 groups -> [5, 4, 2] and [5, 2, 2]
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.best_fit import Packing, pack_counts
from bfpack_spark.core.fragments import Int64, count_fragments, kept_lengths
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules

_DOCUMENTS = 2_000_000
_FRAGMENTS = 1 << 23  # of a group: a worker holds a GB of them


def num_groups(num_documents: int, group_documents_max: int) -> int:
    """Return the number of groups of at most `group_documents_max` documents: 5 at 2 -> 3."""
    return max(1, -(-num_documents // group_documents_max))


def default_group_documents(num_documents: int, num_tokens: int, rules: Rules) -> int:
    """Return the most documents of a group, where no option sets them: 2 million, or a half, a
    quarter and so on of it, so that a group has at most 2^23 fragments.

    2 million documents of 1,000 tokens, split at 2,048 -> 2,000,000. Of 20,000 -> 500,000, which
    have at most 5.4 million fragments.
    """
    fragments = num_documents
    if rules.packing == "concat" or rules.long_documents in ("split", "slide"):
        fragments += num_tokens // rules.new_tokens
    most = _DOCUMENTS
    while most > 1 and min(most, num_documents) * fragments > _FRAGMENTS * num_documents:
        most //= 2
    return most


def first_group(counts: Int64, groups: int, seed: int) -> Int64:
    """Return the group that the first document of each length goes to. `counts` holds the number of
    documents of each length, ascending by length."""
    longer = np.cumsum(counts[::-1])[::-1] - counts
    return np.asarray((longer + seed) % groups)


def group_counts(counts: Int64, groups: int, seed: int) -> Iterator[Int64]:
    """Yield the number of documents of each length, group by group: counts [5] in 2 groups -> [3]
    and [2]. It yields one group at a time, because 5 trillion tokens make 4,500 groups of 150,000
    lengths."""
    start = first_group(counts, groups, seed)
    each, left_over = np.divmod(counts, groups)
    for group in range(groups):
        yield each + ((group - start) % groups < left_over)


@dataclass(frozen=True, kw_only=True)
class PackedGroup:
    """The numbers that packing gives for one group."""

    num_documents: int
    num_tokens: int  # before long documents are truncated or dropped
    num_sequences: int
    fragments: Int64 | None  # by length, 0 .. seq_len; None for concat: the order decides
    packing: Packing | None  # None for concat


def packed_groups(histogram: Histogram, rules: Rules) -> Iterator[PackedGroup]:
    """Yield the groups in order, dealt and packed, with the numbers that their plans will have.
    `histogram` is the one of the documents' lengths. The time is that of pack_counts, once per
    group."""
    most = rules.group_documents_max or default_group_documents(
        histogram.count, histogram.total, rules
    )
    groups = num_groups(histogram.count, most)
    for counts in group_counts(histogram.counts, groups, rules.seed):
        yield _packed_group(Histogram(values=histogram.values, counts=counts), rules)


def sequences_per_group(histogram: Histogram, rules: Rules) -> Int64:
    """Return the number of sequences of each group, which is what the plan stage will make."""
    groups = packed_groups(histogram, rules)
    return np.array([group.num_sequences for group in groups], dtype=np.int64)


def _packed_group(group: Histogram, rules: Rules) -> PackedGroup:
    fragments = packing = None
    if rules.packing == "concat":
        kept = kept_lengths(group.values, rules.seq_len, rules.long_documents)
        num_sequences = -(-int((kept * group.counts).sum()) // rules.seq_len)
    else:
        documents = (group.values, group.counts)
        fragments = count_fragments(*documents, rules.seq_len, rules.long_documents, rules.prefix)
        packing = pack_counts(fragments, rules.max_documents, rules.align)
        num_sequences = packing.num_bins
    return PackedGroup(
        num_documents=group.count,
        num_tokens=group.total,
        num_sequences=num_sequences,
        fragments=fragments,
        packing=packing,
    )
