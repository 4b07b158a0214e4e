"""What packing does to a corpus, computed from its length histogram alone, without moving a
document; and sums of such accounts, whose numbers may be unknown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, TypeVar

from bfpack_spark.core.expectations import cut_chance, expected_cut
from bfpack_spark.core.fragments import Int64, kept_lengths, later_fragments
from bfpack_spark.core.groups import sequences_per_group
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules


@dataclass(frozen=True, kw_only=True)
class PolicyEffect:
    """What a policy does to the documents longer than seq_len. It is computed without packing
    anything."""

    num_documents_packed: int
    num_documents_cut: float  # in pieces or truncated, if best fit packs them
    num_documents_truncated: int
    num_documents_dropped: int
    num_tokens_packed: int
    num_tokens_truncated: int
    num_tokens_dropped: int

    @property
    def num_tokens_left_out(self) -> int:
        """Return the tokens that are in no sequence."""
        return self.num_tokens_truncated + self.num_tokens_dropped


@dataclass(frozen=True, kw_only=True)
class Accounting(PolicyEffect):
    """Where documents and tokens go at one seq_len. All fields are exact, except that the last one
    is an expectation, and that what concatenation cuts (num_documents_cut) is one until the plan
    has put the documents in order (GroupPlan.num_documents_cut)."""

    seq_len: int
    num_documents: int
    num_tokens: int
    num_sequences: int
    num_padding: int
    lower_bound: int  # ceil(num_tokens_packed / seq_len)
    num_documents_cut_by_concat: float  # expectation over a uniformly random start
    num_tokens_repeated: int = 0  # in num_tokens_packed, as is the next
    num_bos_at_fragments: int = 0  # BOS before fragments that go on with a document
    num_padding_sequences: int = 0  # rows of padding alone, in num_sequences

    @property
    def overhead(self) -> float:
        """Return the share by which the sequences exceed the lower bound (0.01: 1 % more
        sequences)."""
        return self.num_sequences / self.lower_bound - 1 if self.lower_bound else 0.0


def counts_of(accounting: Accounting) -> dict[str, Any]:
    """Return the counts by name. Those of options that are off by default are left out if they
    count nothing."""
    optional = {each.name for each in fields(Accounting) if each.default is not MISSING}
    return {n: value for n, value in vars(accounting).items() if value or n not in optional}


def account(
    histogram: Histogram,
    rules: Rules,
    per_group: Int64 | None = None,
    effect: PolicyEffect | None = None,
) -> Accounting:
    """Count everything for these rules. The time is that of pack_counts for every group, unless
    `per_group` is given: the result of sequences_per_group for the same histogram and rules.
    `effect`: what the policy does, where lengths alone do not tell it."""
    if per_group is None:
        per_group = sequences_per_group(histogram, rules)
    seq_len, num_packed = rules.seq_len, int(per_group.sum())
    added = rules.num_padding_sequences(num_packed)
    num_sequences = num_packed + added
    effect = effect or policy_effect(histogram, rules)
    chance = expected_cut(histogram.values, seq_len)
    later = _num_later(histogram, rules) if rules.prefix else 0
    counts = vars(effect)
    if rules.packing == "concat":
        cut = cut_chance(histogram.values, rules) * histogram.counts
        counts = {**counts, "num_documents_cut": float(cut.sum())}
    return Accounting(
        **counts,
        seq_len=seq_len,
        num_documents=histogram.count,
        num_tokens=histogram.total,
        num_sequences=num_sequences,
        num_padding=num_sequences * seq_len - effect.num_tokens_packed,
        lower_bound=-(-effect.num_tokens_packed // seq_len),
        num_documents_cut_by_concat=float((chance * histogram.counts).sum()),
        num_tokens_repeated=later * rules.overlap,
        num_bos_at_fragments=later * rules.bos,
        num_padding_sequences=added,
    )


def add_counts(accounts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums of several accounts, by name, and by reason where a name has reasons:
    {"in": 3, "refused": {"null": 1}} and {"in": 4, "refused": {"empty": 2}} -> {"in": 7, "refused":
    {"null": 1, "empty": 2}}. A name that the first account lacks is in no sum."""
    return {
        name: _sum([account.get(name) for account in accounts]) for name in next(iter(accounts), ())
    }


def _sum(values: list[Any]) -> Any:
    """Return the sum of numbers, or of mappings of reasons to numbers. None adds nothing."""
    if not isinstance(values[0], Mapping):
        return sum(value or 0 for value in values)
    reasons: Counter[str] = Counter()
    for value in values:
        reasons.update(value or {})
    return dict(reasons)


def policy_effect(histogram: Histogram, rules: Rules) -> PolicyEffect:
    """Return what the policy does to the documents. Lengths [5, 3] at 4 -> split: 1 document cut;
    truncate: 1 document cut, 1 token truncated; drop: 1 document and 5 tokens dropped. Tokens that
    are packed twice count twice among those packed."""
    lengths, counts, seq_len = histogram.values, histogram.counts, rules.seq_len
    kept = kept_lengths(lengths, seq_len, rules.long_documents)
    once = int((kept * counts).sum())
    again = _num_later(histogram, rules) * rules.prefix if rules.prefix else 0
    dropped = counts[kept == 0]
    tokens_dropped = int((lengths * counts)[kept == 0].sum())
    return PolicyEffect(
        num_documents_packed=histogram.count - int(dropped.sum()),
        num_documents_cut=int(counts[(lengths > seq_len) & (kept > 0)].sum()),
        num_documents_truncated=int(counts[(kept < lengths) & (kept > 0)].sum()),
        num_documents_dropped=int(dropped.sum()),
        num_tokens_packed=once + again,
        num_tokens_truncated=histogram.total - once - tokens_dropped,
        num_tokens_dropped=tokens_dropped,
    )


def _num_later(histogram: Histogram, rules: Rules) -> int:
    """Return how many fragments go on with a document, if best fit packs them."""
    kept = kept_lengths(histogram.values, rules.seq_len, rules.long_documents)
    later = later_fragments(kept, rules.seq_len, rules.prefix)
    return int((later * histogram.counts).sum())


Held = TypeVar("Held")


def sum_of(parts: Sequence[Held], *alike: str) -> Held:
    """Return the sum of dataclasses of one kind, field by field. The fields in `alike` stay those
    of the first."""
    first: Any = parts[0]
    names = (field.name for field in fields(first) if field.name not in alike)
    sums = {name: sum_known([getattr(part, name) for part in parts]) for name in names}
    total: Held = replace(first, **sums)
    return total


def sum_known(values: Sequence[Any]) -> Any:
    """Return the sum of numbers, or of tuples number by number; or None if one is not known."""
    if any(value is None for value in values):
        return None
    if values and isinstance(values[0], tuple):
        return tuple(map(sum, zip(*values, strict=True)))
    return sum(values)
