"""All groups of a bucket packed on counts, which gives the numbers that their plans will have."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.best_fit import Packing, pack_counts
from bfpack_spark.core.fragments import Int64, count_fragments, kept_lengths
from bfpack_spark.core.groups import default_group_documents, group_counts, num_groups
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules


@dataclass(frozen=True, kw_only=True)
class PackedGroup:
    """The numbers that packing gives for one group."""

    num_documents: int
    num_tokens: int  # before long documents are truncated or dropped
    num_sequences: int
    fragments: Int64 | None  # by length, 0 .. seq_len; None for concat: the order decides
    packing: Packing | None  # None for concat


def packed_groups(histogram: Histogram, rules: Rules) -> Iterator[PackedGroup]:
    """Yield the groups in order, dealt and packed. The numbers are exact. `histogram` is the one of
    the documents' lengths. The time is that of pack_counts, once per group."""
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
