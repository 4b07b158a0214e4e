"""What packing does to documents of known lengths, at any seq_len. Every number that the terminal,
JSON, CSV, HTML, the report and the notebook show comes from here.

    CorpusStats                    a bucket, or several together: documents, tokens, quantiles
      .at[i]: PackingStats         at one seq_len
        .plan: Packed              by the rules given: what `bfpack pack` with these rules makes
        .concat: Packed            the baseline: all documents concatenated, cut every seq_len
          .accounting: Accounting  documents, tokens, sequences, padding, lower bound
        .fragments, .padding       sequences by number of fragments, by tokens of padding
        .by_length                 cuts a document by the document's length
        .policies                  what split, truncate and drop do to long documents

The counts of a best-fit plan are exact, since the plan is made on counts: what is packed later has
the same. What concatenation does to documents depends on their order; the numbers here are the
expectation over a uniformly random start.
"""

from dataclasses import dataclass, replace

import numpy as np

from bfpack_spark.config import Settings
from bfpack_spark.core.accounting import (
    Accounting,
    PolicyEffect,
    SequenceCounts,
    account,
    count_sequences,
    policy_effect,
)
from bfpack_spark.core.expectations import cut_chance, expected_attention
from bfpack_spark.core.fragments import Int64, LongDocuments, count_fragments, kept_lengths
from bfpack_spark.core.groups import num_groups
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.explore.per_document import baseline, num_fragments, truncations
from bfpack_spark.explore.sample_estimates import Named, Sample, estimates

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0)
POLICIES: tuple[LongDocuments, ...] = ("split", "truncate", "drop")


@dataclass(frozen=True, kw_only=True)
class Packed:
    """One way to pack at one seq_len. The floats are exact for best fit, and expectations for
    concatenation."""

    accounting: Accounting
    num_tokens_in_cut_documents: float  # all tokens of the documents that are cut
    num_truncations: float  # cuts of all documents: 3 fragments have 2, a truncated one 1
    num_fragments: float
    # (query, key) within segments: n (n + 1) / 2 in each; padding is a segment
    attention_pairs: float

    @property
    def num_documents_cut(self) -> float:
        """Return the documents in more than one fragment, or truncated."""
        return float(self.accounting.num_documents_cut)

    @property
    def truncations(self) -> float:
        """Return the cuts of a document, on average."""
        return self.num_truncations / max(self.accounting.num_documents, 1)

    @property
    def fragments(self) -> float:
        """Return the fragments of a sequence, on average."""
        return self.num_fragments / max(self.accounting.num_sequences, 1)

    @property
    def cut_share(self) -> float:
        """Return the documents that are cut, as a share of all documents."""
        return self.num_documents_cut / max(self.accounting.num_documents, 1)

    @property
    def padding_share(self) -> float:
        """Return the padding, as a share of all tokens of the sequences."""
        return self.accounting.num_padding / max(self._num_places, 1)

    @property
    def attention_share(self) -> float:
        """Return the attention within segments, as a share of full causal attention, which has
        seq_len (seq_len + 1) / 2 pairs a sequence."""
        full = self._num_places * (self.accounting.seq_len + 1) / 2
        return self.attention_pairs / full if full else 0.0

    @property
    def _num_places(self) -> int:
        return self.accounting.num_sequences * self.accounting.seq_len


@dataclass(frozen=True, kw_only=True)
class LengthClass:
    """Documents of more than `above` and up to `up_to` tokens, and the cuts of all of them."""

    above: int
    up_to: int
    num_documents: int
    num_tokens: int
    num_truncations: float  # by the plan
    num_truncations_by_concat: float  # expectation

    @property
    def truncations(self) -> float:
        """Return the cuts of a document, on average."""
        return self.num_truncations / max(self.num_documents, 1)

    @property
    def truncations_by_concat(self) -> float:
        return self.num_truncations_by_concat / max(self.num_documents, 1)


@dataclass(frozen=True, kw_only=True)
class PackingStats:
    """The statistics at one seq_len."""

    rules: Rules
    plan: Packed
    concat: Packed
    fragments: Histogram | None  # of sequences; None for concat, where it depends on the order
    padding: Histogram | None  # the same
    by_length: tuple[LengthClass, ...]
    policies: dict[LongDocuments, PolicyEffect]

    @property
    def seq_len(self) -> int:
        return self.rules.seq_len

    @property
    def more_sequences(self) -> float:
        """Return how many more sequences the plan has than concatenation, as a share of those of
        concatenation."""
        planned, baseline = self.plan.accounting.num_sequences, self.concat.accounting.num_sequences
        return planned / max(baseline, 1) - 1


@dataclass(frozen=True, kw_only=True)
class CorpusStats:
    """The statistics of a bucket, or of several together."""

    bucket: str | None  # None: several together, each packed on its own
    rules: Rules  # their seq_len means nothing
    histogram: Histogram
    at: tuple[PackingStats, ...]  # in the order asked for
    sample: Sample | None = None  # set if the histogram is scaled up from documents drawn
    same_documents: tuple[str, ...] = ()  # buckets that are not in it, as others have their tokens

    @property
    def estimates(self) -> list[Named]:
        """Return how far the numbers of a sample may be off. The list is empty if all documents
        were counted."""
        if self.sample is None or not self.is_estimated:
            return []
        at = {at.seq_len: at for at in self.at}
        named = estimates(self.sample, [own.rules for own in self.at])
        return [one.of(self if one.seq_len is None else at[one.seq_len]) for one in named]

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


def rules_of(settings: Settings | None = None) -> Rules:
    """Return the rules that settings give to a plan (default: bfpack's own settings). The seq_len
    in them means nothing."""
    given = settings or Settings.model_validate({})
    return Rules(
        seq_len=1,
        packing=given.packing,
        long_documents=given.long_documents,
        group_documents_max=given.group_documents_max,
        seed=given.seed,
    )


def corpus_stats(
    histogram: Histogram,
    seq_lens: tuple[int, ...],
    rules: Rules | None = None,
    bucket: str | None = None,
) -> CorpusStats:
    """Return the statistics of documents of these lengths, packed by these rules (default: bfpack's
    own).

    Time: that of the packer on counts, once for each group and seq_len.
    """
    chosen = rules or rules_of()
    edges = np.union1d(powers_of_two(histogram), seq_lens).astype(np.int64)
    at = tuple(packing_stats(histogram, replace(chosen, seq_len=n), edges) for n in seq_lens)
    return CorpusStats(bucket=bucket, rules=chosen, histogram=histogram, at=at)


def stats_at(stats: CorpusStats, seq_len: int) -> PackingStats:
    """Return the statistics at one seq_len. Raise ValueError if it is not among them."""
    there = {at.seq_len: at for at in stats.at}
    if seq_len not in there:
        raise ValueError(f"seq_len {seq_len}: not among {', '.join(map(str, there))}")
    return there[seq_len]


def packing_stats(histogram: Histogram, rules: Rules, edges: Int64) -> PackingStats:
    """Return the statistics at the seq_len of the rules. edges: those of length_classes."""
    counted = count_sequences(histogram, rules) if rules.packing == "best_fit" else None
    return PackingStats(
        rules=rules,
        plan=_packed(histogram, rules, counted),
        concat=_packed(histogram, baseline(rules), None),
        fragments=None if counted is None else counted.by_fragments,
        padding=None if counted is None else counted.by_padding,
        by_length=length_classes(histogram, rules, edges),
        policies={p: policy_effect(histogram, rules.seq_len, p) for p in POLICIES},
    )


def length_classes(histogram: Histogram, rules: Rules, edges: Int64) -> tuple[LengthClass, ...]:
    """Return the documents of more than edges[i] and up to edges[i + 1] tokens. A class without
    documents is left out."""
    lengths, counts = histogram.values, histogram.counts
    columns = (
        counts,
        counts * lengths,
        counts * truncations(lengths, rules),
        counts * truncations(lengths, baseline(rules)),
    )
    within = np.searchsorted(edges, histogram.values)
    classes = []
    for number in np.unique(within).tolist():
        documents, tokens, cuts, by_concat = (c[within == number].sum() for c in columns)
        classes.append(
            LengthClass(
                above=int(edges[number - 1]),
                up_to=int(edges[number]),
                num_documents=int(documents),
                num_tokens=int(tokens),
                num_truncations=float(cuts),
                num_truncations_by_concat=float(by_concat),
            )
        )
    return tuple(classes)


def powers_of_two(histogram: Histogram) -> Int64:
    """Return the edges 0, 1, 2, 4, ... up to the longest document. If every seq_len is added to
    them, all documents of a class fit into a seq_len, or none does."""
    longest = int(histogram.values.max(initial=1))
    return np.array([0, *(1 << k for k in range((longest - 1).bit_length() + 1))], dtype=np.int64)


def _packed(histogram: Histogram, rules: Rules, counted: SequenceCounts | None) -> Packed:
    lengths, counts, seq_len = histogram.values, histogram.counts, rules.seq_len
    accounting = account(histogram, rules, None if counted is None else counted.per_group)
    if counted is None:
        kept = kept_lengths(lengths, seq_len, rules.long_documents)
        groups = num_groups(histogram.count, rules.group_documents_max)
        pairs = float((expected_attention(kept, seq_len) * counts).sum())
        # Each group pads its last sequence.
        pairs += groups * _pairs(accounting.num_padding / groups)
    else:
        fragments = count_fragments(lengths, counts, seq_len, rules.long_documents)
        pairs = _pairs_of(Histogram.of_counts(fragments)) + _pairs_of(counted.by_padding)
    return Packed(
        accounting=accounting,
        num_tokens_in_cut_documents=float((cut_chance(lengths, rules) * counts * lengths).sum()),
        num_truncations=float((truncations(lengths, rules) * counts).sum()),
        num_fragments=float((num_fragments(lengths, rules) * counts).sum()),
        attention_pairs=pairs,
    )


def _pairs(length: float) -> float:
    return length * (length + 1) / 2


def _pairs_of(by_length: Histogram) -> float:
    length = by_length.values.astype(np.float64)
    return float((length * (length + 1) / 2 * by_length.counts).sum())
