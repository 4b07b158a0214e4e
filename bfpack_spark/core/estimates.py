"""Estimates of totals and means of all documents from documents drawn in clusters, with their
errors.

A cluster (a byte range, a row group, a file) is drawn with a known chance p, with replacement, and
m of its M documents are drawn at random. A drawn document stands for M / (m p) documents. The mean
of that over the draws is an unbiased estimate of a total, and the spread between draws tells its
error, however alike the documents of one cluster are (Hansen and Hurwitz 1943). Means are ratios of
two totals. The error of a ratio is that of its residuals, and its bias is of the order of 1 /
draws. Several corpora are strata: their totals and variances add up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.histogram import Histogram

CONFIDENCE = 0.95
Value = Callable[[Int64], Float64]  # the value of each document, from the lengths


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The documents drawn from one corpus, as parallel arrays with one number per document."""

    num_draws: int  # 0: nothing was left to chance, and all documents are here
    draw: Int64  # number of the draw that it came with
    length: Int64  # tokens
    stands_for: Float64  # documents that it would stand for if its draw were the only one

    @property
    def weight(self) -> Float64:
        """Return how many documents of the corpus each drawn document stands for."""
        return self.stands_for / max(self.num_draws, 1)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number and how far it may be off. The interval low..high holds the true number with the
    probability CONFIDENCE."""

    value: float
    standard_error: float
    low: float
    high: float


def estimate_total(strata: Sequence[Draws], value: Value) -> Estimate:
    """Estimate the sum of a value over all documents."""
    each = [_by_draw(draws, value) for draws in strata]
    return _estimate(sum(map(_mean, each)), each, strata)


def estimate_ratio(strata: Sequence[Draws], value: Value, per: Value) -> Estimate:
    """Estimate the sum of one value divided by the sum of another, over all documents. If `per` is
    1 for every document, this is a mean."""
    whole = sum(_mean(_by_draw(draws, per)) for draws in strata)
    if not whole:
        return Estimate(value=0.0, standard_error=0.0, low=0.0, high=0.0)
    ratio = sum(_mean(_by_draw(draws, value)) for draws in strata) / whole
    residuals = [
        (_by_draw(draws, value) - ratio * _by_draw(draws, per)) / whole for draws in strata
    ]
    return _estimate(ratio, residuals, strata)


def estimate_share(strata: Sequence[Draws], part: Value, of: Value) -> Estimate:
    """Estimate a ratio that lies within 0..1.

    If the draws have seen nothing of the part, or nothing else, their spread is 0 and says little.
    But a part as rare as 1 - 0.05^(1 / draws), about 3 / draws, is missed by all draws with a
    chance of 5 %, so this number bounds the interval.
    """
    ratio = estimate_ratio(strata, part, of)
    drawn = [draws.num_draws for draws in strata if draws.num_draws]
    unseen = 1 - (1 - CONFIDENCE) ** (1 / min(drawn)) if drawn else 0.0
    low = 1 - unseen if ratio.value == 1 else ratio.low
    high = unseen if ratio.value == 0 else ratio.high
    return replace(ratio, low=low, high=min(high, 1.0))


def scaled_histogram(strata: Sequence[Draws]) -> Histogram:
    """Return the histogram of the corpus by length, as the drawn documents stand for it. Counts are
    rounded so that no total drifts: weights [0.4, 0.4, 0.4] -> counts [0, 1, 0]."""
    lengths = np.concatenate([draws.length for draws in strata])
    weights = np.concatenate([draws.weight for draws in strata])
    values, where = np.unique(lengths, return_inverse=True)
    reached = np.rint(np.cumsum(np.bincount(where, weights, len(values)))).astype(np.int64)
    counts = np.diff(reached, prepend=0)
    return Histogram(values=values[counts > 0].astype(np.int64), counts=counts[counts > 0])


def _by_draw(draws: Draws, value: Value) -> Float64:
    totals = np.zeros(max(draws.num_draws, 1))
    np.add.at(totals, draws.draw, draws.stands_for * value(draws.length))
    return totals


def _mean(by_draw: Float64) -> float:
    return float(by_draw.mean())


def _estimate(value: float, by_draw: list[Float64], strata: Sequence[Draws]) -> Estimate:
    """Return the estimate with its error and interval. Strata without draws are complete and add no
    error."""
    drawn = [totals for totals, draws in zip(by_draw, strata, strict=True) if draws.num_draws]
    error = float(np.sqrt(sum(totals.var(ddof=1) / len(totals) for totals in drawn)))
    half = _student(min((len(totals) for totals in drawn), default=2) - 1) * error
    low = max(value - half, 0.0)  # all that is estimated here is a count, so never below 0
    return Estimate(value=value, standard_error=error, low=low, high=value + half)


def _student(freedom: int) -> float:
    """Return the two-sided quantile of Student's distribution, by the first terms of its expansion
    around the normal one. It is right within 0.2 % from 10 degrees of freedom on."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
