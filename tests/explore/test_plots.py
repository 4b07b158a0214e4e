"""Every picture can be drawn, says what its axes are, and shows the numbers of the statistics."""

import io
import itertools
from collections.abc import Callable
from functools import partial

import matplotlib as mpl
import numpy as np
import pytest
from core.oracle import histogram_of, refinedweb_like
from core.test_accounting import rules
from explore.test_sequence import SEQUENCE
from matplotlib.figure import Figure

from bfpack_spark import explore
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore import plots
from bfpack_spark.explore.bins import fragment_bins, mean_sizes

SEQ_LENS = (512, 2048, 8192)
OF_STATS = (
    plots.documents_by_length,
    partial(plots.truncations_by_length, seq_len=512),
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


def test_the_papers_figure_shows_cuts_by_length(stats: explore.CorpusStats) -> None:
    figure = plots.truncations_by_length(stats, 2048)
    drawn(figure)
    by_concat, packed = figure.axes[1].get_lines()[:2]
    assert (by_concat.get_label(), packed.get_label()) == ("concatenation", "packing")
    length, cuts = np.array(packed.get_xdata()), np.array(packed.get_ydata())
    assert len(length) > 80
    assert (cuts[length < 2048] == 0).all()
    assert (cuts[length > 2049] >= 1).all()
    assert (np.array(by_concat.get_ydata()) >= cuts - 1).all()
    assert np.array(by_concat.get_ydata())[length > 200].min() > 0.05


@pytest.mark.parametrize("lengths", [[20_000, 30_000], [5], [5, 3000], [1_000_000]])
def test_there_is_a_line_to_see_however_long_the_documents_are(lengths: list[int]) -> None:
    stats = explore.corpus_stats(histogram_of(lengths), (2048,))
    axes = plots.truncations_by_length(stats, 2048).axes[1]
    for line in axes.get_lines()[:2]:
        assert min(line.get_ydata()) <= axes.get_ylim()[1]
        assert len(line.get_xdata()) >= 2


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
