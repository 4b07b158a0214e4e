"""What one way to pack makes of documents of known lengths: sequences, cuts, and what tokens see.

    Packed                         one way to pack at one seq_len
      .accounting: Accounting      documents, tokens, sequences, padding, lower bound
      .context: Context            what tokens see of their documents: of all, and
      .fitting: Context            of the documents that fit into seq_len

Best fit's numbers are exact, since its plan is made on counts. Concatenation's are expectations
over a uniformly random start.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bfpack_spark.core.accounting import Accounting, account, sum_known, sum_of
from bfpack_spark.core.context import (
    attention,
    context,
    pairs,
    pairs_together,
    possible_context,
    tokens_in_whole_documents,
    tokens_with_beginning,
)
from bfpack_spark.core.expectations import cut_chance
from bfpack_spark.core.fragments import kept_lengths
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.row_balance import Balance, balance_of_rows, work_by_concatenation
from bfpack_spark.core.rules import Rules
from bfpack_spark.core.sequence_counts import SequenceCounts
from bfpack_spark.explore.per_document import num_fragments, truncations


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the packed tokens of some documents see of their documents in their sequences. The
    numbers are sums over these tokens, and tuples have one for each of `distances`."""

    num_tokens: float
    possible_pairs: float  # with tokens before that a window of seq_len could hold
    pairs: float  # with tokens before that are in the sequence
    num_tokens_with_beginning: float  # the sequence holds the first token of the document
    num_tokens_in_whole_documents: float
    distances: tuple[int, ...]  # in tokens: 1, 2, 4, ... below seq_len, its half and its eighth
    pairs_apart: tuple[float, ...]  # pairs of tokens of a document that are so far apart
    pairs_together: tuple[float, ...]  # those of them that are in one sequence

    @property
    def possible(self) -> float:
        """Return the tokens that a token could see, on average."""
        return self.possible_pairs / max(self.num_tokens, 1)

    @property
    def seen(self) -> float:
        """Return the tokens that a token sees, on average."""
        return self.pairs / max(self.num_tokens, 1)

    @property
    def share(self) -> float:
        """Return the context that is seen, as a share of what could be: 1 if none could be."""
        return self.pairs / self.possible_pairs if self.possible_pairs else 1.0

    @property
    def beginning_share(self) -> float:
        """Return the tokens whose sequence holds their document's beginning, as a share of all."""
        return self.num_tokens_with_beginning / max(self.num_tokens, 1)

    @property
    def whole_share(self) -> float:
        """Return the tokens in documents that are not cut, as a share of all."""
        return self.num_tokens_in_whole_documents / max(self.num_tokens, 1)

    @property
    def together(self) -> tuple[float, ...]:
        """Return the pairs in one sequence at each distance, as a share of all: 1 without any."""
        both = zip(self.pairs_together, self.pairs_apart, strict=True)
        return tuple(one / every if every else 1.0 for one, every in both)


@dataclass(frozen=True, kw_only=True)
class Packed:
    """One way to pack at one seq_len. The floats are exact for best fit, and expectations for
    concatenation."""

    accounting: Accounting
    num_tokens_in_cut_documents: float  # all tokens of the documents that are cut
    num_truncations: float  # cuts of all documents: 3 fragments have 2, a truncated one 1
    num_fragments: float
    attention_pairs: float  # pairs (query, key) within fragments: l (l + 1) / 2 in each
    context: Context  # of all documents
    fitting: Context  # of those of at most seq_len tokens
    balance: Balance | None  # None: nobody said how many ranks there are
    # Of each bucket by best fit; none by concatenation.
    counted: tuple[SequenceCounts, ...] = field(compare=False, repr=False)

    @property
    def num_begun_inside(self) -> float:
        """Return the sequences that begin in the middle of a document; the number is expected. By
        concatenation, each cut is where a sequence ends, and the next goes on with the document."""
        if self.counted:
            return sum(counts.begun_inside for counts in self.counted)
        return self.num_fragments - self.accounting.num_documents_packed

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
        """Return the fragments of a sequence, on average. They are of as many documents."""
        return self.num_fragments / max(self.accounting.num_sequences, 1)

    @property
    def begun_inside_share(self) -> float:
        """Return the sequences that begin in the middle of a document, as a share of all."""
        return self.num_begun_inside / max(self.accounting.num_sequences, 1)

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
        """Return the attention within documents, as a share of full causal attention, which has
        seq_len (seq_len + 1) / 2 pairs a sequence. Padding is no document."""
        full = self._num_places * (self.accounting.seq_len + 1) / 2
        return self.attention_pairs / full if full else 0.0

    @property
    def _num_places(self) -> int:
        return self.accounting.num_sequences * self.accounting.seq_len


def pack_by_counts(
    histogram: Histogram, rules: Rules, counted: SequenceCounts | None, num_ranks: int | None
) -> Packed:
    """Return what these rules make of the documents. `counted` is what best fit makes of them, and
    None for concatenation. If `num_ranks` is given, steps of so many rows are balanced."""
    lengths, counts = histogram.values, histogram.counts
    made = account(histogram, rules, None if counted is None else counted.per_group)
    fit, balance = lengths <= rules.seq_len, None
    if num_ranks is not None:
        by_work = counted.by_attention if counted else work_by_concatenation(histogram, rules)
        balance = balance_of_rows(by_work, num_ranks, rules.seed)
    return Packed(
        accounting=made,
        num_tokens_in_cut_documents=float((cut_chance(lengths, rules) * counts * lengths).sum()),
        num_truncations=float((truncations(lengths, rules) * counts).sum()),
        num_fragments=float((num_fragments(lengths, rules) * counts).sum()),
        attention_pairs=float((attention(lengths, rules) * counts).sum()),
        context=context_of(histogram, rules),
        fitting=context_of(Histogram(values=lengths[fit], counts=counts[fit]), rules),
        balance=balance,
        counted=() if counted is None else (counted,),
    )


def context_of(histogram: Histogram, rules: Rules) -> Context:
    """Return what the tokens of these documents see."""
    lengths, counts = histogram.values, histogram.counts
    kept = kept_lengths(lengths, rules.seq_len, rules.long_documents)
    distances = _distances(rules.seq_len)
    apart = [(pairs(kept, own) * counts).sum() for own in distances]
    near = [(pairs_together(lengths, own, rules) * counts).sum() for own in distances]
    return Context(
        num_tokens=float((kept * counts).sum()),
        possible_pairs=float((possible_context(kept, rules.seq_len) * counts).sum()),
        pairs=float((context(lengths, rules) * counts).sum()),
        num_tokens_with_beginning=float((tokens_with_beginning(lengths, rules) * counts).sum()),
        num_tokens_in_whole_documents=float(
            (tokens_in_whole_documents(lengths, rules) * counts).sum()
        ),
        distances=distances,
        pairs_apart=tuple(map(float, apart)),
        pairs_together=tuple(map(float, near)),
    )


def pairs_share(histogram: Histogram, distance: int, rules: Rules) -> float:
    """Return the pairs of tokens of a document that are so far apart and in one sequence, as a
    share of all such pairs of packed tokens: 1 without any."""
    kept = kept_lengths(histogram.values, rules.seq_len, rules.long_documents)
    apart = float((pairs(kept, distance) * histogram.counts).sum())
    near = float((pairs_together(histogram.values, distance, rules) * histogram.counts).sum())
    return near / apart if apart else 1.0


def _distances(seq_len: int) -> tuple[int, ...]:
    """Return the distances at which pairs are counted: 6 -> 1, 2, 3, 4."""
    doubled = {1 << k for k in range((seq_len - 1).bit_length())}
    return tuple(sorted((doubled | {seq_len // 2, seq_len // 8}) - {0}))


def sum_of_packed(parts: Sequence[Packed]) -> Packed:
    """Return what several buckets come to, each packed by itself."""
    plain = ("num_tokens_in_cut_documents", "num_truncations", "num_fragments", "attention_pairs")
    balances = [part.balance for part in parts if part.balance is not None]
    return Packed(
        **{name: sum_known([getattr(part, name) for part in parts]) for name in plain},
        accounting=sum_of([part.accounting for part in parts], "seq_len"),
        context=sum_of([part.context for part in parts], "distances"),
        fitting=sum_of([part.fitting for part in parts], "distances"),
        balance=sum_of(balances, "num_ranks") if balances else None,
        counted=tuple(counts for part in parts for counts in part.counted),
    )
