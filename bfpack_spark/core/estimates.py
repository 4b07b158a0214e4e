"""Estimates of totals and means of all documents, where the sizes of many are known and few are
tokenized.

Draws take clusters of documents (byte ranges, row groups, files) with known chances, or every
document is read. Either way the bytes of each document that is read are known for nothing, and the
tokens in a byte differ far less than the lengths of documents do. So the lengths of the documents
read are predicted: a document of b bytes has c + r b tokens, where c counts inserted tokens and r
is the tokens a byte of a donor, one of the tokenized documents that are nearest to it in size.
Each of these donors stands for a part of the documents of that size, in proportion to the bytes
that it was drawn for. A total of tokens is then the sum, over sizes, of known bytes times a ratio
(the separate ratio estimate of Cochran, Sampling Techniques, 6.10), with a donor's share of the
documents as in double sampling (ibid. 12.1).

The error comes from the spread between draws. The effect of one draw on a total is that of its
donors, the sum of N w (y - mean y) over the N documents of each size and the donor's share w of
them, and that of its cluster, its part of the total less the mean part (Hansen and Hurwitz 1943).
Each document that was read and not tokenized also differs from the mean of its donors, by their
variance. The variance is the sum of the squared effects. For a ratio R = Y / X of totals the effect
is (Y's - R X's) / X (Cochran 2.11).

No spread tells of a kind of document that no draw has met. If none of n draws met it, its share of
the bytes is at most about 1 / n: by a uniform prior its mean square is 2 / n^2. Two such kinds are
allowed for, of the double and of half the tokens a byte, as two more effects. Several corpora are
strata: their totals and their variances add up.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

import numpy as np

from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.histogram import Histogram

CONFIDENCE = 0.95
Value = Callable[[Int64], Float64]  # the value of each document, from the lengths

_DONORS_MIN = 10  # of a size, or the root of their number; more are less like it in size
_FREEDOM_MAX = 6  # 10 donors of one size may decide alone, and a few of them are far from the rest
UNSEEN = 2**0.5  # the root of the mean square above, times n
OTHER_KINDS = (2.0, 0.5)  # times the tokens a byte
_ROUNDING = 1e-9  # of a value; a smaller error is that of sums of floats
_SIZE_BITS = 8  # sizes that agree in so many leading bits are predicted together


@dataclass(frozen=True, kw_only=True)
class Sized:
    """Documents of known size, as parallel arrays."""

    size: Int64  # bytes, 1 or more
    count: Int64  # documents of this size
    weight: Float64  # how many documents of the corpus each of them stands for
    draw: Int64 | None  # number of the draw that took their cluster; None: all documents are here


@dataclass(frozen=True, kw_only=True)
class Donors:
    """Documents that were drawn and tokenized, as parallel arrays."""

    size: Int64  # bytes, 1 or more
    length: Int64  # tokens; 0: it was refused
    num_bytes: Float64  # how many bytes of the corpus it was drawn for
    draw: Int64  # number of the draw that it came with


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """What is known of the documents of one corpus."""

    num_draws: int  # 0: every document is among the donors, and nothing is uncertain
    num_inserted: int  # tokens that are added to each document, whatever its size
    sized: Sized
    donors: Donors

    @cached_property
    def predicted(self) -> "Predicted":
        """Return the predicted lengths of all documents."""
        return _predict(self) if self.num_draws else _as_they_are(self.donors.length)


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Lengths that documents of each size may have, one for each donor. Arrays are [sizes], or
    [sizes, donors of a size]."""

    documents: Float64  # [sizes]; documents of the corpus that have this size
    squares: Float64  # [sizes]; the sum of the squared weights of those that were read
    lengths: Int64  # [sizes, donors]; 0: refused
    shares: Float64  # [sizes, donors]; of the documents of the size; they sum to 1
    donors: Int64  # [sizes, donors]; their numbers
    usual: Int64  # [sizes]; the length by the mean tokens a byte of the donors
    unusual: tuple[Int64, ...]  # each [sizes]; those of other kinds of documents
    where: Int64  # the number of the size of each sized document


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number and how far it may be off. The interval low..high holds the true number with the
    probability CONFIDENCE."""

    value: float
    standard_error: float
    low: float
    high: float


def one(lengths: Int64) -> Float64:
    """Return 1 for each document: its sum over documents is their number."""
    return np.ones(len(lengths))


def estimate_total(strata: Sequence[Stratum], value: Value) -> Estimate:
    """Estimate the sum of a value over all documents."""
    return estimate_of(*_total(strata, value), strata)


def estimate_documents(strata: Sequence[Stratum]) -> Estimate:
    """Estimate the number of documents. If no donor was refused, the share that may be refused all
    the same is bounded as in estimate_share."""
    found = estimate_total(strata, one)
    return replace(found, low=min(found.low, found.value * (1 - _unseen_share(strata))))


def estimate_ratio(strata: Sequence[Stratum], value: Value, per: Value) -> Estimate:
    """Estimate the sum of one value divided by the sum of another, over all documents. If `per` is
    1 for every document, this is a mean."""
    (above, effects), (below, effects_below) = _total(strata, value), _total(strata, per)
    if not below:
        return Estimate(value=0.0, standard_error=0.0, low=0.0, high=0.0)
    ratio = above / below
    return estimate_of(ratio, (effects - ratio * effects_below) / below, strata)


def estimate_share(strata: Sequence[Stratum], part: Value, of: Value) -> Estimate:
    """Estimate a ratio that lies within 0..1.

    If the draws have seen nothing of the part, or nothing else, their spread is 0 and says little.
    But a part as rare as 1 - 0.05^(1 / draws), about 3 / draws, is missed by all draws with a
    chance of 5 %, so this number bounds the interval, unless the sizes of all documents are known.
    """
    found = estimate_ratio(strata, part, of)
    unseen = _unseen_share([own for own in strata if own.sized.draw is not None])
    low = min(found.low, 1 - unseen) if found.value == 1 else found.low
    high = max(found.high, unseen) if found.value == 0 else found.high
    return replace(found, low=low, high=min(high, 1.0))


def scaled_histogram(strata: Sequence[Stratum]) -> Histogram:
    """Return the histogram of the corpus by predicted length. Counts are rounded so that no total
    drifts: weights [0.4, 0.4, 0.4] -> counts [0, 1, 0]."""
    predicted = [own.predicted for own in strata]
    lengths = np.concatenate([own.lengths.ravel() for own in predicted])
    weights = np.concatenate([(own.documents[:, None] * own.shares).ravel() for own in predicted])
    values, where = np.unique(lengths[lengths > 0], return_inverse=True)
    weight = np.bincount(where, weights[lengths > 0], len(values))
    reached = np.rint(np.cumsum(weight)).astype(np.int64)
    counts: Int64 = np.diff(reached, prepend=np.int64(0))
    return Histogram(values=values[counts > 0].astype(np.int64), counts=counts[counts > 0])


def _as_they_are(lengths: Int64) -> Predicted:
    """Return the lengths of documents that are all tokenized."""
    return Predicted(
        documents=np.ones(len(lengths)),
        squares=np.ones(len(lengths)),
        lengths=lengths[:, None],
        shares=np.ones((len(lengths), 1)),
        donors=np.arange(len(lengths))[:, None],
        usual=lengths,
        unusual=(),
        where=np.arange(len(lengths)),
    )


def _predict(stratum: Stratum) -> Predicted:
    sized, donors, inserted = stratum.sized, stratum.donors, stratum.num_inserted
    size, documents, where = _sizes(sized)
    order = np.argsort(donors.size, kind="stable")
    nearest = order[_nearest(donors.size[order], size)]
    shares = donors.num_bytes[nearest]
    shares /= shares.sum(axis=1, keepdims=True)
    rates = np.maximum(donors.length - inserted, 0) / donors.size
    mean = (shares * rates[nearest]).sum(axis=1)
    lengths = _length(size[:, None], rates[nearest], inserted)
    return Predicted(
        documents=documents,
        squares=_sums(where, sized.count * sized.weight**2, len(documents)),
        lengths=np.where(donors.length[nearest] > 0, lengths, 0),
        shares=shares,
        donors=nearest,
        usual=_length(size, mean, inserted),
        unusual=tuple(_length(size, mean * kind, inserted) for kind in OTHER_KINDS),
        where=where,
    )


def _sizes(sized: Sized) -> tuple[Float64, Float64, Int64]:
    """Return the distinct sizes, how many documents of the corpus have each, and the number of the
    size of each sized document. Sizes that are almost the same count as their mean."""
    drop = np.maximum(np.frexp(sized.size.astype(np.float64))[1] - _SIZE_BITS, 0)
    values, where = np.unique(sized.size >> drop << drop, return_inverse=True)
    each = sized.count * sized.weight
    documents = _sums(where, each, len(values))
    size = _sums(where, each * sized.size, len(values)) / documents
    return size, documents, np.asarray(where, dtype=np.int64)


def _sums(where: Int64, values: Float64, size: int) -> Float64:
    return np.asarray(np.bincount(where, values, size), dtype=np.float64)


def _nearest(ordered: Int64, size: Float64) -> Int64:
    """Return, for each size, the places of the donors around it in the ascending sizes of all
    donors. With two a size: [1, 2, 3, 9, 9, 9] -> places [1, 2] for size 3, [4, 5] for 100."""
    num = min(max(_DONORS_MIN, math.isqrt(len(ordered))), len(ordered))
    ends = [np.searchsorted(ordered, size, side) for side in ("left", "right")]
    first = np.clip((ends[0] + ends[1]) // 2 - num // 2, 0, max(len(ordered) - num, 0))
    return np.asarray(first[:, None] + np.arange(num), dtype=np.int64)


def _length(size: Float64, rate: Float64, inserted: int) -> Int64:
    return (np.maximum(np.rint(size * rate), 1) + inserted).astype(np.int64)


def _total(strata: Sequence[Stratum], value: Value) -> tuple[float, Float64]:
    """Return the total of all strata, and all effects on it."""
    each = [_total_of(own, value) for own in strata]
    return sum(total for total, _ in each), np.concatenate([effects for _, effects in each])


def _total_of(stratum: Stratum, value: Value) -> tuple[float, Float64]:
    own, num_draws = stratum.predicted, stratum.num_draws
    values = np.where(own.lengths > 0, value(own.lengths.ravel()).reshape(own.lengths.shape), 0)
    mean = np.einsum("sd,sd->s", own.shares, values)
    total = float(own.documents @ mean)
    if not num_draws:
        return total, np.empty(0)
    num_donors = max(own.lengths.shape[1], 2)
    off = values - mean[:, None]
    parts = own.shares * off
    draws = stratum.donors.draw[own.donors]
    effects = _sums(draws.ravel(), (own.documents[:, None] * parts).ravel(), num_draws)
    effects *= np.sqrt(num_donors / (num_donors - 1))
    if stratum.sized.draw is not None:
        each = stratum.sized.count * stratum.sized.weight * mean[own.where]
        effects += _of_clusters(_sums(stratum.sized.draw, each, num_draws))
    own_error = np.sqrt(own.squares @ np.einsum("sd,sd->s", parts, off))
    usual = value(own.usual)
    unseen = [own.documents @ (value(kind) - usual) for kind in own.unusual]
    return total, np.array([*effects, own_error, *(np.array(unseen) * UNSEEN / num_draws)])


def _of_clusters(totals: Float64) -> Float64:
    """Return the effect of each draw by its cluster: totals [1, 3] -> about [-1.4, 1.4]."""
    correction = np.sqrt(len(totals) / max(len(totals) - 1, 1))
    return np.asarray((totals - totals.mean()) * correction)


def estimate_of(value: float, effects: Float64, strata: Sequence[Stratum]) -> Estimate:
    """Return the estimate with its error and interval. Strata without draws are complete and add no
    error."""
    error = float(np.sqrt((effects**2).sum()))
    error = 0.0 if error <= _ROUNDING * abs(value) else error
    fewest = min((own.num_draws for own in strata if own.num_draws), default=2)
    half = _student(min(max(fewest - 1, 1), _FREEDOM_MAX)) * error
    low = max(value - half, 0.0)  # all that is estimated here is a count, so never below 0
    return Estimate(value=value, standard_error=error, low=low, high=value + half)


def _unseen_share(strata: Sequence[Stratum]) -> float:
    """Return the share that all draws of one of the strata miss with a chance of 5 %."""
    fewest = min((own.num_draws for own in strata if own.num_draws), default=0)
    return float(1 - (1 - CONFIDENCE) ** (1 / fewest)) if fewest else 0.0


def _student(freedom: int) -> float:
    """Return the two-sided quantile of Student's distribution, by the first terms of its expansion
    around the normal one. It is right within 1 % from 6 degrees of freedom on."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
