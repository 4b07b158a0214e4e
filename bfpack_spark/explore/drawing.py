"""What pictures have in common: panels, axes, colours, steps, and bars that an eye can tell apart.

The colours are those of Okabe and Ito, which colour-blind readers can tell apart.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from bfpack_spark.core.expectations import Float64
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore.statistics import CorpusStats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLACK, ORANGE, BLUE, VERMILION = "#000000", "#E69F00", "#0072B2", "#D55E00"
DOCUMENTS = "#8B949E"
LEGEND_COLUMNS = 2
_LABEL_WIDTH = 4.5  # of a seq_len of seven digits, in font sizes
_BARS_MAX = 60
_SHARDS_MAX = 120


def new_figure(panels: int = 1, **options: Any) -> "tuple[Figure, list[Axes]]":
    """Return a figure of panels above each other. matplotlib is imported only here: it takes 0.4 s
    of CPU, which those who look at numbers alone do not need to pay."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(layout="constrained", **options)
    axes = figure.subplots(panels, sharex=True, squeeze=False)[:, 0].tolist()
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def length_edges(stats: CorpusStats, seq_lens: Sequence[int], to_a_doubling: int = 4) -> Int64:
    """Return the edges of classes of lengths. Powers of two and the seq_lens are among them."""
    longest = int(stats.histogram.values.max(initial=2))
    steps = np.arange(0, to_a_doubling * (longest - 1).bit_length() + 1)
    return np.union1d([0, *seq_lens], np.rint(2.0 ** (steps / to_a_doubling))).astype(np.int64)


def draw_steps(axes: "Axes", values: ArrayLike, edges: Int64, **style: Any) -> None:
    """Draw a number of each class of lengths as level lines, and nothing where it is 0."""
    heights = np.asarray(values, dtype=np.float64)
    shown = np.where(heights > 0, heights, np.nan)
    axes.stairs(shown, edges + 0.5, baseline=None, lw=1.6, **style)


def legend_below(figure: "Figure", axes: "Axes") -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=LEGEND_COLUMNS, frameon=False)


def draw_documents(axes: "Axes", stats: CorpusStats, edges: Int64) -> None:
    within = np.searchsorted(edges, stats.histogram.values) - 1
    counts = np.bincount(within, weights=stats.histogram.counts, minlength=len(edges) - 1)
    draw_bars(axes, counts, edges + 0.5, DOCUMENTS)
    axes.set_title("documents", loc="left", y=1.0)


def fragment_bins(fragments: Histogram) -> tuple[Int64, Int64]:
    """Return how many sequences hold edges[i] to edges[i + 1] - 1 fragments, and the edges."""
    high = max(fragments.quantile(0.999), 1)
    width = -(-high // _BARS_MAX)
    edges = np.arange(1, high + width + 1, width)
    edges[-1] = high + 1
    counts, _ = np.histogram(fragments.values, edges - 0.5, weights=fragments.counts)
    return counts.astype(np.int64), edges


def mean_sizes(sizes: Sequence[int]) -> tuple[Float64, Int64]:
    """Return the mean size of shards edges[i] to edges[i + 1] - 1, and the edges."""
    step = -(-len(sizes) // _SHARDS_MAX)
    first = np.arange(0, len(sizes), step)
    edges = np.append(first, len(sizes))
    return np.add.reduceat(sizes, first) / np.diff(edges), edges


def draw_bars(axes: "Axes", heights: ArrayLike, edges: ArrayLike, colour: str) -> None:
    """Draw bars, of which one that is tiny beside the others can still be seen."""
    seen = np.asarray(heights, dtype=np.float64)
    least = np.where(seen > 0, seen.max(initial=0) / 150, 0)
    axes.stairs(np.maximum(seen, least), edges, fill=True, color=colour)
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="y", integer=True)
    shorten(axes.yaxis)


def shorten(axis: "Axis") -> None:
    """Write numbers as 500, 2k, 1.5M."""
    from matplotlib.ticker import EngFormatter  # noqa: PLC0415

    axis.set_major_formatter(EngFormatter(sep=""))


def log_lengths(panels: "list[Axes]", stats: CorpusStats, seq_lens: list[int]) -> None:
    """Set an axis on which all lengths and seq_lens lie, and draw a line at each seq_len."""
    lengths, lowest = stats.histogram.values, panels[-1]
    shortest = int(lengths.min(initial=min(seq_lens)))
    longest = int(lengths.max(initial=max(seq_lens)))
    lowest.set_xscale("log")
    lowest.set_xlim(max(shortest / 1.5, 0.7), longest * 1.5)
    lowest.locator_params(axis="x", subs=(1, 2, 5) if longest < 100 * shortest else (1,))
    lowest.minorticks_off()
    shorten(lowest.xaxis)
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


def percent(axes: "Axes", top: float | None = None) -> None:
    axes.set_ylim(bottom=0, top=top)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
