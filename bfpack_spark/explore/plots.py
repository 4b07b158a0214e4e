"""Pictures of statistics, as matplotlib figures.

Each function returns a new figure. No window shows it and pyplot does not hold it: save it with
`figure.savefig(path)`, or make it the last value of a notebook cell with `%matplotlib inline`. Its
size is that of matplotlib's settings. Lines differ in colour, and also in dash or marker.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.core.rules import Rules
from bfpack_spark.explore.boxes import CUT, Box, boxes_of
from bfpack_spark.explore.cut_plots import (
    context_by_length,
    together,
    truncations_by_length,
    truncations_in_all,
)
from bfpack_spark.explore.drawing import (
    BLUE,
    ORANGE,
    VERMILION,
    draw_bars,
    draw_documents,
    fragment_bins,
    length_edges,
    log_lengths,
    mean_sizes,
    new_figure,
    percent,
)
from bfpack_spark.explore.packed import Packed
from bfpack_spark.explore.sequence import Sequence as PackedSequence
from bfpack_spark.explore.statistics import CorpusStats, PackingStats, stats_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "attention",
    "context_by_length",
    "costs",
    "cut_documents",
    "documents_by_length",
    "draw_boxes",
    "fragments_per_sequence",
    "packing_name",
    "policies",
    "sequence",
    "shard_sizes",
    "together",
    "truncations_by_length",
    "truncations_in_all",
]

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
    figure, (documents, tokens) = new_figure(panels=2)
    edges = length_edges(stats, [])
    draw_documents(documents, stats, edges)
    tokens.plot(edges + 0.5, stats.histogram.totals_up_to(edges), color=BLUE)
    tokens.set_title("tokens in documents up to this length", loc="left", y=1.0)
    percent(tokens, 1.0)
    log_lengths([documents, tokens], stats, [at.seq_len for at in stats.at])
    return figure


def fragments_per_sequence(stats: CorpusStats, seq_len: int) -> "Figure":
    """Draw how many sequences hold each number of fragments. The thousandth of them that holds most
    is not drawn. Raise ValueError if the plan does not tell, as by concatenation."""
    fragments = stats_at(stats, seq_len).fragments
    if fragments is None:
        raise ValueError("--packing concat: the order of documents decides who shares a sequence")
    counts, edges = fragment_bins(fragments)
    figure, (axes,) = new_figure()
    draw_bars(axes, counts, edges - 0.5, BLUE)
    axes.set_title("sequences", loc="left", y=1.0)
    axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    axes.set_xlabel("fragments")
    return figure


def shard_sizes(sizes: Sequence[int]) -> "Figure":
    """Draw the size in bytes of each shard. If there are many, each bar is the mean of several in a
    row."""
    means, edges = mean_sizes(sizes)
    figure, (axes,) = new_figure()
    draw_bars(axes, means, edges - 0.5, BLUE)
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
    return at.policies[policy].num_tokens_left_out / whole


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
    figure, (axes,) = new_figure()
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
    percent(axes, top)
    axes.legend(frameon=False)
    return figure


def sequence(drawn: PackedSequence) -> "Figure":
    """Draw one sequence: its documents side by side, with a red edge where a document is cut."""
    figure, (axes,) = new_figure(figsize=(7.0, 1.6))
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
