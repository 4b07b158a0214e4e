"""Pictures of statistics, as matplotlib figures. They need matplotlib: pip install
'bfpack-spark[explore]'.

Each function returns a new figure. No window shows it and pyplot does not hold it: save it with
`figure.savefig(path)`, or make it the last value of a notebook cell with `%matplotlib inline`. The
colours are those of Okabe and Ito, which colour-blind readers can tell apart; lines also differ in
dash or marker.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, PercentFormatter

from bfpack_spark.core.fragments import Int64, LongDocuments
from bfpack_spark.explore.sequence import Segment, Sequence
from bfpack_spark.explore.statistics import CorpusStats, PackingStats, length_classes, stats_at

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
_SIZE = (7.0, 4.0)  # inches
_LABEL_WIDTH = 0.09  # as a share of the axis: room for seven digits
_PLAN, _CONCAT, _DOCUMENTS = BLUE, VERMILION, "#C8D6E0"
_POLICY_STYLES: dict[LongDocuments, tuple[str, str]] = {
    "drop": (VERMILION, "s--"),
    "truncate": (ORANGE, "^:"),
    "split": (BLUE, "o-"),
}
_SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, BLACK, VERMILION)


def documents_by_length(stats: CorpusStats) -> Figure:
    """Draw the documents by length, and the share of all tokens in documents up to a length. The
    axis is logarithmic, with a line at each seq_len."""
    figure, axes = _figure()
    edges = _edges(stats, 8)
    counts = _documents_between(stats, edges)
    axes.stairs(counts, edges, fill=True, color=_DOCUMENTS)
    axes.set_ylabel("documents")
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    shares = axes.twinx()
    shares.plot(stats.histogram.values, stats.histogram.totals_up_to(), color=BLUE)
    shares.set_ylabel("share of tokens in documents up to this length", color=BLUE)
    _percent(shares, 1.0)
    _log_lengths(axes, stats, [at.seq_len for at in stats.at])
    return figure


def truncations_by_length(stats: CorpusStats, seq_len: int) -> Figure:
    """Draw the figure of the paper: documents by length, and cuts for each document, packed and
    concatenated."""
    figure, axes = _figure()
    edges = np.union1d(_edges(stats, 4), [seq_len])
    axes.stairs(_documents_between(stats, edges), edges, fill=True, color=_DOCUMENTS)
    axes.set_ylabel("documents")
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    classes = length_classes(stats.histogram, stats_at(stats, seq_len).rules, edges)
    middle = [np.sqrt(max(c.above, 1) * c.up_to) for c in classes]
    cuts = axes.twinx()
    by_concat = [c.truncations_by_concat for c in classes]
    cuts.plot(middle, by_concat, color=_CONCAT, marker="s", ms=3, ls="--", label="concatenation")
    cuts.plot(
        middle, [c.truncations for c in classes], color=_PLAN, marker="o", ms=3, label=_name(stats)
    )
    cuts.set_yscale("symlog", linthresh=1, linscale=1)
    cuts.set_ylim(bottom=0)
    cuts.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    cuts.set_ylabel("cuts a document, on average")
    cuts.legend(loc="upper left", frameon=False)
    _log_lengths(axes, stats, [seq_len])
    return figure


def cut_documents(stats: CorpusStats) -> Figure:
    """Draw the share of documents that are cut, packed and concatenated, at each seq_len."""
    figure, axes = _figure()
    _over_seq_lens(axes, stats, lambda at: at.concat.cut_share, "concatenation", _CONCAT, "s--")
    _over_seq_lens(axes, stats, lambda at: at.plan.cut_share, _name(stats), _PLAN, "o-")
    axes.set_ylabel("documents cut")
    _percent(axes, None)
    axes.legend(frameon=False)
    return figure


def costs(stats: CorpusStats) -> Figure:
    """Draw what packing costs at each seq_len: padding, and sequences over the lower bound."""
    figure, axes = _figure()
    _over_seq_lens(
        axes, stats, lambda at: at.plan.padding_share, "padding, of all tokens", BLUE, "o-"
    )
    over = "sequences over the lower bound"
    _over_seq_lens(axes, stats, lambda at: at.plan.accounting.overhead, over, ORANGE, "s--")
    axes.set_ylabel("share")
    _percent(axes, None, decimals=3)
    axes.legend(frameon=False)
    return figure


def policies(stats: CorpusStats) -> Figure:
    """Draw the share of all tokens that each policy for long documents leaves out, at each
    seq_len."""
    figure, axes = _figure()
    for policy, (colour, style) in _POLICY_STYLES.items():
        share = partial(_left_out, policy=policy, whole=max(stats.num_tokens, 1))
        _over_seq_lens(axes, stats, share, policy, colour, style)
    axes.set_ylabel("tokens left out")
    _percent(axes, None)
    axes.legend(frameon=False, title="long documents")
    return figure


def fragments_per_sequence(stats: CorpusStats) -> Figure:
    """Draw the share of sequences that hold at most so many fragments, at each seq_len."""
    figure, axes = _figure()
    for number, at in enumerate(stats.at):
        if at.fragments is not None:
            reached = at.fragments.counts_up_to()
            axes.step(
                at.fragments.values,
                reached,
                where="post",
                color=_SERIES[number % len(_SERIES)],
                ls=("-", "--", ":", "-.")[number % 4],
                label=f"{at.seq_len:,}",
            )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("fragments in a sequence")
    axes.set_ylabel("sequences with at most so many")
    _percent(axes, 1.0)
    if axes.get_lines():
        axes.legend(frameon=False, title="seq_len", loc="lower right")
    return figure


def attention(stats: CorpusStats) -> Figure:
    """Draw the attention within documents, as a share of full causal attention, at each seq_len."""
    figure, axes = _figure()
    _over_seq_lens(
        axes, stats, lambda at: at.concat.attention_share, "concatenation", _CONCAT, "s--"
    )
    _over_seq_lens(axes, stats, lambda at: at.plan.attention_share, _name(stats), _PLAN, "o-")
    axes.set_ylabel("query-key pairs within documents,\nof full causal attention")
    _percent(axes, 1.0)
    axes.legend(frameon=False)
    return figure


def sequence(found: Sequence) -> Figure:
    """Draw one sequence: its documents side by side, hatched where a segment is part of a longer
    document."""
    figure, axes = _figure((7.0, 1.6))
    for number, segment in enumerate(found.segments):
        _draw_segment(axes, segment, number)
    axes.set_xlim(0, found.seq_len)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("token in the sequence (hatched: part of a longer document; white: padding)")
    axes.set_title(
        f"{found.bucket}, sequence {found.sequence_id} of {found.seq_len:,} tokens", fontsize=10
    )
    return figure


def _draw_segment(axes: Axes, segment: Segment, number: int) -> None:
    padding = segment.doc_id is None
    cut = not padding and segment.length != segment.doc_length
    colour = "#FFFFFF" if padding else (SKY, YELLOW, GREEN, PURPLE, ORANGE)[number % 5]
    axes.barh(
        0,
        segment.length,
        left=segment.offset,
        color=colour,
        edgecolor=BLACK,
        lw=0.5,
        hatch="///" if cut else None,
    )


def _figure(size: tuple[float, float] = _SIZE) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _name(stats: CorpusStats) -> str:
    return {"best_fit": "best fit", "concat": "concatenation by these rules"}[stats.rules.packing]


def _edges(stats: CorpusStats, per_octave: int) -> Int64:
    """Return the edges of classes of lengths, `per_octave` of them to a doubling. Powers of two are
    among them."""
    longest = int(stats.histogram.values.max(initial=2))
    steps = np.arange(0, per_octave * (longest - 1).bit_length() + 1)
    return np.unique([0, *np.rint(2.0 ** (steps / per_octave)).astype(np.int64).tolist()])


def _documents_between(stats: CorpusStats, edges: Int64) -> Int64:
    within = np.searchsorted(edges, stats.histogram.values) - 1
    return np.bincount(within, weights=stats.histogram.counts, minlength=len(edges) - 1)


def _mark_seq_lens(axes: Axes, seq_lens: list[int]) -> None:
    """Draw an upright line at each seq_len, and its number above it. Numbers that would overlap go
    in rows."""
    ends: list[float] = []  # where each row ends, from the lowest row, as a share of the axis
    for seq_len in sorted(seq_lens):
        axes.axvline(seq_len, color=BLACK, lw=0.8, ls=":")
        x = float(axes.transAxes.inverted().transform(axes.transData.transform((seq_len, 0.0)))[0])
        free = (number for number, end in enumerate(ends) if end <= x)
        row = next(free, len(ends))
        ends[row : row + 1] = [x + _LABEL_WIDTH]
        axes.annotate(
            f"{seq_len:,}",
            (seq_len, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 2 + 10 * row),
            textcoords="offset points",
            fontsize=8,
            ha="center",
            va="bottom",
        )


def _log_lengths(axes: Axes, stats: CorpusStats, seq_lens: list[int]) -> None:
    """Set an axis on which all lengths and seq_lens lie, and draw a line at each seq_len."""
    axes.set_xscale("log", base=2)
    lengths = stats.histogram.values
    shortest = int(lengths.min(initial=min(seq_lens)))
    longest = int(lengths.max(initial=max(seq_lens)))
    axes.set_xlim(max(shortest / 1.5, 0.7), longest * 1.5)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("length of a document, tokens")
    _mark_seq_lens(axes, seq_lens)


def _over_seq_lens(
    axes: Axes,
    stats: CorpusStats,
    value: Callable[[PackingStats], float],
    label: str,
    colour: str,
    style: str,
) -> None:
    at = sorted(stats.at, key=lambda at: at.seq_len)
    x, y = [a.seq_len for a in at], [value(a) for a in at]
    axes.plot(x, y, style, color=colour, ms=5, label=label, clip_on=False)  # 0 is drawn, too
    axes.set_xscale("log", base=2)
    axes.set_xticks([a.seq_len for a in at])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
    axes.set_xlabel("seq_len, tokens")


def _percent(axes: Axes, top: float | None, decimals: int | None = None) -> None:
    axes.set_ylim(bottom=0, top=top)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=decimals))


def _left_out(at: PackingStats, policy: LongDocuments, whole: int) -> float:
    effect = at.policies[policy]
    return (effect.num_tokens_truncated + effect.num_tokens_dropped) / whole
