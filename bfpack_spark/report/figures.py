"""The figures of a report. They are drawn from statistics, and nothing is counted here."""

from collections.abc import Sequence
from itertools import accumulate

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore.statistics import CorpusStats, LengthClass, PackingStats
from bfpack_spark.report.layout import Bars, Figure, Line, Panel, Table
from bfpack_spark.report.words import PLAN, count, mean, rules_name, share, size, span
from bfpack_spark.versions.versions import Manifest, files_of

_CUTS_SHOWN = 4.0  # cuts a document; the longest have hundreds, which run off the top
_BARS = 60
_SHARDS_SHOWN = 120


def truncations_figure(at: PackingStats) -> Figure:
    """Return figure 2 of Ding et al. for these documents: how many there are of each length, and
    how often each is cut."""
    classes, seq_len = at.by_length, at.seq_len
    fits = [c for c in classes if c.up_to <= seq_len]
    cut_fitting = sum(c.num_truncations_by_concat for c in fits)
    plan = PLAN[at.rules.packing]
    title = f"Documents and truncations by length, at {count(seq_len)}"
    return Figure(
        name=f"truncations-{rules_name(at.rules)}",
        title=title,
        description=(
            f"Of {count(sum(c.num_documents for c in classes))} documents, those in length classes "
            f"up to {count(seq_len)} tokens are cut {count(cut_fitting)} times by concatenation, "
            f"and {count(sum(c.num_truncations for c in fits))} times by {plan}. On average a "
            f"document is cut {mean(at.concat.truncations)} times by concatenation, "
            f"{mean(at.plan.truncations)} times by {plan}."
        ),
        x_title="tokens of the document",
        log=True,
        marks=[(seq_len + 0.5, "seq_len")],
        legend=[("line-packed", plan), ("line-concat", "concatenation")],
        panels=[
            Panel(y_title="documents", bars=[_bars(classes, "bar-documents")]),
            Panel(
                y_title="truncations a document",
                y_max=_cuts_shown([c.truncations_by_concat for c in classes]),
                lines=[
                    _steps(classes, "line-concat", [c.truncations_by_concat for c in classes]),
                    _steps(classes, "line-packed", [c.truncations for c in classes]),
                ],
            ),
        ],
        numbers=Table(
            caption=title,
            head=("tokens", "documents", f"truncations each, {plan}", "concatenation"),
            rows=[
                (
                    _tokens(c),
                    count(c.num_documents),
                    mean(c.truncations),
                    mean(c.truncations_by_concat),
                )
                for c in classes
            ],
        ),
    )


def _cuts_shown(each: list[float]) -> float:
    """Return how far the axis of cuts goes, so that there is a line to see even if documents are
    very long."""
    return min(max(each), max(_CUTS_SHOWN, 2 * min(each))) or 1.0


def lengths_figure(stats: CorpusStats) -> Figure:
    """Return how long the documents are, and the share of tokens in documents up to each length."""
    classes = stats.at[0].by_length
    reached = list(accumulate(c.num_tokens for c in classes))
    shares = [100 * tokens / max(stats.num_tokens, 1) for tokens in reached]
    half = next(c.up_to for c, s in zip(classes, shares, strict=True) if s >= 50)
    return Figure(
        name="lengths",
        title="Length of the documents, and where the tokens lie",
        description=(
            f"{count(stats.num_documents)} documents of {count(classes[0].above + 1)} to "
            f"{count(stats.quantiles[1.0])} tokens, half of them of at most "
            f"{count(stats.quantiles[0.5])}. Documents of at most {count(half)} tokens hold half "
            f"of all {count(stats.num_tokens)} tokens, or more."
        ),
        x_title="tokens of the document",
        log=True,
        marks=[(at.seq_len + 0.5, count(at.seq_len)) for at in stats.at],
        panels=[
            Panel(y_title="documents", bars=[_bars(classes, "bar-documents")]),
            Panel(
                y_title="tokens in documents up to this length",
                percent=True,
                y_max=100.0,
                lines=[
                    Line(
                        style="line-packed",
                        x=[classes[0].above + 0.5, *(c.up_to + 0.5 for c in classes)],
                        y=[0.0, *shares],
                    )
                ],
            ),
        ],
        numbers=Table(
            caption="Documents and tokens by length",
            head=("tokens", "documents", "tokens of these", "cumulative"),
            rows=[
                (
                    _tokens(c),
                    count(c.num_documents),
                    count(c.num_tokens),
                    share(so_far, stats.num_tokens),
                )
                for c, so_far in zip(classes, reached, strict=True)
            ],
        ),
    )


def fragments_figure(at: PackingStats, fragments: Histogram) -> Figure:
    """Return of how many fragments sequences are made."""
    high = max(fragments.quantile(0.999), 1)
    width = -(-high // _BARS)
    bins = [(low, min(low + width - 1, high)) for low in range(1, high + 1, width)]
    heights = [_between(fragments, low, up) for low, up in bins]
    above = int(fragments.counts[fragments.values > high].sum())
    not_drawn = f" {count(above)} with more than {count(high)} are not drawn." if above else ""
    return Figure(
        name=f"fragments-{rules_name(at.rules)}",
        title=f"Fragments a sequence, at {count(at.seq_len)}",
        description=(
            f"A sequence holds {mean(at.plan.fragments)} fragments on average, half of them at "
            f"most {count(fragments.quantile(0.5))}; the most that one holds is "
            f"{count(int(fragments.values[-1]))}.{not_drawn}"
        ),
        x_title="fragments",
        panels=[
            Panel(
                y_title="sequences",
                bars=[
                    Bars(
                        style="bar-packed",
                        left=[low - 0.5 for low, _ in bins],
                        right=[up + 0.5 for _, up in bins],
                        height=[float(h) for h in heights],
                    )
                ],
            )
        ],
        numbers=Table(
            caption=f"Sequences by fragments, at {count(at.seq_len)}",
            head=("fragments", "sequences"),
            rows=[
                *((span(*b), count(h)) for b, h in zip(bins, heights, strict=True)),
                (f"more than {count(high)}", count(above)),
            ],
        ),
    )


def shards_figure(manifest: Manifest) -> Figure:
    """Return the size of each shard. If there are many, each bar is the mean of several in a
    row."""
    sizes = [int(entry["bytes"]) for entry in files_of(manifest, "shards")]
    step = -(-len(sizes) // _SHARDS_SHOWN)
    first = list(range(0, len(sizes), step))
    means = [sum(sizes[k : k + step]) / len(sizes[k : k + step]) for k in first]
    each = "shard" if step == 1 else f"mean of {step} shards"
    return Figure(
        name="shard-sizes",
        title="Size of the shards",
        description=(
            f"{count(len(sizes))} shards of {size(min(sizes))} to {size(max(sizes))}, "
            f"{size(sum(sizes))} in all."
        ),
        x_title="shard",
        panels=[
            Panel(
                y_title=f"MB, {each}",
                bars=[
                    Bars(
                        style="bar-packed",
                        left=[k - 0.5 for k in first],
                        right=[min(k + step, len(sizes)) - 0.5 for k in first],
                        height=[m / 1e6 for m in means],
                    )
                ],
            )
        ],
        numbers=Table(
            caption="Size of the shards",
            head=("shard", f"bytes, {each}"),
            rows=[(count(k), count(m)) for k, m in zip(first, means, strict=True)],
        ),
    )


def _bars(classes: Sequence[LengthClass], style: str) -> Bars:
    return Bars(
        style=style,
        left=[c.above + 0.5 for c in classes],
        right=[c.up_to + 0.5 for c in classes],
        height=[float(c.num_documents) for c in classes],
    )


def _steps(classes: Sequence[LengthClass], style: str, y: list[float]) -> Line:
    """Return a line in steps. A mean is that of a whole class, so a slope between two classes would
    mean nothing."""
    x = [edge for c in classes for edge in (c.above + 0.5, c.up_to + 0.5)]
    return Line(style=style, x=x, y=[value for value in y for _ in range(2)])


def _tokens(of: LengthClass) -> str:
    return span(of.above + 1, of.up_to)


def _between(of: Histogram, low: int, high: int) -> int:
    return int(of.counts[(of.values >= low) & (of.values <= high)].sum())
