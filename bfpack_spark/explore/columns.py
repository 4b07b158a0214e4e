"""The numbers of statistics under the names that frames, JSON and CSV give them, and statistics as
one JSON value."""

from dataclasses import asdict
from typing import Any

from bfpack_spark.core.accounting import counts_of
from bfpack_spark.core.estimates import CONFIDENCE
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.row_balance import Balance
from bfpack_spark.explore.length_classes import LengthClass
from bfpack_spark.explore.packed import Context, Packed
from bfpack_spark.explore.statistics import CorpusStats, PackingStats

_OF_OVERLAP = ("added_share", "context_share", "gained_share")
OF_BOTH = ("more_sequences", "num_unnecessary", "unnecessary_share")


def summary_columns(stats: CorpusStats, at: PackingStats) -> dict[str, Any]:
    """Return what a bucket comes to at a seq_len, packed and concatenated."""
    row = {**corpus_columns(stats), "seq_len": at.seq_len}
    row |= rules_columns(stats)
    row |= packed_columns(at.plan)
    row |= {f"concat_{name}": value for name, value in packed_columns(at.concat).items()}
    row |= {name: getattr(at, name) for name in OF_BOTH}
    if at.fragments is not None:
        shares = (0.5, 0.99) if stats.is_estimated else (0.5, 0.99, 1.0)
        row |= {f"fragments_p{100 * q:g}": at.fragments.quantile(q) for q in shares}
    return row


def corpus_columns(stats: CorpusStats) -> dict[str, Any]:
    """Return what there is of a bucket, whatever the seq_len."""
    return {
        "bucket": stats.bucket,
        "num_documents": stats.num_documents,
        "num_tokens": stats.num_tokens,
        "mean_length": stats.mean_length,
    }


def rules_columns(stats: CorpusStats) -> dict[str, str]:
    """Return by which rules the documents are packed."""
    return {"packing": stats.rules.packing, "long_documents": stats.long_documents}


def target_columns(stats: CorpusStats, at: PackingStats) -> dict[str, Any]:
    """Return the targets of the version that is published at a seq_len, if there is one and its
    documents have loss masks."""
    held = next((targets for targets in stats.targets if targets.seq_len == at.seq_len), None)
    named = {} if held is None else held.as_json()
    return {f"published_{name}": value for name, value in named.items() if name != "seq_len"}


def packed_columns(packed: Packed) -> dict[str, Any]:
    """Return what one way to pack comes to."""
    account = packed.accounting
    return {
        "num_sequences": account.num_sequences,
        "lower_bound": account.lower_bound,
        "overhead": account.overhead,
        "num_padding": account.num_padding,
        "padding_share": packed.padding_share,
        "num_documents_cut": packed.num_documents_cut,
        "cut_share": packed.cut_share,
        "num_tokens_in_cut_documents": packed.num_tokens_in_cut_documents,
        "truncations": packed.truncations,
        "fragments": packed.fragments,
        "attention_share": packed.attention_share,
        "num_tokens_packed": account.num_tokens_packed,
        "num_tokens_truncated": account.num_tokens_truncated,
        "num_tokens_dropped": account.num_tokens_dropped,
    }


def class_columns(one: LengthClass) -> dict[str, float]:
    """Return the sums of a class of lengths, and their means."""
    means = ("truncations", "truncations_by_concat", "context_by_concat", "context_by_best_fit")
    return asdict(one) | {name: getattr(one, name) for name in means}


def quantile_columns(stats: CorpusStats) -> dict[str, int]:
    """Return the length at each share of the documents: p50, p99, ..."""
    return {f"p{100 * q:g}": length for q, length in stats.quantiles.items()}


def policy_columns(at: PackingStats) -> dict[str, int]:
    """Return what each policy for long documents does to tokens."""
    return {
        f"{policy}_{name}": getattr(effect, name)
        for policy, effect in at.policies.items()
        for name in ("num_tokens_packed", "num_tokens_truncated", "num_tokens_dropped")
    }


def seen_columns(at: PackingStats) -> dict[str, float]:
    """Return what tokens see, of all documents and of those that fit, and how rows are balanced."""
    row: dict[str, float] = {}
    for prefix, packed in (("", at.plan), ("concat_", at.concat)):
        row |= {f"{prefix}begun_inside_share": packed.begun_inside_share}
        contexts = {prefix: packed.context, f"{prefix}fitting_": packed.fitting}
        for start, context in contexts.items():
            row |= {f"{start}{name}": value for name, value in context_columns(context).items()}
        if packed.balance is not None and packed.balance.num_steps:
            row |= {f"{prefix}rank_idle": packed.balance.idle}
            row |= {f"{prefix}rank_stretch": packed.balance.stretch}
    return row


def contexts_of(at: PackingStats) -> list[tuple[str, str, Context]]:
    """Return what tokens see, with the way to pack and which documents it is of."""
    ways = {"plan": at.plan, "concat": at.concat}
    return [
        (name, documents, context)
        for name, packed in ways.items()
        for documents, context in (("all", packed.context), ("fitting", packed.fitting))
    ]


def context_columns(context: Context) -> dict[str, float]:
    """Return what a token of some documents sees, in tokens, and shares of tokens."""
    return {
        "possible_context": context.possible,
        "context": context.seen,
        "context_share": context.share,
        "beginning_share": context.beginning_share,
        "whole_share": context.whole_share,
    }


def by_distance(context: Context) -> list[tuple[int, float, float]]:
    """Return distances in tokens, the pairs so far apart, and those in one sequence."""
    columns = (context.distances, context.pairs_apart, context.pairs_together)
    return list(zip(*columns, strict=True))


def sample_columns(stats: CorpusStats, at: PackingStats) -> dict[str, float]:
    """Return the size of a sample, the ends of its intervals, and the mentions out of sight if
    they were looked for. Without a sample there is nothing."""
    if stats.sample is None:
        return {}
    row: dict[str, float] = {
        "sample_num_read": stats.sample.num_read,
        "sample_num_draws": stats.sample.num_draws,
    }
    for named in stats.estimates:
        if named.seq_len in (None, at.seq_len):
            estimate = named.estimate
            row |= {f"{named.name}_low": estimate.low, f"{named.name}_high": estimate.high}
    for own in stats.references.at if stats.references else ():
        if own.seq_len == at.seq_len:
            difference = own.mentions.difference
            row |= {
                "references_out_of_sight": own.mentions.by_best_fit.value,
                "concat_references_out_of_sight": own.mentions.by_concat.value,
                "references_difference_low": difference.low,
                "references_difference_high": difference.high,
            }
    return row


def estimate_rows(stats: CorpusStats) -> list[dict[str, Any]]:
    """Return a row for each estimate of a sample."""
    return [
        {"name": named.name, "seq_len": named.seq_len, **asdict(named.estimate)}
        for named in stats.estimates
    ]


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
        "overlaps": [
            asdict(one) | {name: getattr(one, name) for name in _OF_OVERLAP} for one in at.overlaps
        ],
        "options": [asdict(one) | {"more_sequences": one.more_sequences} for one in at.options],
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
