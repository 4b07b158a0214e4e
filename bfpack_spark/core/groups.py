"""Length-balanced groups by arithmetic: which group the r-th document of a length goes to.

Documents of length l are ranked (by a seeded hash of their id) and dealt round robin, starting at
a group that depends on l alone, so that any two groups' numbers of documents of one length differ
by at most one. The groups' histograms follow from the bucket's alone.
"""

from bfpack_spark.core.fragments import Int64

MULTIPLIER = 1_000_003
MODULUS = 4_294_967_291  # the largest prime below 2^32; lengths below 2^42 do not overflow


def num_groups(num_documents: int, group_documents_max: int) -> int:
    """Groups of at most about `group_documents_max` documents: 5 at 2 -> 3."""
    return max(1, -(-num_documents // group_documents_max))


def first_group(lengths: Int64, groups: int, seed: int) -> Int64:
    """The group that the first document of each length goes to. (Plain enough for SQL as well.)"""
    return (lengths * MULTIPLIER + seed) % MODULUS % groups


def group_counts(lengths: Int64, counts: Int64, groups: int, seed: int) -> list[Int64]:
    """Documents of each length in each group: counts [5] in 2 groups -> [3], [2] or [2], [3]."""
    start = first_group(lengths, groups, seed)
    return [
        counts // groups + ((group - start) % groups < counts % groups) for group in range(groups)
    ]
