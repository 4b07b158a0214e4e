"""Estimates of ratios whose values are known of the tokenized documents alone, and do not follow
from lengths (core/estimates.py)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bfpack_spark.core.estimates import OTHER_KINDS, UNSEEN, Estimate, Stratum, estimate_of
from bfpack_spark.core.expectations import Float64


def estimate_ratio_of_donors(strata: Sequence[Stratum], above: Float64, below: Float64) -> Estimate:
    """Estimate the sum of one value divided by the sum of another, over all documents, where the
    values are known of the donors alone: of all strata, end to end. A donor of b bytes stands for
    num_bytes / b documents. The ratio may be negative.

    The effect of a draw on R = Y / X is the sum of w (y - R x) / X over its donors. Two kinds of
    documents that were not seen are allowed for, with a ratio of 2 R and of R / 2.
    """
    donors = [own.donors for own in strata]
    weight = np.concatenate([own.num_bytes / own.size for own in donors])
    whole = float(weight @ below)
    if not whole:
        return Estimate(value=0.0, standard_error=0.0, low=0.0, high=0.0)
    ratio = float(weight @ above) / whole
    each = weight * (above - ratio * below) / whole
    ends = np.cumsum([0, *(len(own.size) for own in donors)])
    effects = [
        _effects_of_draws(own, each[begin:end], ratio)
        for own, begin, end in zip(strata, ends[:-1], ends[1:], strict=True)
    ]
    found = estimate_of(ratio, np.concatenate(effects), strata)
    return replace(found, low=2 * ratio - found.high)


def _effects_of_draws(stratum: Stratum, each: Float64, ratio: float) -> Float64:
    if not stratum.num_draws:
        return np.empty(0)
    num_draws = stratum.num_draws
    effects = np.bincount(stratum.donors.draw, each, num_draws)
    unseen = [ratio * (kind - 1) * UNSEEN / num_draws for kind in OTHER_KINDS]
    return np.array([*(effects * np.sqrt(num_draws / max(num_draws - 1, 1))), *unseen])
