"""Statistics as pandas frames. The numbers are those of the dataclasses."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore.columns import (
    by_distance,
    class_columns,
    context_columns,
    contexts_of,
    corpus_columns,
    estimate_rows,
    policy_columns,
    quantile_columns,
    sample_columns,
    seen_columns,
    summary_columns,
    target_columns,
)
from bfpack_spark.explore.names import NamedSegment
from bfpack_spark.explore.sequence import Sequence
from bfpack_spark.explore.statistics import CorpusStats

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
    return frame([summary_columns(stats, at) for stats in statistics for at in stats.at])


def wide_frame(statistics: list[CorpusStats]) -> "pd.DataFrame":
    """Return the summary with every other statistic that is one number for a bucket and seq_len:
    quantiles of the lengths, what tokens see, what each policy does to tokens, and, for a sample,
    its size and the ends of the intervals. `fitting_` columns are of documents that fit, and
    `published_` ones of the targets in the rows that are published."""
    return frame(
        [
            summary_columns(stats, at)
            | quantile_columns(stats)
            | seen_columns(at)
            | policy_columns(at)
            | sample_columns(stats, at)
            | target_columns(stats, at)
            for stats in statistics
            for at in stats.at
        ]
    )


def quantiles_frame(statistics: list[CorpusStats]) -> "pd.DataFrame":
    """Return a row for each bucket: documents, tokens, mean length, and a column for each quantile
    of the lengths of documents."""
    return frame([corpus_columns(stats) | quantile_columns(stats) for stats in statistics])


def truncations_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return a row for each seq_len and class of lengths (above, up_to]: documents, tokens, and
    cuts, of all documents and for one on average."""
    rows = [
        {"seq_len": at.seq_len, **class_columns(one)} for at in stats.at for one in at.by_length
    ]
    return frame(rows)


def context_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return a row for each seq_len, way to pack (`plan`, `concat`), and documents (`all`,
    `fitting`): what a token could see and sees, in tokens, and shares of tokens."""
    rows = [
        {"seq_len": at.seq_len, "packed": way, "documents": which, **context_columns(context)}
        for at in stats.at
        for way, which, context in contexts_of(at)
    ]
    return frame(rows)


def together_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return the same rows for each distance in tokens: the pairs of tokens of a document that are
    so far apart, and those of them that are in one sequence."""
    rows = [
        {"seq_len": at.seq_len, "packed": way, "documents": which, "distance": distance}
        | {"pairs": pairs, "pairs_together": together}
        for at in stats.at
        for way, which, context in contexts_of(at)
        for distance, pairs, together in by_distance(context)
    ]
    return frame(rows)


def references_frame(stats: CorpusStats) -> "pd.DataFrame":
    """Return a row for each seq_len and kind of mention, and for all and those in documents that
    fit: the shares out of sight, and the difference with its interval. The frame is empty if no
    sample was looked through."""
    parts = [
        (at.seq_len, name, own)
        for at in (stats.references.at if stats.references else ())
        for name, own in {"all": at.mentions, "fitting": at.fitting, **at.by_kind}.items()
    ]
    rows = [
        (
            *(seq_len, name, own.by_best_fit.value, own.by_concat.value),
            *(own.difference.value, own.difference.low, own.difference.high),
        )
        for seq_len, name, own in parts
    ]
    columns = ["seq_len", "mentions", "best_fit", "concat", "difference", "low", "high"]
    return frame(rows, columns)


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
    return frame(estimate_rows(stats), columns=columns)


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


def names_frame(segments: Iterable[NamedSegment]) -> "pd.DataFrame":
    """Return a row for each use of a name that another sequence binds: the document, the name, the
    kind of its binding, the tokens of the document at which it is used and bound, and the sequence
    that holds the binding (none if it is left out)."""
    columns = ["name", "kind", "used", "bound", "sequence_id"]
    rows = [
        {"doc_id": one.segment.doc_id} | {column: getattr(use, column) for column in columns}
        for one in segments
        for use in one.out_of_sight
    ]
    return frame(rows, columns=["doc_id", *columns])


def _histogram_frame(stats: CorpusStats, which: str, name: str) -> "pd.DataFrame":
    rows = [
        {"seq_len": at.seq_len, name: value, "num_sequences": count}
        for at in stats.at
        if (histogram := getattr(at, which)) is not None
        for value, count in zip(histogram.values.tolist(), histogram.counts.tolist(), strict=True)
    ]
    return frame(rows, columns=["seq_len", name, "num_sequences"])
