"""The sections of a report that tell what cuts do: where they fall, and what they hide."""

from collections.abc import Sequence
from dataclasses import replace

from bfpack_spark.explore.statistics import CorpusStats, PackingStats
from bfpack_spark.report.cut_figures import (
    bucket_figure,
    context_figure,
    together_figure,
    truncations_figure,
)
from bfpack_spark.report.cut_tables import context_table, rows_table
from bfpack_spark.report.headlines import about_what_is_kept
from bfpack_spark.report.layout import Figure, Section
from bfpack_spark.report.tables import sequences_table, shapes_table
from bfpack_spark.report.words import count, rules_words

_SEQ_LENS = 2  # in one picture
_BUCKETS_MAX = 6  # that have a picture of their own; each takes 0.1 s to draw


def truncations_section(
    statistics: Sequence[CorpusStats], notes: Sequence[str] = (), each: Sequence[CorpusStats] = ()
) -> Section:
    """Return the figure of the paper, and its numbers, for every packing of each statistics. `each`
    are the buckets that are together in them, if they are several."""
    merged = _side_by_side(statistics)
    shown = sorted(_side_by_side(each), key=lambda stats: -stats.num_tokens)[:_BUCKETS_MAX]
    packings = _by_words(merged)
    kept = dict.fromkeys(line for stats in statistics for line in about_what_is_kept(stats))
    few = f"The figures of single buckets are of the {count(len(shown))} with most tokens."
    return Section(
        name="truncations",
        title="Packing against concatenation",
        notes=[
            *how_they_cut([*packings.values()]),
            *kept,
            *notes,
            *[few] * (len(shown) < len(each)),
        ],
        figures=[*truncations_figures(merged), *bucket_figures(shown)],
        tables=[sequences_table(packings), shapes_table(packings)],
    )


def context_section(statistics: Sequence[CorpusStats], seq_lens: Sequence[int] = ()) -> Section:
    """Return what tokens see of their documents, and what lies in a row. The figures are of the
    first statistics, at these seq_lens (default: the first two)."""
    merged = _side_by_side(statistics)
    first, packings = merged[0], _by_words(merged)
    chosen = [at for at in first.at if at.seq_len in seq_lens] or list(first.at[:_SEQ_LENS])
    return Section(
        name="context",
        title="What a token sees",
        notes=[
            "A token sees the tokens of its document that are before it in its row. What it could "
            "see is what a window of seq_len tokens would show it if no document were cut."
        ],
        figures=context_figures(first, chosen),
        tables=[context_table(packings), rows_table(packings)],
    )


def truncations_figures(statistics: Sequence[CorpusStats]) -> list[Figure]:
    """Return figure 4 of the paper, with two seq_lens in each picture."""
    return [
        truncations_figure(stats, stats.at[first : first + _SEQ_LENS])
        for stats in statistics
        for first in range(0, len(stats.at), _SEQ_LENS)
    ]


def bucket_figures(buckets: Sequence[CorpusStats]) -> list[Figure]:
    """Return a small figure of each bucket, at the shortest and the longest seq_len."""
    ends = [sorted({0, len(stats.at) - 1}) for stats in buckets]
    return [
        bucket_figure(number, stats, [stats.at[end] for end in own])
        for number, (stats, own) in enumerate(zip(buckets, ends, strict=True))
    ]


def context_figures(stats: CorpusStats, packings: Sequence[PackingStats]) -> list[Figure]:
    """Return what tokens see by the length of their document, and by distance."""
    if not stats.num_documents:
        return []
    return [context_figure(stats, packings), together_figure(stats, packings)]


def how_they_cut(packings: Sequence[PackingStats]) -> list[str]:
    """Return what a reader should know before looking at the figures."""
    ways = {at.rules.packing for at in packings}
    return [
        "Concatenating all documents and cutting every seq_len tokens cuts a document wherever it "
        "happens to lie; its numbers are the expectation over a uniformly random start. Packing "
        "cuts only what is longer than seq_len. The cuts that concatenation has more are "
        "unnecessary.",
        *[_THE_BASELINE] * ("concat" in ways),
    ]


_THE_BASELINE = (
    "Sequences made by concatenation are the baseline: documents in a seeded order, cut every "
    "seq_len tokens. What is said of their documents is the same expectation, by their policy for "
    "long documents."
)


def _side_by_side(statistics: Sequence[CorpusStats]) -> list[CorpusStats]:
    """Return the statistics with those of the same documents, packed alike at several seq_lens, as
    one, in the order of their seq_lens."""
    alike: dict[object, list[CorpusStats]] = {}
    for stats in statistics:
        histogram = stats.histogram
        lengths = (histogram.values.tobytes(), histogram.counts.tobytes())
        alike.setdefault((stats.bucket, replace(stats.rules, seq_len=1), *lengths), []).append(
            stats
        )
    return [
        replace(same[0], at=tuple(sorted(_at(same), key=lambda at: at.seq_len)))
        for same in alike.values()
    ]


def _at(statistics: Sequence[CorpusStats]) -> list[PackingStats]:
    return [at for stats in statistics for at in stats.at]


def _by_words(statistics: Sequence[CorpusStats]) -> dict[str, PackingStats]:
    return {rules_words(at.rules): at for at in _at(statistics)}
