"""Every picture can be drawn, says what its axes are, and shows the numbers of the statistics."""

import io
import itertools
import math
from collections.abc import Callable
from functools import partial

import matplotlib as mpl
import numpy as np
import pytest
from core.oracle import histogram_of, refinedweb_like, rules
from explore.test_sequence import SEQUENCE
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bfpack_spark import explore
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore import plots
from bfpack_spark.explore.drawing import fragment_bins, mean_sizes

SEQ_LENS = (512, 2048, 8192)
OF_STATS = (
    plots.documents_by_length,
    plots.truncations_by_length,
    plots.truncations_in_all,
    plots.context_by_length,
    plots.together,
    partial(plots.fragments_per_sequence, seq_len=512),
    plots.cut_documents,
    plots.costs,
    plots.policies,
    plots.attention,
)


@pytest.fixture(scope="module")
def stats() -> explore.CorpusStats:
    return explore.corpus_stats(histogram_of(refinedweb_like(20_000, 0).tolist()), SEQ_LENS)


def drawn(figure: Figure) -> None:
    """Rendered without a warning (which the suite makes an error), each axis with a name."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=40)
    assert target.getvalue().startswith(b"\x89PNG")
    for axes in figure.axes:
        assert axes.get_ylabel() or axes.get_title(loc="left") or not axes.get_yticks().size
    assert any(axes.get_xlabel() for axes in figure.axes)


@pytest.mark.parametrize("plot", OF_STATS)
def test_pictures_of_statistics_are_drawn(
    plot: Callable[[explore.CorpusStats], Figure], stats: explore.CorpusStats
) -> None:
    drawn(plot(stats))
    for lengths in ([1], [5, 3000], [1_000_000]):
        drawn(plot(explore.corpus_stats(histogram_of(lengths), (512,))))


def steps(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """The heights of each line of steps, and their edges, by the line's name."""
    lines = {patch.get_label(): patch.get_data() for patch in axes.patches}
    return {name: (data.values.tolist(), data.edges.tolist()) for name, data in lines.items()}


def test_the_papers_figure_shows_all_cuts_by_length_at_two_seq_lens() -> None:
    stats = explore.corpus_stats(histogram_of([2, 2, 5, 8, 14, 20]), (8, 4))
    totals, means = plots.truncations_by_length(stats, 4, 8).axes
    drawn_totals, drawn_means = steps(totals), steps(means)
    assert list(drawn_totals) == [
        *("concatenation, 4", "packing, 4", "concatenation, 8", "packing, 8", "documents")
    ]
    documents, edges = drawn_totals["documents"]
    assert edges == [edge + 0.5 for edge in (0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32)]
    none = math.nan
    assert documents == pytest.approx([none, 2, none, none, 1, 1, none, 1, 1, none], nan_ok=True)
    packed, _ = drawn_totals["packing, 8"]
    assert packed == pytest.approx([*[none] * 7, 1, 2, none], nan_ok=True), "what fits is not cut"
    concat, _ = drawn_totals["concatenation, 8"]
    expected = [none, 2 / 8, none, none, 4 / 8, 7 / 8, none, 13 / 8, 19 / 8, none]
    assert concat == pytest.approx(expected, nan_ok=True)
    assert drawn_means["concatenation, 8"][0][1] == 1 / 8
    assert drawn_means["packing, 4"][0] == pytest.approx(
        [*[none] * 4, 1, 1, none, 3, 4, none], nan_ok=True
    )
    assert totals.get_yscale() == means.get_yscale() == "log"
    (documents_line,) = (one for one in totals.patches if one.get_label() == "documents")
    assert documents_line.get_linestyle() == "--"


def test_without_seq_lens_all_are_in_one_picture(stats: explore.CorpusStats) -> None:
    for plot in (plots.truncations_by_length, plots.truncations_in_all, plots.context_by_length):
        figure = plot(stats)
        names = [text.get_text() for text in figure.legends[0].get_texts()]
        assert [name for name in names if name.startswith("packing")] == [
            f"packing, {seq_len:,}" for seq_len in SEQ_LENS
        ]


def test_context_is_drawn_as_a_share_of_what_could_be_seen() -> None:
    stats = explore.corpus_stats(histogram_of([5, 8, 17]), (8,))
    lines = steps(plots.context_by_length(stats).axes[0])
    seen = {name: [value for value in line if value > 0] for name, (line, _) in lines.items()}
    assert seen["packing, 8"] == [1, 1, 56 / 91]
    assert seen["concatenation, 8"] == pytest.approx([7.5 / 10, 17.5 / 28, 49 / 91])


def test_pairs_are_drawn_by_their_distance() -> None:
    stats = explore.corpus_stats(histogram_of([1, 5, 8, 17]), (8,))
    by_concat, packed = plots.together(stats).axes[0].get_lines()
    assert list(packed.get_xdata()) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert packed.get_ydata()[3] == 13 / 18
    assert by_concat.get_ydata()[3] == 9 / 18
    assert packed.get_ydata()[-1] == by_concat.get_ydata()[-1] == 0


def test_a_concatenation_is_drawn_beside_best_fit() -> None:
    best_fit, concat = (
        steps(plots.truncations_by_length(explore.corpus_stats(found, (8,), own)).axes[0])
        for found in [histogram_of([5, 8, 17])]
        for own in (rules(8), rules(8, packing="concat"))
    )
    assert best_fit.keys() == concat.keys()
    for name, (values, _) in best_fit.items():
        assert values == pytest.approx(concat[name][0], nan_ok=True), name


def test_documents_and_the_tokens_up_to_each_length_are_all_drawn(
    stats: explore.CorpusStats,
) -> None:
    documents, tokens = plots.documents_by_length(stats).axes
    (bars,), (line, *_) = documents.patches, tokens.get_lines()
    assert bars.get_data().values.sum() == pytest.approx(20_000, rel=0.01)
    for limit, share in zip(line.get_xdata(), line.get_ydata(), strict=True):
        short = stats.histogram.values <= limit
        held = (stats.histogram.values * stats.histogram.counts)[short].sum()
        assert share == pytest.approx(held / stats.num_tokens)
    assert share == 1


def test_a_bar_of_almost_nothing_is_seen() -> None:
    counts = Histogram(values=np.array([1, 1000]), counts=np.array([10**6, 1]))
    figure = plots.documents_by_length(explore.corpus_stats(counts, (8,)))
    heights = figure.axes[0].patches[0].get_data().values
    assert set(np.unique(heights)) == {0, 10**6 / 150, 10**6}


def test_sequences_are_drawn_by_their_fragments(stats: explore.CorpusStats) -> None:
    fragments = explore.stats_at(stats, 2048).fragments
    assert fragments is not None
    bars = plots.fragments_per_sequence(stats, 2048).axes[0].patches[0].get_data()
    assert len(bars.values) <= 60
    assert 0.99 * fragments.count < fragment_bins(fragments)[0].sum() <= fragments.count
    few = fragments.counts[fragments.values < bars.edges[1]].sum()
    assert fragment_bins(fragments)[0][0] == few
    concat = explore.corpus_stats(stats.histogram, (8,), rules(8, packing="concat"))
    with pytest.raises(ValueError, match="--packing concat: the order of documents decides"):
        plots.fragments_per_sequence(concat, 8)


def test_many_shards_share_a_bar() -> None:
    few = plots.shard_sizes([5, 7]).axes[0].patches[0].get_data()
    assert (few.values.tolist(), few.edges.tolist()) == ([5, 7], [-0.5, 0.5, 1.5])
    means, edges = mean_sizes(range(301))
    assert (len(means), means[0], means[-1], edges[-1]) == (101, 1, 300, 301)
    drawn(plots.shard_sizes(range(1, 302)))


def test_shares_cut_are_drawn_by_seq_len(stats: explore.CorpusStats) -> None:
    lines = plots.cut_documents(stats).axes[0].get_lines()
    for line, shares in zip(
        lines,
        ([at.concat.cut_share for at in stats.at], [at.plan.cut_share for at in stats.at]),
        strict=True,
    ):
        assert list(line.get_xdata()) == list(SEQ_LENS)
        assert list(line.get_ydata()) == shares


def test_a_sequence_is_drawn_with_an_edge_where_it_is_cut() -> None:
    figure = plots.sequence(SEQUENCE)
    drawn(figure)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [6, 4, 4, 2]
    assert [letter.get_text() for letter in axes.texts] == ["a", "b", "c"]
    cuts = [line[0][0] for edges in axes.collections for line in edges.get_segments()]
    assert cuts == [0, 6, 14]


@pytest.mark.parametrize("width", [3.0, 5.3, 10.0])
def test_every_seq_len_is_on_the_axis_and_no_two_names_overlap(width: float) -> None:
    """Also what is longer or shorter than all documents."""
    many = tuple(1 << k for k in range(4, 17))
    with mpl.rc_context({"figure.figsize": (width, 4.0)}):
        figure = plots.documents_by_length(explore.corpus_stats(histogram_of([500, 600]), many))
    drawn(figure)
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    assert low < many[0]
    assert many[-1] < high
    figure.draw_without_rendering()
    names = [text.get_window_extent() for text in (*axes.texts, axes._left_title)]
    assert len(names) == len(many) + 1
    assert not any(a.overlaps(b) for a, b in itertools.combinations(names, 2))
