"""Statistics as pandas frames, and as one JSON value. The numbers are those of the dataclasses;
nothing is computed here."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bfpack_spark.core.estimates import CONFIDENCE
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore.sequence import Sequence
from bfpack_spark.explore.statistics import CorpusStats, LengthClass, Packed, PackingStats

if TYPE_CHECKING:
    import pandas as pd


def frame(rows: Any, columns: list[str] | None = None) -> "pd.DataFrame":
    """Return rows, or columns by name, as a pandas frame. pandas is imported only here: it takes
    half a second of CPU, which those who pack or ask for JSON do not need to pay."""
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame(rows, columns=columns)


def summary_frame(statistics: list[CorpusStats]) -> "pd.DataFrame":
    """Return a row for each bucket and seq_len. `concat_` columns are those of the baseline.
    `bucket` is None for several buckets together."""
    return frame([_summary_row(stats, at) for stats in statistics for at in stats.at])


def wide_frame(statistics: list[CorpusStats]) -> "pd.DataFrame":
    """Return the summary with every other statistic that is one number for a bucket and seq_len:
    quantiles of the lengths, what each policy does to tokens, and, for a sample, its size and the
    ends of the intervals."""
    return frame(
        [
            _summary_row(stats, at)
            | _quantile_columns(stats)
            | _policy_columns(at)
            | _sample_columns(stats, at)
            for stats in statistics
            for at in stats.at
        ]
    )


def quantiles_frame(statistics: list[CorpusStats]) -> "pd.DataFrame":
    """Return a row for each bucket: documents, tokens, mean length, and a column for each quantile
    of the lengths of documents."""
    return frame([_corpus_row(stats) | _quantile_columns(stats) for stats in statistics])


def truncations_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return a row for each seq_len and class of lengths (above, up_to]: documents, tokens, and
    cuts, of all documents and for one on average."""
    rows = [
        {"seq_len": at.seq_len, **_class_columns(one)} for at in stats.at for one in at.by_length
    ]
    return frame(rows)


def policies_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return a row for each seq_len and policy for long documents."""
    rows = [
        {"seq_len": at.seq_len, "long_documents": policy, **asdict(effect)}
        for at in stats.at
        for policy, effect in at.policies.items()
    ]
    return frame(rows)


def fragments_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return a row for each seq_len and number of fragments: how many sequences hold so many."""
    return _histogram_frame(stats, "fragments", "num_fragments")


def padding_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return a row for each seq_len and number of padding tokens: how many sequences hold so
    many."""
    return _histogram_frame(stats, "padding", "num_padding")


def estimates_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return a row for each estimate of a sample: value, standard_error, and the interval from low
    to high."""
    columns = ["name", "seq_len", "value", "standard_error", "low", "high"]
    return frame(_estimate_rows(stats), columns=columns)


def histogram_frame(histogram: Histogram) -> "pd.DataFrame":
    """Return a row for each distinct length: documents, their tokens, and the shares of all
    documents and of all tokens that are in documents up to this length."""
    return frame(
        {
            "length": histogram.values,
            "num_documents": histogram.counts,
            "num_tokens": histogram.counts * histogram.values,
            "documents_up_to": histogram.counts_up_to(),
            "tokens_up_to": histogram.totals_up_to(histogram.values),
        }
    )


def segments_frame(sequence: Sequence) -> "pd.DataFrame":
    """Return a row for each segment of a sequence."""
    return frame([asdict(segment) for segment in sequence.segments])


def as_json(statistics: list[CorpusStats]) -> list[dict[str, Any]]:
    """Return the statistics, without the histogram, as values that json.dumps takes."""
    return [
        {
            **_corpus_row(stats),
            "quantiles": {str(q): length for q, length in stats.quantiles.items()},
            "sample": _sample_json(stats),
            "at": [_json_of(at) for at in stats.at],
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
        "estimates": _estimate_rows(stats),
    }


def _estimate_rows(stats: CorpusStats) -> list[dict[str, Any]]:
    return [
        {"name": named.name, "seq_len": named.seq_len, **asdict(named.estimate)}
        for named in stats.estimates
    ]


def _corpus_row(stats: CorpusStats) -> dict[str, Any]:
    return {
        "bucket": stats.bucket,
        "num_documents": stats.num_documents,
        "num_tokens": stats.num_tokens,
        "mean_length": stats.mean_length,
    }


def _quantile_columns(stats: CorpusStats) -> dict[str, int]:
    return {f"p{100 * q:g}": length for q, length in stats.quantiles.items()}


def _policy_columns(at: PackingStats) -> dict[str, int]:
    return {
        f"{policy}_{name}": getattr(effect, name)
        for policy, effect in at.policies.items()
        for name in ("num_tokens_packed", "num_tokens_truncated", "num_tokens_dropped")
    }


def _sample_columns(stats: CorpusStats, at: PackingStats) -> dict[str, float]:
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
    return row


def _summary_row(stats: CorpusStats, at: PackingStats) -> dict[str, Any]:
    row = {**_corpus_row(stats), "seq_len": at.seq_len}
    row |= {"packing": stats.rules.packing, "long_documents": stats.rules.long_documents}
    row |= _packed_columns(at.plan)
    row |= {f"concat_{name}": value for name, value in _packed_columns(at.concat).items()}
    row["more_sequences"] = at.more_sequences
    if at.fragments is not None:
        shares = (0.5, 0.99) if stats.is_estimated else (0.5, 0.99, 1.0)
        row |= {f"fragments_p{100 * q:g}": at.fragments.quantile(q) for q in shares}
    return row


def _packed_columns(packed: Packed) -> dict[str, Any]:
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


def _class_columns(one: LengthClass) -> dict[str, float]:
    means = {"truncations": one.truncations, "truncations_by_concat": one.truncations_by_concat}
    return asdict(one) | means


def _json_of(at: PackingStats) -> dict[str, Any]:
    return {
        "seq_len": at.seq_len,
        "plan": _packed_json(at.plan),
        "concat": _packed_json(at.concat),
        "more_sequences": at.more_sequences,
        "fragments": _histogram_json(at.fragments),
        "padding": _histogram_json(at.padding),
        "by_length": [_class_columns(one) for one in at.by_length],
        "policies": {policy: asdict(effect) for policy, effect in at.policies.items()},
    }


def _packed_json(packed: Packed) -> dict[str, Any]:
    accounting = {**asdict(packed.accounting), "overhead": packed.accounting.overhead}
    return {"accounting": accounting, **_packed_columns(packed)}


def _histogram_json(histogram: Histogram | None) -> list[list[int]] | None:
    return None if histogram is None else [histogram.values.tolist(), histogram.counts.tolist()]


def _histogram_frame(stats: CorpusStats, which: str, name: str) -> "pd.DataFrame":
    rows = [
        {"seq_len": at.seq_len, name: value, "num_sequences": count}
        for at in stats.at
        if (histogram := getattr(at, which)) is not None
        for value, count in zip(histogram.values.tolist(), histogram.counts.tolist(), strict=True)
    ]
    return frame(rows, columns=["seq_len", name, "num_sequences"])
