"""Pictures of a page: text is text, colours are the page's, and bytes do not change."""

import re
from collections import Counter

import matplotlib as mpl
import pytest
from core.oracle import histogram_of, refinedweb_like

from bfpack_spark import explore
from bfpack_spark.explore import plots
from bfpack_spark.report.contents import stats_page
from bfpack_spark.report.render import render
from bfpack_spark.report.svg import picture


@pytest.fixture(scope="module")
def stats() -> explore.CorpusStats:
    lengths = refinedweb_like(20_000, 0).tolist()
    return explore.corpus_stats(histogram_of(lengths), (512, 2048))


@pytest.fixture(scope="module")
def html(stats: explore.CorpusStats) -> str:
    return render(stats_page([stats]))


def test_a_picture_is_the_same_whatever_the_settings_of_matplotlib(
    stats: explore.CorpusStats,
) -> None:
    def draw() -> str:
        return picture("p", lambda: plots.truncations_by_length(stats, 512)).content

    with mpl.rc_context({"font.size": 30, "svg.hashsalt": "other", "axes.grid": False}):
        changed = draw()
        assert mpl.rcParams["font.size"] == 30
    assert changed == draw()


def test_colours_are_those_of_the_page(html: str) -> None:
    pictures = re.findall(r'<svg class="plot".*?</svg>', html, re.DOTALL)
    assert len(pictures) == 6
    for drawn in pictures:
        assert not re.findall(r"#[0-9a-f]{6}\b|<style|<image|font-family|rotate", drawn)
        assert drawn.count("var(--") > 5
        assert 5 < drawn.count("<text") < 40
        assert len(drawn) < 15_000


def test_numbers_of_an_axis_keep_their_digits() -> None:
    stats = explore.corpus_stats(histogram_of([2, 5000]), (2048,))
    drawn = picture("p", lambda: plots.truncations_by_length(stats, 2048)).content
    assert ">0.001</text>" in drawn
    assert not re.findall(r"\.\d{3,}(?=[^<>]*>)", drawn)


def test_names_on_a_page_are_unique_and_each_that_is_used_is_there(html: str) -> None:
    names = Counter(re.findall(r'\bid="([^"]*)"', html))
    assert len(names) > 20
    assert set(names.values()) == {1}
    used = {*re.findall(r"url\(#([^)]*)\)", html), *re.findall(r'href="#([^"]*)"', html)}
    assert used
    assert used <= set(names)
