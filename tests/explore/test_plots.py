"""Every picture can be drawn, says what its axes are, and shows the numbers of the statistics."""

import io
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from core.oracle import histogram_of, refinedweb_like
from explore.test_sequence import SEQUENCE
from matplotlib.figure import Figure

from bfpack_spark import explore
from bfpack_spark.explore import plots

SEQ_LENS = (512, 2048, 8192)
OF_STATS = (
    plots.documents_by_length,
    plots.cut_documents,
    plots.costs,
    plots.policies,
    plots.fragments_per_sequence,
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
        assert axes.get_ylabel() or not axes.get_yticks().size
    assert any(axes.get_xlabel() for axes in figure.axes)


@pytest.mark.parametrize("plot", OF_STATS, ids=lambda plot: plot.__name__)
def test_pictures_of_statistics_are_drawn(
    plot: Callable[[explore.CorpusStats], Figure], stats: explore.CorpusStats
) -> None:
    drawn(plot(stats))
    drawn(plot(explore.corpus_stats(histogram_of([1]), (8,))))


def test_the_papers_figure_shows_cuts_by_length(stats: explore.CorpusStats) -> None:
    figure = plots.truncations_by_length(stats, 2048)
    drawn(figure)
    by_concat, packed = figure.axes[1].get_lines()
    assert (by_concat.get_label(), packed.get_label()) == ("concatenation", "best fit")
    length, cuts = np.array(packed.get_xdata()), np.array(packed.get_ydata())
    assert (cuts[length < 2048] == 0).all()
    assert (cuts[length > 2048] >= 1).all()
    assert (np.array(by_concat.get_ydata()) >= cuts - 1).all()
    assert np.array(by_concat.get_ydata())[length > 200].min() > 0.05


def test_shares_cut_are_drawn_by_seq_len(stats: explore.CorpusStats) -> None:
    lines = plots.cut_documents(stats).axes[0].get_lines()
    for line, shares in zip(
        lines,
        ([at.concat.cut_share for at in stats.at], [at.plan.cut_share for at in stats.at]),
        strict=True,
    ):
        assert list(line.get_xdata()) == list(SEQ_LENS)
        assert list(line.get_ydata()) == shares


def test_a_sequence_is_drawn_with_hatches_where_it_is_cut() -> None:
    figure = plots.sequence(SEQUENCE)
    drawn(figure)
    bars = figure.axes[0].patches
    assert [bar.get_width() for bar in bars] == [6, 4, 4, 2]
    assert [bool(bar.get_hatch()) for bar in bars] == [True, False, True, False]


def test_every_seq_len_is_on_the_axis_and_no_two_names_overlap() -> None:
    """Also what is longer or shorter than all documents."""
    many = tuple(1 << k for k in range(4, 17))
    figure = plots.documents_by_length(explore.corpus_stats(histogram_of([500, 600]), many))
    drawn(figure)
    low, high = figure.axes[0].get_xlim()
    assert low < many[0]
    assert many[-1] < high
    figure.draw_without_rendering()
    names = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(names) == len(many)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(names, 2))
