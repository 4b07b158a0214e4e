"""The plan of a group of documents: which piece of which document goes to which place.

Best-fit decreasing puts every fragment into one of the group's sequences (best_fit.py). The
sequences of all groups are numbered consecutively, which is possible because the number of
sequences of each group is known from its counts. Then these numbers are permuted by the seed
(shuffle.py). The result is sequence_id, the place in the dataset. Within a sequence the fragments
lie in a pseudo-random order: best fit's own order is longest first in every row, and a model
without document masks would learn the length from the position.
"""

from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.fragments import (
    Fragments,
    Int64,
    aligned,
    cut_documents,
    cut_stream,
    kept_lengths,
)
from bfpack_spark.core.rows import Placement, arrange, fragment_key
from bfpack_spark.core.rules import Rules
from bfpack_spark.core.shuffle import permute


@dataclass(frozen=True, kw_only=True)
class SequenceNumbers:
    """Which of the dataset's sequences belong to a group, before they are permuted."""

    first: int  # number of sequences in the groups before it
    group: int  # sequences of this group, as its counts predict
    total: int  # sequences of all groups


@dataclass(frozen=True, kw_only=True)
class Places:
    """Fragments in the order in which they lie in the group's sequences, as parallel arrays with
    one number per fragment."""

    document: Int64  # index of the document among those that were planned
    start: Int64  # first token of the document in the fragment, counted in the document
    length: Int64  # tokens
    sequence_id: Int64  # place of the sequence in the dataset
    position: Int64  # rank of the fragment in its sequence
    offset: Int64  # first token of the fragment, counted in its sequence


@dataclass(frozen=True, kw_only=True)
class GroupPlan:
    """Every fragment of a group and its place. A group may have millions of fragments, so `places`
    puts them in order a few at a time."""

    fragments: Fragments
    sequence_id: Int64  # of each fragment
    placement: Placement
    num_documents_cut: int  # in pieces or truncated

    def __len__(self) -> int:
        """Return the number of fragments."""
        return len(self.sequence_id)

    def places(self, first: int, end: int) -> Places:
        """Return the places of fragments first .. end - 1 in the order of sequences."""
        part = slice(first, end)
        order = self.placement.order[part]
        return Places(
            document=self.fragments.document[order],
            start=self.fragments.start[order],
            length=self.fragments.length[order],
            sequence_id=self.sequence_id[order],
            position=self.placement.position[part],
            offset=self.placement.offset[part],
        )


def plan_group(lengths: Int64, hashes: Int64, rules: Rules, numbers: SequenceNumbers) -> GroupPlan:
    """Return the place of every fragment of a group's documents.

    `lengths` holds the tokens of each document and `hashes` the seeded hash of its id. Both are in
    an order that depends on nothing else. Raises AssertionError if the group does not make the
    number of sequences that its counts predict.

    Lengths [5, 3] at seq_len 4 in the only group -> fragments [4], [1] and [3] in two sequences.
    """
    fragments, local = _pack(lengths, rules)
    sequence_id = _sequence_ids(local, numbers, rules.seed)
    sizes = aligned(fragments.length, rules.align)
    placement = arrange(sequence_id, sizes, _order_keys(hashes, fragments, rules))
    first = fragments.start == 0
    cut = fragments.length[first] < lengths[fragments.document[first]]
    return GroupPlan(
        fragments=fragments,
        sequence_id=sequence_id,
        placement=placement,
        num_documents_cut=int(cut.sum()),
    )


def _pack(lengths: Int64, rules: Rules) -> tuple[Fragments, Int64]:
    """Return the group's fragments and the sequence of each, counted within the group."""
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    if rules.packing == "concat":
        return cut_stream(kept, rules.seq_len)
    fragments = cut_documents(kept, rules.seq_len, rules.overlap, rules.bos)
    return fragments, pack(fragments.length, rules.seq_len, rules.max_documents, rules.align)[0]


def _sequence_ids(local: Int64, numbers: SequenceNumbers, seed: int) -> Int64:
    sequences = int(local.max(initial=-1)) + 1
    assert sequences == numbers.group, f"{sequences} sequences, {numbers.group} by its counts"
    numbered = np.arange(numbers.first, numbers.first + sequences, dtype=np.int64)
    return permute(numbered, numbers.total, seed)[local]


def _order_keys(hashes: Int64, fragments: Fragments, rules: Rules) -> Int64:
    """Return the keys by which the fragments of a sequence are ordered."""
    if rules.packing == "concat":  # a row is a piece of the stream as it is
        return np.arange(len(fragments.start), dtype=np.int64)
    return fragment_key(hashes[fragments.document], fragments.start)
