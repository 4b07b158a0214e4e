"""How alike the groups are that the packer sees one at a time."""

from dataclasses import dataclass

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.packed_groups import packed_groups
from bfpack_spark.core.rules import Rules


@dataclass(frozen=True, kw_only=True)
class GroupBalance:
    """Parallel tuples with one number for each group."""

    num_documents: tuple[int, ...]
    num_tokens: tuple[int, ...]  # before long documents are truncated or dropped
    num_sequences: tuple[int, ...]

    @property
    def num_groups(self) -> int:
        return len(self.num_documents)


def group_balance(histogram: Histogram, rules: Rules) -> GroupBalance:
    """Return the groups as they are dealt and packed. They follow from lengths alone, and are
    exact. Time: that of the packer on counts, once for each group."""
    # Three numbers a group: thousands of groups with their fragments by length would be gigabytes.
    numbers = [
        (group.num_documents, group.num_tokens, group.num_sequences)
        for group in packed_groups(histogram, rules)
    ]
    documents, tokens, sequences = zip(*numbers, strict=True)
    return GroupBalance(num_documents=documents, num_tokens=tokens, num_sequences=sequences)
