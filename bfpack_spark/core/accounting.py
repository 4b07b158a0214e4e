"""What packing does to a corpus, from its length histogram alone: no document is moved."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from bfpack_spark.core.best_fit import Packing, pack_counts
from bfpack_spark.core.digest import hash_rows
from bfpack_spark.core.expectations import expected_cut
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
class PolicyEffect:
    """What a policy for documents longer than seq_len does to them; nothing is packed for it."""

    num_documents_packed: int
    num_documents_cut: (
        int  # packed in more than one piece, or truncated: best fit's, even for concat
    )
    num_documents_truncated: int
    num_documents_dropped: int
    num_tokens_packed: int
    num_tokens_truncated: int
    num_tokens_dropped: int


@dataclass(frozen=True, kw_only=True)
class Accounting(PolicyEffect):
    """Where documents and tokens go at one seq_len. Exact, but for the expectation in the last
    field."""

    seq_len: int
    num_documents: int
    num_tokens: int
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
    seq_len, num_sequences = rules.seq_len, int(per_group.sum())
    effect = policy_effect(histogram, seq_len, rules.long_documents)
    chance = expected_cut(histogram.lengths, seq_len)
    return Accounting(
        **vars(effect),
        seq_len=seq_len,
        num_documents=histogram.num_documents,
        num_tokens=histogram.num_tokens,
        num_sequences=num_sequences,
        num_padding=num_sequences * seq_len - effect.num_tokens_packed,
        lower_bound=-(-effect.num_tokens_packed // seq_len),
        num_documents_cut_by_concat=float((chance * histogram.counts).sum()),
    )


def policy_effect(
    histogram: Histogram, seq_len: int, long_documents: LongDocuments
) -> PolicyEffect:
    """Lengths [5, 3] at 4 -> split: 1 cut; truncate: 1 cut, 1 token truncated; drop: 5 dropped."""
    lengths, counts = histogram.lengths, histogram.counts
    kept = kept_lengths(lengths, seq_len, long_documents)
    packed = int((kept * counts).sum())
    dropped = counts[kept == 0]
    tokens_dropped = int((lengths * counts)[kept == 0].sum())
    return PolicyEffect(
        num_documents_packed=histogram.num_documents - int(dropped.sum()),
        num_documents_cut=int(counts[(lengths > seq_len) & (kept > 0)].sum()),
        num_documents_truncated=int(counts[(kept < lengths) & (kept > 0)].sum()),
        num_documents_dropped=int(dropped.sum()),
        num_tokens_packed=packed,
        num_tokens_truncated=histogram.num_tokens - packed - tokens_dropped,
        num_tokens_dropped=tokens_dropped,
    )


@dataclass(frozen=True, kw_only=True)
class SequenceCounts:
    """The sequences of a best-fit plan, counted by what they look like."""

    per_group: Int64  # sequences of each group
    by_padding: Int64  # sequences with 0, 1, ... seq_len tokens of padding
    by_fragments: Int64  # sequences of 0, 1, 2, ... fragments


def count_sequences(histogram: Histogram, rules: Rules) -> SequenceCounts:
    """All groups packed on counts, once. Exact: these are the plan's own sequences."""
    assert rules.packing == "best_fit", "concat's depend on the order of documents"
    per_group: list[int] = []
    by_padding = np.zeros(rules.seq_len + 1, dtype=np.int64)
    by_fragments = np.zeros(rules.seq_len + 1, dtype=np.int64)
    groups = num_groups(histogram.num_documents, rules.group_documents_max)
    for counts in group_counts(histogram.counts, groups, rules.seed):
        packing = _packing(histogram.lengths, counts, rules)
        per_group.append(packing.num_bins)
        by_padding += packing.bins_by_room()
        own = packing.bins_by_fragments()
        by_fragments[: len(own)] += own
    return SequenceCounts(
        per_group=np.array(per_group, dtype=np.int64),
        by_padding=by_padding,
        by_fragments=np.trim_zeros(by_fragments, "b"),
    )


def _num_sequences(lengths: Int64, counts: Int64, rules: Rules) -> int:
    if rules.packing == "concat":
        kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
        return -(-int((kept * counts).sum()) // rules.seq_len)
    return _packing(lengths, counts, rules).num_bins


def _packing(lengths: Int64, counts: Int64, rules: Rules) -> Packing:
    return pack_counts(_fragments(lengths, counts, rules))


def _fragments(lengths: Int64, counts: Int64, rules: Rules) -> Int64:
    return count_fragments(lengths, counts, rules.seq_len, rules.long_documents)
