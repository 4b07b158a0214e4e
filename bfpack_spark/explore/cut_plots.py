"""Pictures of what cuts do: how many there are, and what tokens see of their documents."""

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bfpack_spark.explore.drawing import (
    BLUE,
    DOCUMENTS,
    VERMILION,
    draw_steps,
    legend_below,
    length_edges,
    log_lengths,
    new_figure,
    percent,
    shorten,
)
from bfpack_spark.explore.length_classes import LengthClass, both_ways, length_classes
from bfpack_spark.explore.packed import pairs_share
from bfpack_spark.explore.statistics import CorpusStats, PackingStats, stats_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CONCAT, PACKING = "concatenation", "packing"
_DASHES: tuple[Any, ...] = ("-", (0, (1.2, 1.2)), (0, (5, 1.5)), "-.")  # of seq_lens
_STEPS = 2  # classes of lengths to a doubling
_DISTANCES = 40


def truncations_by_length(stats: CorpusStats, *seq_lens: int) -> "Figure":
    """Draw figure 4 of Ding et al. for these documents, at these seq_lens (default: all of the
    statistics) in one picture: how many cuts the documents of each length have in all, packed and
    concatenated, beside how many documents there are, and below it the mean of a document. The
    axes are logarithmic, so a line ends where nothing is cut."""
    figure, (totals, means) = new_figure(panels=2)
    chosen = _chosen(stats, seq_lens)
    _draw_truncations(totals, stats, chosen)
    _draw_both_ways(
        means, stats, chosen, lambda o: (o.truncations_by_concat, o.truncations_by_best_fit)
    )
    means.set_yscale("log")
    means.minorticks_off()
    means.yaxis.set_major_formatter("{x:g}")
    means.set_title("truncations a document", loc="left", y=1.0)
    log_lengths([totals, means], stats, [at.seq_len for at in chosen])
    legend_below(figure, totals)
    return figure


def truncations_in_all(stats: CorpusStats, *seq_lens: int) -> "Figure":
    """Draw the upper part of truncations_by_length, which is small enough to stand beside that of
    other buckets."""
    figure, (axes,) = new_figure()
    chosen = _chosen(stats, seq_lens)
    _draw_truncations(axes, stats, chosen)
    log_lengths([axes], stats, [at.seq_len for at in chosen])
    legend_below(figure, axes)
    return figure


def context_by_length(stats: CorpusStats, *seq_lens: int) -> "Figure":
    """Draw how much of the context that they could see the tokens of documents of each length do
    see in their sequences, packed and concatenated."""
    figure, (axes,) = new_figure()
    chosen = _chosen(stats, seq_lens)
    _draw_both_ways(
        axes, stats, chosen, lambda one: (one.context_by_concat, one.context_by_best_fit)
    )
    axes.set_title("context seen, of what could be", loc="left", y=1.0)
    percent(axes, 1.02)
    log_lengths([axes], stats, [at.seq_len for at in chosen])
    legend_below(figure, axes)
    return figure


def together(stats: CorpusStats, *seq_lens: int) -> "Figure":
    """Draw the share of the pairs of tokens of a document that are in one sequence, by their
    distance, packed and concatenated. No document that fits loses a pair by packing."""
    figure, (axes,) = new_figure()
    chosen = _chosen(stats, seq_lens)
    for at, dashes in zip(chosen, itertools.cycle(_DASHES)):
        distances = np.unique(np.rint(np.geomspace(1, at.seq_len, _DISTANCES)).astype(np.int64))
        by_best_fit, by_concat = (
            [pairs_share(stats.histogram, own, rules) for own in distances.tolist()]
            for rules in both_ways(at.rules)
        )
        style = {"ls": dashes, "lw": 1.6}
        axes.plot(distances, by_concat, color=VERMILION, label=_named(CONCAT, at), **style)
        axes.plot(distances, by_best_fit, color=BLUE, label=_named(PACKING, at), **style)
    axes.set_xscale("log")
    axes.minorticks_off()
    shorten(axes.xaxis)
    axes.set_xlabel("tokens apart")
    axes.set_title("pairs of tokens in one sequence", loc="left", y=1.0)
    percent(axes, 1.02)
    legend_below(figure, axes)
    return figure


def _chosen(stats: CorpusStats, seq_lens: Sequence[int]) -> list[PackingStats]:
    return [stats_at(stats, seq_len) for seq_len in seq_lens] or list(stats.at)


def _named(way: str, at: PackingStats) -> str:
    return f"{way}, {at.seq_len:,}"


def _draw_truncations(axes: "Axes", stats: CorpusStats, chosen: Sequence[PackingStats]) -> None:
    _draw_both_ways(
        axes, stats, chosen, lambda o: (o.num_truncations_by_concat, o.num_truncations_by_best_fit)
    )
    edges = length_edges(stats, [at.seq_len for at in chosen], _STEPS)
    within = np.searchsorted(edges, stats.histogram.values) - 1
    documents = np.bincount(within, stats.histogram.counts, len(edges) - 1)
    draw_steps(axes, documents, edges, color=DOCUMENTS, ls="--", label="documents")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_ylim(bottom=0.5)
    shorten(axes.yaxis)
    axes.set_title("truncations in all", loc="left", y=1.0)


def _draw_both_ways(
    axes: "Axes",
    stats: CorpusStats,
    chosen: Sequence[PackingStats],
    values: Callable[[LengthClass], tuple[float, float]],
) -> None:
    """Draw two numbers of each class of lengths at each seq_len: by concatenation, and packed."""
    edges = length_edges(stats, [at.seq_len for at in chosen], _STEPS)
    for at, dashes in zip(chosen, itertools.cycle(_DASHES)):
        classes = length_classes(stats.histogram, at.rules, edges)
        pairs = {one.up_to: values(one) for one in classes}
        each = np.array([pairs.get(edge, (0.0, 0.0)) for edge in edges[1:].tolist()])
        for number, (way, colour) in enumerate({CONCAT: VERMILION, PACKING: BLUE}.items()):
            label = _named(way, at)
            draw_steps(axes, each[:, number], edges, color=colour, ls=dashes, label=label)
