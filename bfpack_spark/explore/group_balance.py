"""Are the groups that the packer sees one at a time alike?"""

from dataclasses import dataclass

from bfpack_spark.core.accounting import Histogram, Rules, sequences_per_group
from bfpack_spark.core.groups import group_counts, num_groups


@dataclass(frozen=True, kw_only=True)
class GroupBalance:
    """Parallel tuples of one number a group."""

    num_documents: tuple[int, ...]
    num_tokens: tuple[int, ...]  # before long documents are truncated or dropped
    num_sequences: tuple[int, ...]

    @property
    def num_groups(self) -> int:
        return len(self.num_documents)


def group_balance(histogram: Histogram, rules: Rules) -> GroupBalance:
    """The groups as they are dealt and packed, from lengths alone; exact. Time: as the packer on
    counts, once a group."""
    groups = num_groups(histogram.num_documents, rules.group_documents_max)
    dealt = _dealt(histogram, groups, rules.seed)
    return GroupBalance(
        num_documents=tuple(documents for documents, _ in dealt),
        num_tokens=tuple(tokens for _, tokens in dealt),
        num_sequences=tuple(sequences_per_group(histogram, rules).tolist()),
    )


def _dealt(histogram: Histogram, groups: int, seed: int) -> list[tuple[int, int]]:
    """Documents and tokens of each group."""
    return [
        (int(counts.sum()), int((counts * histogram.lengths).sum()))
        for counts in group_counts(histogram.counts, groups, seed)
    ]
