"""What packing does to documents of known lengths, at any seq_len. Every number that the terminal,
JSON, CSV, HTML, the report and the notebook show comes from here.

    CorpusStats                    a bucket, or several together: documents, tokens, quantiles
      .at[i]: PackingStats         at one seq_len
        .plan: Packed              by the rules given: what `bfpack pack` with these rules makes
        .concat: Packed            the baseline: all documents concatenated, cut every seq_len
        .best_fit: Packed          the plan, or if that is a concatenation, best fit instead
        .fragments, .padding       sequences by number of fragments, by tokens of padding
        .by_length                 cuts a document by the document's length
        .policies                  what split, truncate and drop do to long documents
        .options                   what each option for long contexts costs
        .overlaps                  what repeating tokens of long documents would gain and cost

The counts of a best-fit plan are exact, since the plan is made on counts: what is packed later has
the same. The exception is a policy that looks at loss masks (core.kept_targets): of what it keeps,
lengths tell an upper bound. What concatenation does to documents depends on their order; the
numbers here are the expectation over a uniformly random start.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bfpack_spark.config import MAX_SEQ_LEN, Settings
from bfpack_spark.core.accounting import PolicyEffect, policy_effect
from bfpack_spark.core.fragments import Int64, LongDocuments
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.core.sequence_counts import count_sequences
from bfpack_spark.errors import InputError
from bfpack_spark.explore.length_classes import (
    LengthClass,
    both_ways,
    length_classes,
    powers_of_two,
)
from bfpack_spark.explore.option_costs import OptionCost, Overlap, option_costs, overlaps_of
from bfpack_spark.explore.packed import Packed, pack_by_counts
from bfpack_spark.explore.per_document import baseline, by_policy
from bfpack_spark.explore.references import References, references_of
from bfpack_spark.explore.sample_estimates import Named, Sample, estimates
from bfpack_spark.explore.targets import TargetsAt

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0)
POLICIES: tuple[LongDocuments, ...] = ("split", "truncate", "drop")


@dataclass(frozen=True, kw_only=True)
class PackingStats:
    """The statistics at one seq_len."""

    rules: Rules
    plan: Packed
    concat: Packed
    best_fit: Packed
    by_length: tuple[LengthClass, ...]
    policies: dict[LongDocuments, PolicyEffect]
    options: tuple[OptionCost, ...] = ()
    overlaps: tuple[Overlap, ...] = ()

    @property
    def seq_len(self) -> int:
        return self.rules.seq_len

    @cached_property
    def fragments(self) -> Histogram | None:
        """Return the sequences by number of fragments, or None for concat, where it depends on the
        order of the documents."""
        counted = self.plan.counted
        return Histogram.merged(counts.by_fragments for counts in counted) if counted else None

    @cached_property
    def padding(self) -> Histogram | None:
        """Return the sequences by tokens of padding, or None as above."""
        counted = self.plan.counted
        return Histogram.merged(counts.by_padding for counts in counted) if counted else None

    @property
    def more_sequences(self) -> float:
        """Return how many more sequences the plan has than concatenation, as a share of those of
        concatenation."""
        planned, baseline = self.plan.accounting.num_sequences, self.concat.accounting.num_sequences
        return planned / max(baseline, 1) - 1

    @property
    def concatenated(self) -> Packed:
        """Return the concatenation that best fit is compared with: the plan, if that is one."""
        return self.plan if self.rules.packing == "concat" else self.concat

    @property
    def num_unnecessary(self) -> float:
        """Return the unnecessary cuts: those of concatenation less those of best fit."""
        return self.concatenated.num_truncations - self.best_fit.num_truncations

    @property
    def unnecessary_share(self) -> float:
        """Return the unnecessary cuts, as a share of concatenation's."""
        cuts = self.concatenated.num_truncations
        return self.num_unnecessary / cuts if cuts else 0.0


@dataclass(frozen=True, kw_only=True)
class CorpusStats:
    """The statistics of a bucket, or of several together."""

    bucket: str | None  # None: several together, each packed on its own
    rules: Rules  # their seq_len means nothing
    histogram: Histogram
    at: tuple[PackingStats, ...]  # in the order asked for
    sample: Sample | None = None  # set if the histogram is scaled up from documents drawn
    targets: tuple[TargetsAt, ...] = ()  # of what is published, if documents have loss masks
    has_masks: bool = False  # whether documents have loss masks; of several buckets, any
    policies: tuple[LongDocuments, ...] = ()  # of several buckets together, if they differ
    same_documents: tuple[str, ...] = ()  # buckets that are not in it, as others have their tokens

    @property
    def long_documents(self) -> str:
        """Return what becomes of long documents; of several buckets, each policy of one."""
        return ", ".join(self.policies) or self.rules.long_documents

    @property
    def estimates(self) -> list[Named]:
        """Return how far the numbers of a sample may be off. The list is empty if all documents
        were counted."""
        if self.sample is None or not self.is_estimated:
            return []
        at = {at.seq_len: at for at in self.at}
        named = estimates(self.sample, [own.rules for own in self.at])
        return [one.of(self if one.seq_len is None else at[one.seq_len]) for one in named]

    @cached_property
    def references(self) -> References | None:
        """Return how many mentions are out of sight, if a sample was looked through for them."""
        if self.sample is None or self.sample.looked is None:
            return None
        return references_of(self.sample.strata, self.sample.looked, [at.rules for at in self.at])

    @property
    def is_estimated(self) -> bool:
        """Return whether the histogram is estimated from a sample."""
        return self.sample is not None and self.sample.num_draws > 0

    @property
    def num_documents(self) -> int:
        return self.histogram.count

    @property
    def num_tokens(self) -> int:
        return self.histogram.total

    @property
    def mean_length(self) -> float:
        return self.num_tokens / max(self.num_documents, 1)

    @property
    def quantiles(self) -> dict[float, int]:
        """Return the length in tokens at each share of the documents. It is empty without
        documents. An estimate has no shortest and no longest document."""
        shares = QUANTILES[1:-1] if self.is_estimated else QUANTILES
        return {q: self.histogram.quantile(q) for q in shares} if self.num_documents else {}


def rules_of(settings: Settings | None = None, *, masks: bool = False) -> Rules:
    """Return the rules that settings give to a plan (default: bfpack's own settings). `masks` tells
    of a token store that its documents have loss masks, which decides the default for long ones.
    The seq_len in them means nothing."""
    given = settings or Settings.model_validate({})
    return given.rules(1, masks=masks)


def corpus_stats(
    histogram: Histogram,
    seq_lens: tuple[int, ...],
    rules: Rules | None = None,
    bucket: str | None = None,
    num_ranks: int | None = None,
    edges: Iterable[int] = (),
) -> CorpusStats:
    """Return the statistics of documents of these lengths, packed by these rules (default: bfpack's
    own), and of steps that take a row on each of so many ranks. Classes of lengths end at powers of
    two, at the seq_lens, and at these other `edges`. Raise InputError for a seq_len that bfpack
    does not take, or to which an option of the rules does not go.

    Time: that of the packer on counts, once for each group and seq_len.
    """
    chosen = rules or rules_of()
    for seq_len in seq_lens:
        if not 1 <= seq_len <= MAX_SEQ_LEN:
            raise InputError(f"seq_len {seq_len}: give one of 1 to {MAX_SEQ_LEN}")
        try:
            replace(chosen, seq_len=seq_len).check_seq_len()
        except ValueError as error:
            raise InputError(str(error)) from None
    ends = np.union1d(powers_of_two(histogram), [*seq_lens, *edges]).astype(np.int64)
    at = tuple(
        packing_stats(histogram, replace(chosen, seq_len=n), ends, num_ranks) for n in seq_lens
    )
    return CorpusStats(bucket=bucket, rules=chosen, histogram=histogram, at=at)


def stats_at(stats: CorpusStats, seq_len: int) -> PackingStats:
    """Return the statistics at one seq_len. Raise ValueError if it is not among them."""
    there = {at.seq_len: at for at in stats.at}
    if seq_len not in there:
        raise ValueError(f"seq_len {seq_len}: not among {', '.join(map(str, there))}")
    return there[seq_len]


def packing_stats(
    histogram: Histogram, rules: Rules, edges: Int64, num_ranks: int | None = None
) -> PackingStats:
    """Return the statistics at the seq_len of the rules. edges: those of length_classes."""
    by_best_fit, _ = both_ways(rules)
    counted = count_sequences(histogram, by_best_fit)
    best_fit = pack_by_counts(histogram, by_best_fit, counted, num_ranks)
    is_best_fit = rules.packing == "best_fit"
    return PackingStats(
        rules=rules,
        plan=best_fit if is_best_fit else pack_by_counts(histogram, rules, None, num_ranks),
        concat=pack_by_counts(histogram, baseline(rules), None, num_ranks),
        best_fit=best_fit,
        by_length=length_classes(histogram, rules, edges),
        policies={p: policy_effect(histogram, by_policy(rules, p)) for p in POLICIES},
        options=option_costs(histogram, rules),
        overlaps=overlaps_of(histogram, rules),
    )
