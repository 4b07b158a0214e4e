"""Statistics of several buckets: of each bucket, and of all together, where each is packed by
itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bfpack_spark.core.accounting import Accounting, PolicyEffect, sum_of
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.explore.length_classes import LengthClass
from bfpack_spark.explore.lengths import read_histogram
from bfpack_spark.explore.option_costs import OptionCost, Overlap
from bfpack_spark.explore.packed import sum_of_packed
from bfpack_spark.explore.sample_estimates import Sample, joined
from bfpack_spark.explore.statistics import (
    POLICIES,
    CorpusStats,
    PackingStats,
    corpus_stats,
    rules_of,
)
from bfpack_spark.explore.targets import TargetsAt, published_targets, sum_of_targets
from bfpack_spark.tokens.token_store import open_token_store
from bfpack_spark.versions.on_disk import buckets_in

Counts = TypeVar("Counts", Accounting, PolicyEffect, LengthClass, OptionCost, Overlap)


def output_stats(
    output: str | Path,
    buckets: tuple[str, ...],
    seq_lens: tuple[int, ...],
    rules: Rules | None = None,
    histogram_of: Callable[[str, str], Histogram] = read_histogram,
    num_ranks: int | None = None,
    masked_rules: Rules | None = None,
) -> list[CorpusStats]:
    """Return the statistics of each bucket of an output. If no bucket is named, all that are there
    are taken. If there are several, the last is all together, where buckets of the same tokens are
    counted once. `histogram_of` reads (output, bucket). Buckets with loss masks are packed by
    `masked_rules`; by default these are `rules`, or without them those of a run without options."""
    output = str(output)
    names = buckets or tuple(buckets_in(output))
    if rules is None:
        rules, masked_rules = rules_of(), masked_rules or rules_of(masks=True)
    stores = {name: open_token_store(output, name) for name in names}
    statistics = [
        replace(
            corpus_stats(
                histogram_of(output, name),
                seq_lens,
                (masked_rules or rules) if store.masks else rules,
                name,
                num_ranks,
            ),
            targets=published_targets(output, name, seq_lens),
            has_masks=store.masks,
        )
        for name, store in stores.items()
    ]
    if len(names) == 1:
        return statistics
    first_of: dict[str, str] = {}  # token stores, and the first bucket of each
    for name, store in stores.items():
        first_of.setdefault(store.manifest.fingerprint, name)
    counted_once = set(first_of.values())
    again = tuple(name for name in names if name not in counted_once)
    total = total_of([stats for stats in statistics if stats.bucket in counted_once])
    return [*statistics, replace(total, same_documents=again)]


def sample_stats(
    samples: Mapping[str, Sample],
    seq_lens: tuple[int, ...],
    rules: Rules | None = None,
    num_ranks: int | None = None,
    *,
    has_masks: bool = False,
) -> list[CorpusStats]:
    """Return the statistics of samples, by bucket, as output_stats does. `has_masks` tells whether
    their documents have loss masks."""
    each = [
        replace(
            corpus_stats(sample.histogram, seq_lens, rules, name, num_ranks),
            sample=sample,
            has_masks=has_masks,
        )
        for name, sample in samples.items()
    ]
    return with_total(each)


def with_total(statistics: list[CorpusStats]) -> list[CorpusStats]:
    """Return the statistics and, if there are several buckets, all together as the last."""
    return statistics if len(statistics) == 1 else [*statistics, total_of(statistics)]


def total_of(statistics: Sequence[CorpusStats]) -> CorpusStats:
    """Return the statistics of buckets together. Each is packed by itself, and all have the same
    seq_lens, and the same rules except for long documents."""
    first, each = statistics[0], zip(*(stats.at for stats in statistics), strict=True)
    policies = tuple(sorted({stats.rules.long_documents for stats in statistics}))
    samples = [stats.sample for stats in statistics if stats.sample is not None]
    return CorpusStats(
        bucket=None,
        rules=first.rules,
        histogram=Histogram.merged(stats.histogram for stats in statistics),
        at=tuple(map(_sum_packing, each)),
        sample=joined(samples) if samples else None,
        targets=_sum_targets([stats for stats in statistics if stats.has_masks]),
        has_masks=any(stats.has_masks for stats in statistics),
        policies=policies if len(policies) > 1 else (),
    )


def _sum_targets(statistics: Sequence[CorpusStats]) -> tuple[TargetsAt, ...]:
    """Return the targets of buckets together, at each seq_len at which all of them are
    published."""
    by_seq_len: dict[int, list[TargetsAt]] = {}
    for at in (targets for stats in statistics for targets in stats.targets):
        by_seq_len.setdefault(at.seq_len, []).append(at)
    whole = (parts for parts in by_seq_len.values() if len(parts) == len(statistics))
    return tuple(sum_of_targets(parts) for parts in whole)


def _sum_packing(parts: tuple[PackingStats, ...]) -> PackingStats:
    first = parts[0]
    classes: dict[tuple[int, int], list[LengthClass]] = {}
    for one in (one for p in parts for one in p.by_length):
        classes.setdefault((one.above, one.up_to), []).append(one)
    return PackingStats(
        rules=first.rules,
        plan=sum_of_packed([p.plan for p in parts]),
        concat=sum_of_packed([p.concat for p in parts]),
        best_fit=sum_of_packed([p.best_fit for p in parts]),
        by_length=tuple(sum_of(classes[bound], "above", "up_to") for bound in sorted(classes)),
        policies={p: sum_of([s.policies[p] for s in parts]) for p in POLICIES},
        options=_sum_each([p.options for p in parts], "option", "value"),
        overlaps=_sum_each([p.overlaps for p in parts], "overlap"),
    )


def _sum_each(parts: Sequence[tuple[Counts, ...]], *alike: str) -> tuple[Counts, ...]:
    """Return the sums of the first of each part, of the second, and so on."""
    return tuple(sum_of(list(same), *alike) for same in zip(*parts, strict=True))
