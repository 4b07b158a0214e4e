"""How many mentions are in another row than what they refer to, in a sample of documents.

Long documents are cut as by the policy `split`, or by `slide` and with BOS before each fragment if
the rules say so. What concatenation separates is the expectation over a random start. Every share
is an estimate with its interval, unless all documents were read.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.donor_estimates import estimate_ratio_of_donors
from bfpack_spark.core.estimates import Estimate, Stratum
from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.out_of_sight import chance_of_any, chance_out_of_sight, out_of_sight
from bfpack_spark.core.rules import Rules
from bfpack_spark.tokenizing.mentions import Mentions, ReferenceKind

_QUANTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The mentions of each donor of a sample, in their order."""

    kind: ReferenceKind
    of_donors: tuple[Mentions | None, ...]  # None: it was refused, or it is not of this kind
    num_not_parsed: int


@dataclass(frozen=True, kw_only=True)
class Separated:
    """Shares that are out of sight, by each way to pack, and concatenation's less best fit's."""

    by_best_fit: Estimate
    by_concat: Estimate
    difference: Estimate


@dataclass(frozen=True, kw_only=True)
class OutOfSight:
    """What is out of sight at one seq_len."""

    seq_len: int
    mentions: Separated  # of all mentions
    fitting: Separated  # of those in documents of at most seq_len tokens
    documents: Separated  # documents with any mention out of sight, of all with mentions
    by_kind: dict[str, Separated]


@dataclass(frozen=True, kw_only=True)
class References:
    """The mentions of a sample."""

    kind: ReferenceKind
    num_documents: int  # that were drawn and tokenized
    num_not_parsed: int
    num_mentions: int
    kinds: dict[str, int]
    distances: dict[float, int]  # tokens between, at each share of the mentions that were seen
    at: tuple[OutOfSight, ...]


def references_of(strata: Sequence[Stratum], looked: Looked, rules: Sequence[Rules]) -> References:
    """Return what is out of sight by each of these rules, of which each has its seq_len."""
    mentions = [own for own in looked.of_donors if own is not None]
    apart = np.concatenate([np.empty(0, np.int64), *(own.used - own.told for own in mentions)])
    kinds = Counter(kind for own in mentions for kind in own.kind)
    lengths = np.concatenate([own.donors.length for own in strata])
    return References(
        kind=looked.kind,
        num_documents=len(looked.of_donors),
        num_not_parsed=looked.num_not_parsed,
        num_mentions=len(apart),
        kinds=dict(kinds.most_common()),
        distances={
            share: int(np.quantile(apart, share, method="inverted_cdf"))
            for share in _QUANTILES
            if len(apart)
        },
        at=tuple(_at(strata, looked, lengths, own, sorted(kinds)) for own in rules),
    )


def joined_looks(parts: Sequence[Looked]) -> Looked:
    """Return what was seen in several samples as one."""
    return Looked(
        kind=parts[0].kind,
        of_donors=tuple(own for part in parts for own in part.of_donors),
        num_not_parsed=sum(part.num_not_parsed for part in parts),
    )


def _at(
    strata: Sequence[Stratum],
    looked: Looked,
    lengths: Int64,
    rules: Rules,
    kinds: Sequence[str],
) -> OutOfSight:
    seq_len = rules.seq_len
    fits = (lengths <= seq_len).astype(np.float64)
    counts = _each(looked, len)
    best_fit = _each(looked, lambda own: _apart(own, rules).sum())
    concat = _each(looked, lambda own: chance_out_of_sight(own.told, own.used, seq_len).sum())
    any_best_fit = (best_fit > 0).astype(np.float64)
    any_concat = _each(looked, lambda own: chance_of_any(own.told, own.used, seq_len))
    return OutOfSight(
        seq_len=seq_len,
        mentions=_separated(strata, best_fit, concat, counts),
        fitting=_separated(strata, best_fit * fits, concat * fits, counts * fits),
        documents=_separated(strata, any_best_fit, any_concat, (counts > 0).astype(np.float64)),
        by_kind={kind: _of_kind(strata, looked, rules, kind) for kind in kinds},
    )


def _of_kind(strata: Sequence[Stratum], looked: Looked, rules: Rules, kind: str) -> Separated:
    def part(own: Mentions) -> Mentions:
        at = np.array([number for number, each in enumerate(own.kind) if each == kind], dtype=int)
        return Mentions(told=own.told[at], used=own.used[at], kind=(kind,) * len(at))

    parts = tuple(None if own is None else part(own) for own in looked.of_donors)
    seq_len = rules.seq_len
    of_kind = Looked(kind=looked.kind, of_donors=parts, num_not_parsed=0)
    return _separated(
        strata,
        _each(of_kind, lambda own: _apart(own, rules).sum()),
        _each(of_kind, lambda own: chance_out_of_sight(own.told, own.used, seq_len).sum()),
        _each(of_kind, len),
    )


def _apart(own: Mentions, rules: Rules) -> Float64:
    return out_of_sight(own.told, own.used, rules.seq_len, rules.overlap, rules.bos)


def _each(looked: Looked, value: Callable[[Mentions], float]) -> Float64:
    """Return a number of each donor, and 0 where nothing was looked at. A document that several
    draws took is measured once."""
    known: dict[int, float] = {}
    for own in looked.of_donors:
        if own is not None and id(own) not in known:
            known[id(own)] = float(value(own))
    return np.array([0.0 if own is None else known[id(own)] for own in looked.of_donors])


def _separated(
    strata: Sequence[Stratum], best_fit: Float64, concat: Float64, counts: Float64
) -> Separated:
    return Separated(
        by_best_fit=_share(strata, best_fit, counts),
        by_concat=_share(strata, concat, counts),
        difference=estimate_ratio_of_donors(strata, concat - best_fit, counts),
    )


def _share(strata: Sequence[Stratum], part: Float64, whole: Float64) -> Estimate:
    found = estimate_ratio_of_donors(strata, part, whole)
    return Estimate(
        value=found.value,
        standard_error=found.standard_error,
        low=max(found.low, 0.0),
        high=min(found.high, 1.0),
    )
