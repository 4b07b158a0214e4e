"""Pictures of statistics, as matplotlib figures.

Each function returns a new figure. No window shows it and pyplot does not hold it: save it with
`figure.savefig(path)`, or make it the last value of a notebook cell with `%matplotlib inline`. Its
size is that of matplotlib's settings. The colours are those of Okabe and Ito, which colour-blind
readers can tell apart; lines also differ in dash or marker.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from bfpack_spark.core.fragments import Int64, LongDocuments
from bfpack_spark.core.rules import Rules
from bfpack_spark.explore.bins import cuts_shown, fragment_bins, mean_sizes
from bfpack_spark.explore.boxes import CUT, Box, boxes_of
from bfpack_spark.explore.sequence import Sequence as PackedSequence
from bfpack_spark.explore.statistics import (
    CorpusStats,
    Packed,
    PackingStats,
    length_classes,
    stats_at,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLACK, ORANGE, BLUE, VERMILION = "#000000", "#E69F00", "#0072B2", "#D55E00"
DOCUMENTS = "#8B949E"
_LABEL_WIDTH = 4.5  # of a seq_len of seven digits, in font sizes
_LETTER_SHARE = 0.02  # of a sequence; a narrower box has no room for its letter
# Lines by their labels: colour, style, and the value at a seq_len.
Lines: TypeAlias = Mapping[str, tuple[str, str, Callable[[PackingStats], float]]]
_POLICY_STYLES: dict[LongDocuments, tuple[str, str]] = {
    "drop": (VERMILION, "s--"),
    "truncate": (ORANGE, "^:"),
    "split": (BLUE, "o-"),
}


def documents_by_length(stats: CorpusStats) -> "Figure":
    """Draw the documents by length, and below it the share of all tokens in documents up to a
    length. The axis is logarithmic, with a line at each seq_len."""
    figure, (documents, tokens) = _figure(panels=2)
    edges = _edges(stats, [])
    _draw_documents(documents, stats, edges)
    tokens.plot(edges + 0.5, stats.histogram.totals_up_to(edges), color=BLUE)
    tokens.set_title("tokens in documents up to this length", loc="left", y=1.0)
    _percent(tokens, 1.0)
    _log_lengths([documents, tokens], stats, [at.seq_len for at in stats.at])
    return figure


def truncations_by_length(stats: CorpusStats, seq_len: int) -> "Figure":
    """Draw figure 2 of Ding et al. for these documents: how many there are of each length, and
    below it how often each is cut on average, packed and concatenated."""
    figure, (documents, cuts) = _figure(panels=2)
    edges = _edges(stats, [seq_len])
    _draw_documents(documents, stats, edges)
    classes = length_classes(stats.histogram, stats_at(stats, seq_len).rules, edges)
    # A mean is that of a whole class, so a slope between two classes would mean nothing.
    tokens = [edge + 0.5 for one in classes for edge in (one.above, one.up_to)]
    by_concat = np.repeat([one.truncations_by_concat for one in classes], 2)
    packed = np.repeat([one.truncations for one in classes], 2)
    cuts.plot(tokens, by_concat, "--", color=VERMILION, lw=2, label="concatenation")
    cuts.plot(tokens, packed, color=BLUE, lw=2, label=packing_name(stats.rules))
    cuts.set_ylim(0, cuts_shown(by_concat))
    cuts.yaxis.set_major_formatter("{x:.4g}")
    cuts.set_title("truncations a document", loc="left", y=1.0)
    cuts.legend(loc="upper left", frameon=False)
    _log_lengths([documents, cuts], stats, [seq_len])
    return figure


def fragments_per_sequence(stats: CorpusStats, seq_len: int) -> "Figure":
    """Draw how many sequences hold each number of fragments. The thousandth of them that holds most
    is not drawn. Raise ValueError if the plan does not tell, as by concatenation."""
    fragments = stats_at(stats, seq_len).fragments
    if fragments is None:
        raise ValueError("--packing concat: the order of documents decides who shares a sequence")
    counts, edges = fragment_bins(fragments)
    figure, (axes,) = _figure()
    _draw_bars(axes, counts, edges - 0.5, BLUE)
    axes.set_title("sequences", loc="left", y=1.0)
    axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    axes.set_xlabel("fragments")
    return figure


def shard_sizes(sizes: Sequence[int]) -> "Figure":
    """Draw the size in bytes of each shard. If there are many, each bar is the mean of several in a
    row."""
    means, edges = mean_sizes(sizes)
    figure, (axes,) = _figure()
    _draw_bars(axes, means, edges - 0.5, BLUE)
    axes.set_title("bytes", loc="left", y=1.0)
    axes.set_xlabel("shard")
    return figure


def cut_documents(stats: CorpusStats) -> "Figure":
    """Draw the share of documents that are cut, packed and concatenated, at each seq_len."""
    return _against_concatenation(stats, "documents cut", lambda packed: packed.cut_share)


def attention(stats: CorpusStats) -> "Figure":
    """Draw the attention within documents, as a share of full causal attention, at each seq_len."""
    title = "query-key pairs within documents, of full causal attention"
    return _against_concatenation(stats, title, lambda packed: packed.attention_share, top=1.0)


def costs(stats: CorpusStats) -> "Figure":
    """Draw what packing costs at each seq_len: padding, and sequences over the lower bound."""
    lines: Lines = {
        "padding, of all tokens": (BLUE, "o-", lambda at: at.plan.padding_share),
        "sequences over the bound": (ORANGE, "s--", lambda at: at.plan.accounting.overhead),
    }
    return _over_seq_lens(stats, "share", lines)


def policies(stats: CorpusStats) -> "Figure":
    """Draw the share of all tokens that each policy for long documents leaves out, at each
    seq_len."""
    whole = max(stats.num_tokens, 1)
    lines: Lines = {
        policy: (colour, style, partial(_left_out, policy=policy, whole=whole))
        for policy, (colour, style) in _POLICY_STYLES.items()
    }
    return _over_seq_lens(stats, "tokens left out by each policy for long documents", lines)


def _left_out(at: PackingStats, policy: LongDocuments, whole: int) -> float:
    effect = at.policies[policy]
    return (effect.num_tokens_truncated + effect.num_tokens_dropped) / whole


def _against_concatenation(
    stats: CorpusStats, title: str, share: Callable[[Packed], float], top: float | None = None
) -> "Figure":
    lines: Lines = {
        "concatenation": (VERMILION, "s--", lambda at: share(at.concat)),
        packing_name(stats.rules): (BLUE, "o-", lambda at: share(at.plan)),
    }
    return _over_seq_lens(stats, title, lines, top)


def _over_seq_lens(
    stats: CorpusStats, title: str, lines: Lines, top: float | None = None
) -> "Figure":
    figure, (axes,) = _figure()
    packings = sorted(stats.at, key=lambda at: at.seq_len)
    seq_lens = [at.seq_len for at in packings]
    for label, (colour, style, value) in lines.items():
        shares = [value(at) for at in packings]
        axes.plot(seq_lens, shares, style, color=colour, ms=5, label=label, clip_on=False)
    axes.set_xscale("log", base=2)
    axes.set_xticks(seq_lens, [f"{seq_len:,}" for seq_len in seq_lens])
    axes.minorticks_off()
    axes.set_xlabel("seq_len, tokens")
    axes.set_title(title, loc="left", y=1.0)
    _percent(axes, top)
    axes.legend(frameon=False)
    return figure


def sequence(drawn: PackedSequence) -> "Figure":
    """Draw one sequence: its documents side by side, with a red edge where a document is cut."""
    figure, (axes,) = _figure(figsize=(7.0, 1.6))
    draw_boxes(axes, 0, boxes_of(drawn))
    axes.set(xlim=(0, drawn.seq_len), ylim=(1, 0), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("token in the sequence (red edge: the document is cut; grey: padding)")
    title = f"{drawn.bucket}, sequence {drawn.sequence_id} of {drawn.seq_len:,} tokens"
    axes.set_title(title, fontsize=10, parse_math=False)
    return figure


def draw_boxes(axes: "Axes", row: int, boxes: Sequence[Box], height: float = 0.72) -> None:
    """Draw the boxes of a sequence from y = row on: documents in colour with their letter where
    there is room, cuts as red edges, padding in grey."""
    whole = max(box.end for box in boxes)
    for box in boxes:
        axes.barh(
            row, box.length, height, box.offset, align="edge", color=box.colour, edgecolor="white"
        )
        if box.number is not None and box.length > _LETTER_SHARE * whole:
            middle = (box.offset + box.length / 2, row + height / 2)
            axes.annotate(box.letter, middle, ha="center", va="center")
    for box in boxes:
        cuts = [box.offset] * box.is_cut_before + [box.end] * box.is_cut_after
        axes.vlines(cuts, row, row + height, color=CUT, lw=4, clip_on=False)


def packing_name(rules: Rules) -> str:
    """Return what the packing by these rules is called beside concatenation."""
    return {"best_fit": "packing", "concat": "concatenation by these rules"}[rules.packing]


def _figure(panels: int = 1, **options: Any) -> "tuple[Figure, list[Axes]]":
    """Return a figure of panels above each other. matplotlib is imported only here: it takes 0.4 s
    of CPU, which those who look at numbers alone do not need to pay."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(layout="constrained", **options)
    axes = figure.subplots(panels, sharex=True, squeeze=False)[:, 0].tolist()
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _edges(stats: CorpusStats, seq_lens: Sequence[int]) -> Int64:
    """Return the edges of classes of lengths, four of them to a doubling. Powers of two and the
    seq_lens are among them."""
    longest = int(stats.histogram.values.max(initial=2))
    steps = np.arange(0, 4 * (longest - 1).bit_length() + 1)
    return np.union1d([0, *seq_lens], np.rint(2.0 ** (steps / 4))).astype(np.int64)


def _draw_documents(axes: "Axes", stats: CorpusStats, edges: Int64) -> None:
    within = np.searchsorted(edges, stats.histogram.values) - 1
    counts = np.bincount(within, weights=stats.histogram.counts, minlength=len(edges) - 1)
    _draw_bars(axes, counts, edges + 0.5, DOCUMENTS)
    axes.set_title("documents", loc="left", y=1.0)


def _draw_bars(axes: "Axes", heights: ArrayLike, edges: ArrayLike, colour: str) -> None:
    """Draw bars, of which one that is tiny beside the others can still be seen."""
    seen = np.asarray(heights, dtype=np.float64)
    least = np.where(seen > 0, seen.max(initial=0) / 150, 0)
    axes.stairs(np.maximum(seen, least), edges, fill=True, color=colour)
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="y", integer=True)
    _shorten(axes.yaxis)


def _shorten(axis: "Axis") -> None:
    """Write numbers as 500, 2k, 1.5M."""
    from matplotlib.ticker import EngFormatter  # noqa: PLC0415

    axis.set_major_formatter(EngFormatter(sep=""))


def _log_lengths(panels: "list[Axes]", stats: CorpusStats, seq_lens: list[int]) -> None:
    """Set an axis on which all lengths and seq_lens lie, and draw a line at each seq_len."""
    lengths, lowest = stats.histogram.values, panels[-1]
    shortest = int(lengths.min(initial=min(seq_lens)))
    longest = int(lengths.max(initial=max(seq_lens)))
    lowest.set_xscale("log")
    lowest.set_xlim(max(shortest / 1.5, 0.7), longest * 1.5)
    lowest.locator_params(axis="x", subs=(1, 2, 5) if longest < 100 * shortest else (1,))
    lowest.minorticks_off()
    _shorten(lowest.xaxis)
    lowest.set_xlabel("tokens of the document")
    for panel in panels:
        for seq_len in seq_lens:
            panel.axvline(seq_len + 0.5, color=BLACK, lw=0.8, ls=":")
    _name_seq_lens(panels[0], seq_lens)


def _name_seq_lens(axes: "Axes", seq_lens: list[int]) -> None:
    """Write each seq_len above its place, and the title above them all. Numbers that would overlap
    go in rows."""
    ends: list[float] = []  # where each row ends, from the lowest row, in pixels
    height = 0.0
    for seq_len in sorted(seq_lens):
        place, across = (seq_len + 0.5, 1.0), axes.get_xaxis_transform()
        label = axes.annotate(
            f"{seq_len:,}",
            place,
            xycoords=across,
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
        )
        size = float(label.get_fontsize())
        x, height = across.transform(place)[0], 1.2 * size
        row = next((number for number, end in enumerate(ends) if end <= x), len(ends))
        ends[row : row + 1] = [x + _LABEL_WIDTH * size * axes.figure.dpi / 72]
        label.set_position((0.0, 3 + height * row))
    axes.set_title(axes.get_title(loc="left"), loc="left", y=1.0, pad=6 + height * len(ends))


def _percent(axes: "Axes", top: float | None = None) -> None:
    axes.set_ylim(bottom=0, top=top)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
