"""What packing does to a corpus, from its length histogram alone: no document is moved."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from bfpack_spark.core.best_fit import pack_counts
from bfpack_spark.core.digest import hash_rows
from bfpack_spark.core.fragments import Int64, LongDocuments, count_fragments, kept_lengths
from bfpack_spark.core.groups import group_counts, num_groups

PackingRule: TypeAlias = Literal["best_fit", "concat"]


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Distinct document lengths in tokens, ascending, and how many documents have each."""

    lengths: Int64
    counts: Int64

    @property
    def num_documents(self) -> int:
        return int(self.counts.sum())

    @property
    def num_tokens(self) -> int:
        return int((self.lengths * self.counts).sum())


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All that decides a plan, but for the documents."""

    seq_len: int
    packing: PackingRule
    long_documents: LongDocuments
    group_documents_max: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Accounting:
    """Where documents and tokens go at one seq_len. Exact, but for the expectation in the last
    field."""

    seq_len: int
    num_documents: int
    num_tokens: int
    num_documents_packed: int
    num_documents_cut: (
        int  # packed in more than one piece, or truncated: best fit's, even for concat
    )
    num_documents_truncated: int
    num_documents_dropped: int
    num_tokens_packed: int
    num_tokens_truncated: int
    num_tokens_dropped: int
    num_sequences: int
    num_padding: int
    lower_bound: int  # ceil(num_tokens_packed / seq_len)
    num_documents_cut_by_concat: float  # expectation over a uniformly random start

    @property
    def overhead(self) -> float:
        """Sequences over the lower bound, as a share of it."""
        return self.num_sequences / self.lower_bound - 1 if self.lower_bound else 0.0


def sequences_per_group(histogram: Histogram, rules: Rules) -> Int64:
    """Number of sequences of each group, as the plan stage will make them."""
    groups = num_groups(histogram.num_documents, rules.group_documents_max)
    dealt = group_counts(histogram.counts, groups, rules.seed)
    return np.array([_num_sequences(histogram.lengths, c, rules) for c in dealt], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class PlannedGroup:
    """What a group must come to."""

    num_sequences: int
    lengths_sum: int | None  # of hash_rows(length) over its fragments, modulo 2^64; best fit alone


def planned_groups(histogram: Histogram, rules: Rules) -> list[PlannedGroup]:
    """What the plan of each group must come to."""
    groups = num_groups(histogram.num_documents, rules.group_documents_max)
    hashes = hash_rows(np.arange(rules.seq_len + 1, dtype=np.int64))
    found = []
    for counts in group_counts(histogram.counts, groups, rules.seed):
        total = None
        if rules.packing == "best_fit":
            fragments = _fragments(histogram.lengths, counts, rules)
            total = int(np.add.reduce(hashes * fragments.astype(np.uint64), dtype=np.uint64))
        sequences = _num_sequences(histogram.lengths, counts, rules)
        found.append(PlannedGroup(num_sequences=sequences, lengths_sum=total))
    return found


def account(histogram: Histogram, rules: Rules, per_group: Int64 | None = None) -> Accounting:
    """Count everything for these rules. Time: as pack_counts, for every group, unless per_group,
    which is sequences_per_group of the same, is known already."""
    if per_group is None:
        per_group = sequences_per_group(histogram, rules)
    lengths, counts, seq_len = histogram.lengths, histogram.counts, rules.seq_len
    kept = kept_lengths(lengths, seq_len, rules.long_documents)
    packed = int((kept * counts).sum())
    dropped = counts[kept == 0]
    tokens_dropped = int((lengths * counts)[kept == 0].sum())
    num_sequences = int(per_group.sum())
    chance = np.minimum(1.0, (lengths - 1) / seq_len)
    return Accounting(
        seq_len=seq_len,
        num_documents=histogram.num_documents,
        num_tokens=histogram.num_tokens,
        num_documents_packed=histogram.num_documents - int(dropped.sum()),
        num_documents_cut=int(counts[(lengths > seq_len) & (kept > 0)].sum()),
        num_documents_truncated=int(counts[(kept < lengths) & (kept > 0)].sum()),
        num_documents_dropped=int(dropped.sum()),
        num_tokens_packed=packed,
        num_tokens_truncated=histogram.num_tokens - packed - tokens_dropped,
        num_tokens_dropped=tokens_dropped,
        num_sequences=num_sequences,
        num_padding=num_sequences * seq_len - packed,
        lower_bound=-(-packed // seq_len),
        num_documents_cut_by_concat=float((chance * counts).sum()),
    )


def _num_sequences(lengths: Int64, counts: Int64, rules: Rules) -> int:
    if rules.packing == "concat":
        kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
        return -(-int((kept * counts).sum()) // rules.seq_len)
    return pack_counts(_fragments(lengths, counts, rules)).num_bins


def _fragments(lengths: Int64, counts: Int64, rules: Rules) -> Int64:
    return count_fragments(lengths, counts, rules.seq_len, rules.long_documents)
