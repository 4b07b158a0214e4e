"""Documents by length: how many, how often they are cut, and how much of themselves they see.

Best fit and concatenation stand side by side. Best fit packs by the policy for long documents of
the rules. So does concatenation if it is what the rules say, and otherwise it takes all documents
whole, as the baseline.
"""

from dataclasses import dataclass, replace

import numpy as np

from bfpack_spark.core.context import context, possible_context
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.explore.per_document import baseline, truncations


@dataclass(frozen=True, kw_only=True)
class LengthClass:
    """Documents of more than `above` and up to `up_to` tokens. What concatenation does to them is
    an expectation."""

    above: int
    up_to: int
    num_documents: int
    num_tokens: int
    num_truncations: float  # by the plan; the cuts of all of them
    num_truncations_by_concat: float
    num_truncations_by_best_fit: float
    possible_pairs: float  # with tokens before that a window of seq_len could hold
    pairs_by_concat: float  # with tokens before that are in the sequence
    pairs_by_best_fit: float

    @property
    def truncations(self) -> float:
        """Return the cuts of a document, on average."""
        return self.num_truncations / max(self.num_documents, 1)

    @property
    def truncations_by_concat(self) -> float:
        return self.num_truncations_by_concat / max(self.num_documents, 1)

    @property
    def truncations_by_best_fit(self) -> float:
        return self.num_truncations_by_best_fit / max(self.num_documents, 1)

    @property
    def context_by_concat(self) -> float:
        """Return the context that is seen, as a share of what could be: 1 if none could be."""
        return self.pairs_by_concat / self.possible_pairs if self.possible_pairs else 1.0

    @property
    def context_by_best_fit(self) -> float:
        return self.pairs_by_best_fit / self.possible_pairs if self.possible_pairs else 1.0


def length_classes(histogram: Histogram, rules: Rules, edges: Int64) -> tuple[LengthClass, ...]:
    """Return the documents of more than edges[i] and up to edges[i + 1] tokens. A class without
    documents is left out."""
    lengths, counts = histogram.values, histogram.counts
    best_fit, concat = both_ways(rules)
    columns = {
        "num_documents": counts,
        "num_tokens": counts * lengths,
        "num_truncations": counts * truncations(lengths, rules),
        "num_truncations_by_concat": counts * truncations(lengths, concat),
        "num_truncations_by_best_fit": counts * truncations(lengths, best_fit),
        "possible_pairs": counts * possible_context(lengths, rules.seq_len),
        "pairs_by_concat": counts * context(lengths, concat),
        "pairs_by_best_fit": counts * context(lengths, best_fit),
    }
    numbers, first = np.unique(np.searchsorted(edges, lengths), return_index=True)
    if not len(numbers):
        return ()
    sums = {name: np.add.reduceat(values, first) for name, values in columns.items()}
    return tuple(
        LengthClass(
            above=int(edges[number - 1]),
            up_to=int(edges[number]),
            **{name: values[place].item() for name, values in sums.items()},
        )
        for place, number in enumerate(numbers.tolist())
    )


def both_ways(rules: Rules) -> tuple[Rules, Rules]:
    """Return the rules of best fit and of concatenation that are compared: the rules given, and
    the other way beside them."""
    if rules.packing == "concat":
        return replace(rules, packing="best_fit"), rules
    return rules, baseline(rules)


def powers_of_two(histogram: Histogram) -> Int64:
    """Return the edges 0, 1, 2, 4, ... up to the longest document. If every seq_len is added to
    them, all documents of a class fit into a seq_len, or none does."""
    longest = int(histogram.values.max(initial=1))
    return np.array([0, *(1 << k for k in range((longest - 1).bit_length() + 1))], dtype=np.int64)
