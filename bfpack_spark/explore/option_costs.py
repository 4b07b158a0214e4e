"""What an option for long contexts costs: the plan beside the one that is made without it; and what
repeating tokens would gain and cost, by the policy slide, from lengths alone."""

from dataclasses import dataclass, replace

from bfpack_spark.core.accounting import account
from bfpack_spark.core.context import context, possible_context
from bfpack_spark.core.fragments import later_fragments
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.printable import option_of

_PARTS = (8, 4, 2)  # of seq_len, that each later fragment repeats


@dataclass(frozen=True, kw_only=True)
class OptionCost:
    """Sequences and padding with an option and without it, all other options being the same."""

    option: str
    value: str
    num_sequences: int
    num_sequences_without: int
    num_padding: int
    num_padding_without: int

    @property
    def more_sequences(self) -> float:
        """Return how many more sequences the option makes, as a share of those without it."""
        return self.num_sequences / max(self.num_sequences_without, 1) - 1


def option_costs(histogram: Histogram, rules: Rules) -> tuple[OptionCost, ...]:
    """Return what each option costs that is off by default and is not off. The numbers are exact,
    since both plans are made on counts. Time: that of the packer on counts, once for each of them
    and once for all."""
    chosen, default = rules.chosen(), rules.defaults()
    if not chosen:
        return ()
    plan = account(histogram, rules)
    costs = []
    for name, value in chosen.items():
        without = account(histogram, replace(rules, **{name: default[name]}))
        costs.append(
            OptionCost(
                option=option_of(name),
                value=str(value),
                num_sequences=plan.num_sequences,
                num_sequences_without=without.num_sequences,
                num_padding=plan.num_padding,
                num_padding_without=without.num_padding,
            )
        )
    return tuple(costs)


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What it comes to if each later fragment repeats so many tokens. Every number is exact. Those
    of several buckets add up."""

    overlap: int
    num_tokens: int
    num_tokens_repeated: int
    possible_pairs: float  # with tokens before that a window of seq_len could hold
    pairs: float  # with tokens before that are in the sequence, each token where it is new
    pairs_by_split: float

    @property
    def added_share(self) -> float:
        """Return the tokens repeated, as a share of all."""
        return self.num_tokens_repeated / max(self.num_tokens, 1)

    @property
    def context_share(self) -> float:
        """Return the context that is seen, as a share of what could be: 1 if none could be."""
        return self.pairs / self.possible_pairs if self.possible_pairs else 1.0

    @property
    def gained_share(self) -> float:
        """Return by how much that share is more than by the policy split."""
        by_split = self.pairs_by_split / self.possible_pairs if self.possible_pairs else 1.0
        return self.context_share - by_split


def overlaps_of(histogram: Histogram, rules: Rules) -> tuple[Overlap, ...]:
    """Return what an eighth, a quarter and half of seq_len come to. No document is moved, and
    nothing is packed."""
    split = replace(rules, packing="best_fit", long_documents="split", overlap=0)
    sizes = {rules.seq_len // part for part in _PARTS}
    return tuple(
        _overlap(histogram, split, size)
        for size in sorted(sizes)
        if 0 < size < rules.seq_len - rules.bos
    )


def _overlap(histogram: Histogram, split: Rules, size: int) -> Overlap:
    lengths, counts = histogram.values, histogram.counts
    slide = replace(split, long_documents="slide", overlap=size)
    later = later_fragments(lengths, slide.seq_len, slide.prefix)
    return Overlap(
        overlap=size,
        num_tokens=histogram.total,
        num_tokens_repeated=int((later * counts).sum()) * size,
        possible_pairs=float((possible_context(lengths, slide.seq_len) * counts).sum()),
        pairs=float((context(lengths, slide) * counts).sum()),
        pairs_by_split=float((context(lengths, split) * counts).sum()),
    )
