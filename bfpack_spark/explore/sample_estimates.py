"""What a sample tells, and how exactly: each estimate with its standard error and its interval."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from operator import attrgetter

import numpy as np

from bfpack_spark.core.estimates import (
    Estimate,
    Stratum,
    estimate_documents,
    estimate_ratio,
    estimate_share,
    estimate_total,
    one,
    scaled_histogram,
)
from bfpack_spark.core.expectations import Float64, cut_chance
from bfpack_spark.core.fragments import Int64, kept_lengths
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.explore.per_document import baseline, truncations
from bfpack_spark.explore.references import Looked, joined_looks


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Documents drawn at random, and the sizes of many more. If they are of several buckets, each
    bucket is a stratum."""

    strata: tuple[Stratum, ...]
    num_read: int  # documents drawn and tokenized
    num_refused: int  # of these, those for quarantine
    looked: Looked | None = None  # their mentions, if they were looked for

    @property
    def num_draws(self) -> int:
        """Return the number of draws: of places, or of documents if all sizes are known. It is 0
        if all documents were tokenized; then nothing is uncertain."""
        return sum(stratum.num_draws for stratum in self.strata)

    @property
    def all_sizes_known(self) -> bool:
        """Return whether the size of every document of the corpus is known."""
        return all(stratum.sized.draw is None for stratum in self.strata)

    @cached_property
    def histogram(self) -> Histogram:
        """Return the histogram of the whole corpus, predicted from the sample."""
        return scaled_histogram(self.strata)


@dataclass(frozen=True, kw_only=True)
class Named:
    """An estimate with the name of its column in summary_frame."""

    name: str
    seq_len: int | None  # None: of the documents themselves
    estimate: Estimate

    def of(self, statistics: object) -> "Named":
        """Return the same with the value that statistics show, at the seq_len if there is one. It
        differs by the rounding of counts at most."""
        value = float(attrgetter(_SHOWN[self.name])(statistics))
        low, high = min(self.estimate.low, value), max(self.estimate.high, value)
        return replace(self, estimate=replace(self.estimate, value=value, low=low, high=high))


_SHOWN = {
    "num_documents": "num_documents",
    "num_tokens": "num_tokens",
    "mean_length": "mean_length",
    "lower_bound": "plan.accounting.lower_bound",
    "cut_share": "plan.cut_share",
    "truncations": "plan.truncations",
    "concat_cut_share": "concat.cut_share",
    "concat_truncations": "concat.truncations",
}


def estimates(sample: Sample, rules: Sequence[Rules]) -> list[Named]:
    """Return the estimates that a sample gives.

    They are documents, tokens and tokens a document, and for the seq_len of each rules the lower
    bound of sequences (their number is hardly above it) and what is cut. The number of cuts is
    among them only if a cut was seen, since nothing bounds the cuts of a document that was not
    drawn.
    """
    strata = sample.strata
    of_lengths = {
        "num_documents": estimate_documents(strata),
        "num_tokens": estimate_total(strata, _length),
        "mean_length": estimate_ratio(strata, _length, one),
    }
    named = [
        Named(name=name, seq_len=None, estimate=estimate) for name, estimate in of_lengths.items()
    ]
    return named + [estimate for each in rules for estimate in _at(strata, each)]


def joined(samples: Sequence[Sample]) -> Sample:
    """Return the samples of several buckets as one."""
    looks = [sample.looked for sample in samples if sample.looked is not None]
    return Sample(
        looked=joined_looks(looks) if looks else None,
        strata=tuple(stratum for sample in samples for stratum in sample.strata),
        num_read=sum(sample.num_read for sample in samples),
        num_refused=sum(sample.num_refused for sample in samples),
    )


def _at(strata: Sequence[Stratum], rules: Rules) -> list[Named]:
    of_packing = {"lower_bound": estimate_total(strata, partial(_sequences, rules=rules))}
    for prefix, packing in (("", rules), ("concat_", baseline(rules))):
        of_packing[f"{prefix}cut_share"] = estimate_share(
            strata, partial(cut_chance, rules=packing), one
        )
        cuts = estimate_ratio(strata, partial(truncations, rules=packing), one)
        if cuts.value:
            of_packing[f"{prefix}truncations"] = cuts
    return [Named(name=n, seq_len=rules.seq_len, estimate=found) for n, found in of_packing.items()]


def _length(lengths: Int64) -> Float64:
    return lengths.astype(np.float64)


def _sequences(lengths: Int64, rules: Rules) -> Float64:
    return np.asarray(kept_lengths(lengths, rules.seq_len, rules.long_documents) / rules.seq_len)
