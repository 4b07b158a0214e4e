"""The sections of a report that tell what cuts do, where they fall and what they hide: with
figures, and the words and numbers that say the same."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bfpack_spark.explore import plots
from bfpack_spark.explore.statistics import CorpusStats, PackingStats
from bfpack_spark.report.cut_tables import (
    classes_table,
    context_table,
    cuts_table,
    pairs_table,
    rows_table,
)
from bfpack_spark.report.headlines import about_what_is_kept, bucket_name
from bfpack_spark.report.layout import Figure, Section, Table
from bfpack_spark.report.svg import picture
from bfpack_spark.report.tables import sequences_table, shapes_table
from bfpack_spark.report.words import count, mean, percent, rules_name, rules_words

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


def truncations_figure(stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return figure 4 of Ding et al. for these documents: how often those of each length are cut,
    in all and on average, at every seq_len of the packings."""
    title, said = "Truncations by the length of the document", _cuts(stats, packings)
    draw = partial(plots.truncations_by_length, stats)
    return _figure("truncations", title, said, draw, cuts_table(packings), packings)


def bucket_figure(number: int, stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return the truncations of one bucket of several, small enough to stand beside the others."""
    title, said = bucket_name(stats), _cuts(stats, packings)
    draw = partial(plots.truncations_in_all, stats)
    return _figure(f"bucket-{number}", title, said, draw, cuts_table(packings), packings)


def context_figure(stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return how much of their documents tokens see, by the length of the document."""
    said = " ".join(
        f"At {count(at.seq_len)} tokens see {percent(at.best_fit.context.share)} of what they "
        f"could by packing, and {percent(at.concatenated.context.share)} by concatenation."
        for at in packings
    )
    title = "What tokens see of their document, by its length"
    draw = partial(plots.context_by_length, stats)
    return _figure("context", title, said, draw, classes_table(packings), packings)


def together_figure(stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return how many pairs of tokens of a document are in one sequence, by their distance."""
    said = (
        "Pairs of tokens of one document, as a share of all that are so far apart. The pairs "
        "of a document that fits are all in one sequence by packing."
    )
    title = "Pairs of tokens in one sequence, by their distance"
    draw = partial(plots.together, stats)
    return _figure("together", title, said, draw, pairs_table(packings), packings)


def _figure(
    kind: str,
    title: str,
    description: str,
    draw: Callable[..., Any],
    numbers: Table,
    packings: Sequence[PackingStats],
) -> Figure:
    """Return what `draw` draws at the seq_lens of the packings."""
    name = "-".join([kind, *(rules_name(at.rules) for at in packings)])
    return Figure(
        name=name,
        title=f"{title}, at {' and '.join(count(at.seq_len) for at in packings)}",
        description=description,
        picture=picture(name, partial(draw, *(at.seq_len for at in packings))),
        numbers=numbers,
    )


def _cuts(stats: CorpusStats, packings: Sequence[PackingStats]) -> str:
    cuts = " ".join(
        f"At {count(at.seq_len)} they are cut {count(at.concatenated.num_truncations)} times by "
        f"concatenation, {mean(at.concatenated.truncations)} times a document, and "
        f"{count(at.best_fit.num_truncations)} times by packing; {percent(at.unnecessary_share)} "
        "of the cuts are unnecessary."
        for at in packings
    )
    return f"{count(stats.num_documents)} documents. {cuts}"
