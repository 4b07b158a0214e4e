"""From documents drawn in clusters to totals and means of all, and how far these may be off.

A cluster (a byte range, a row group, a file) is drawn with a known chance p, with replacement, and
of its M documents m at random. A document drawn stands for M / (m p) of them; the mean of that over
the draws is an unbiased estimate of a total, and the spread between draws tells its error, whatever
is alike within clusters (Hansen and Hurwitz 1943). Means are ratios of two totals; their error is
that of the residuals, and their bias of the order of 1 / draws. Several corpora are strata: totals
and variances add up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.histogram import Histogram

CONFIDENCE = 0.95
Value = Callable[[Int64], Float64]  # of documents, by their lengths


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The documents drawn from one corpus; parallel arrays of one number a document."""

    num_draws: int  # 0: nothing was left to chance, all documents are here
    draw: Int64  # number of the draw that it came with
    length: Int64  # tokens
    stands_for: Float64  # documents, if its draw were the only one

    @property
    def weight(self) -> Float64:
        """Documents of the corpus that each stands for."""
        return self.stands_for / max(self.num_draws, 1)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number and how far it may be off; the interval holds the true one with CONFIDENCE."""

    value: float
    standard_error: float
    low: float
    high: float


def estimate_total(strata: Sequence[Draws], value: Value) -> Estimate:
    """The sum of a value over all documents."""
    each = [_by_draw(draws, value) for draws in strata]
    return _estimate(sum(map(_mean, each)), each, strata)


def estimate_ratio(strata: Sequence[Draws], value: Value, per: Value) -> Estimate:
    """The sum of one value divided by that of another, over all documents; per = ones: a mean."""
    whole = sum(_mean(_by_draw(draws, per)) for draws in strata)
    if not whole:
        return Estimate(value=0.0, standard_error=0.0, low=0.0, high=0.0)
    ratio = sum(_mean(_by_draw(draws, value)) for draws in strata) / whole
    residuals = [
        (_by_draw(draws, value) - ratio * _by_draw(draws, per)) / whole for draws in strata
    ]
    return _estimate(ratio, residuals, strata)


def estimate_share(strata: Sequence[Draws], part: Value, of: Value) -> Estimate:
    """A ratio that lies within 0..1. Draws that have seen none of it, or nothing else, say little
    by their spread, which is none: what is as rare as 1 - 0.05^(1 / draws), about 3 / draws, is
    missed by all of them with a chance of 5 %, and that bounds the interval."""
    found = estimate_ratio(strata, part, of)
    drawn = [draws.num_draws for draws in strata if draws.num_draws]
    unseen = 1 - (1 - CONFIDENCE) ** (1 / min(drawn)) if drawn else 0.0
    low = 1 - unseen if found.value == 1 else found.low
    high = unseen if found.value == 0 else found.high
    return replace(found, low=low, high=min(high, 1.0))


def scaled_histogram(strata: Sequence[Draws]) -> Histogram:
    """The corpus by length, as the documents drawn stand for it; rounded so that no total drifts:
    weights [0.4, 0.4, 0.4] -> counts [0, 1, 0]."""
    lengths = np.concatenate([draws.length for draws in strata])
    weights = np.concatenate([draws.weight for draws in strata])
    values, where = np.unique(lengths, return_inverse=True)
    reached = np.rint(np.cumsum(np.bincount(where, weights, len(values)))).astype(np.int64)
    counts = np.diff(reached, prepend=0)
    return Histogram(values=values[counts > 0].astype(np.int64), counts=counts[counts > 0])


def _by_draw(draws: Draws, value: Value) -> Float64:
    found = np.zeros(max(draws.num_draws, 1))
    np.add.at(found, draws.draw, draws.stands_for * value(draws.length))
    return found


def _mean(by_draw: Float64) -> float:
    return float(by_draw.mean())


def _estimate(value: float, by_draw: list[Float64], strata: Sequence[Draws]) -> Estimate:
    """Strata without draws are whole, and have no error."""
    drawn = [own for own, draws in zip(by_draw, strata, strict=True) if draws.num_draws]
    error = float(np.sqrt(sum(own.var(ddof=1) / len(own) for own in drawn)))
    half = _student(min((len(own) for own in drawn), default=2) - 1) * error
    low = max(value - half, 0.0)  # what is estimated here is counted, and never below 0
    return Estimate(value=value, standard_error=error, low=low, high=value + half)


def _student(freedom: int) -> float:
    """Two-sided quantile of Student's distribution, by the first terms of its expansion around the
    normal one; within 0.2 % from 10 degrees of freedom on."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
