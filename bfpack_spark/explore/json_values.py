"""Statistics as one JSON value."""

from dataclasses import asdict
from typing import Any

from bfpack_spark.core.accounting import counts_of
from bfpack_spark.core.estimates import CONFIDENCE
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.row_balance import Balance
from bfpack_spark.explore.columns import (
    OF_BOTH,
    by_distance,
    class_columns,
    context_columns,
    corpus_columns,
    estimate_rows,
    option_columns,
    overlap_columns,
    packed_columns,
    rules_columns,
)
from bfpack_spark.explore.packed import Context, Packed
from bfpack_spark.explore.statistics import CorpusStats, PackingStats


def as_json(statistics: list[CorpusStats]) -> list[dict[str, Any]]:
    """Return the statistics, without the histogram, as values that json.dumps takes."""
    return [
        {
            **corpus_columns(stats),
            **rules_columns(stats),
            "quantiles": {str(q): length for q, length in stats.quantiles.items()},
            "sample": _sample_json(stats),
            "references": None if stats.references is None else asdict(stats.references),
            "at": [_json_of(at) for at in stats.at],
            **({"targets": [at.as_json() for at in stats.targets]} if stats.targets else {}),
        }
        for stats in statistics
    ]


def _sample_json(stats: CorpusStats) -> dict[str, Any] | None:
    if stats.sample is None:
        return None
    return {
        "num_read": stats.sample.num_read,
        "num_refused": stats.sample.num_refused,
        "num_draws": stats.sample.num_draws,
        "confidence": CONFIDENCE,
        "estimates": estimate_rows(stats),
    }


def _json_of(at: PackingStats) -> dict[str, Any]:
    return {
        "seq_len": at.seq_len,
        "plan": _packed_json(at.plan),
        "concat": _packed_json(at.concat),
        "best_fit": _packed_json(at.best_fit) if at.rules.packing == "concat" else None,
        **{name: getattr(at, name) for name in OF_BOTH},
        "fragments": _histogram_json(at.fragments),
        "padding": _histogram_json(at.padding),
        "by_length": [class_columns(one) for one in at.by_length],
        "policies": {policy: asdict(effect) for policy, effect in at.policies.items()},
        "overlaps": [overlap_columns(each) for each in at.overlaps],
        "options": [option_columns(cost) for cost in at.options],
    }


def _packed_json(packed: Packed) -> dict[str, Any]:
    accounting = {**counts_of(packed.accounting), "overhead": packed.accounting.overhead}
    return {
        "accounting": accounting,
        **packed_columns(packed),
        "num_truncations": packed.num_truncations,
        "begun_inside_share": packed.begun_inside_share,
        "context": _context_json(packed.context),
        "fitting": _context_json(packed.fitting),
        "balance": None if packed.balance is None else _balance_json(packed.balance),
    }


def _context_json(context: Context) -> dict[str, Any]:
    return {
        "num_tokens": context.num_tokens,
        **context_columns(context),
        "by_distance": [list(row) for row in by_distance(context)],
    }


def _balance_json(balance: Balance) -> dict[str, float | None]:
    return {
        "num_ranks": balance.num_ranks,
        "num_steps": balance.num_steps,
        "idle": balance.idle if balance.num_steps else None,
        "stretch": balance.stretch if balance.num_steps else None,
    }


def _histogram_json(histogram: Histogram | None) -> list[list[int]] | None:
    return None if histogram is None else [histogram.values.tolist(), histogram.counts.tolist()]
