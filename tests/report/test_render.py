"""A page is one file: whatever is in it is text, and nothing comes from elsewhere."""

from markupsafe import Markup
from pages import read_page

from bfpack_spark.report.layout import Cell, Figure, Page, Picture, Section, Table
from bfpack_spark.report.render import render

NASTY = "<script>alert('1')</script>\"&"


def nasty_page() -> Page:
    """The same hostile text wherever text can be."""
    table = Table(
        caption=NASTY,
        head=(NASTY, NASTY),
        rows=[(NASTY, Cell(text=NASTY, bar=0.5))],
        foot=(NASTY, NASTY),
    )
    figure = Figure(
        name="figure",
        title=NASTY,
        description=f"{NASTY} in words",
        picture=Picture(width=1, height=1, content=Markup('<path d="M0 0H1"/>')),
        numbers=table,
    )
    section = Section(name="section", title=NASTY, notes=[NASTY], figures=[figure], tables=[table])
    return Page(title=NASTY, lead=NASTY, facts=[(NASTY, NASTY)], sections=[section])


def test_names_are_text_wherever_they_stand() -> None:
    html = render(nasty_page())
    assert "<script" not in html
    page = read_page(html)
    assert page.text.count(NASTY) >= 15
    assert page.attributes_with("aria-label", NASTY) == 2


def test_a_page_needs_nothing_from_elsewhere() -> None:
    page = read_page(render(nasty_page()))
    assert page.tags["svg"] == 1
    for tag in ("script", "link", "img", "iframe", "object", "embed", "form", "base"):
        assert not page.tags[tag]
    assert page.references == {"#section"}
    assert page.policy.startswith("default-src 'none'")


def test_every_figure_is_said_in_words_and_numbers_as_well() -> None:
    page = read_page(render(nasty_page()))
    assert page.figures == {"figure": (NASTY, f"{NASTY} in words")}
    assert page.tables == 2


def test_a_table_tells_what_its_numbers_belong_to() -> None:
    page = read_page(render(nasty_page()))
    assert page.scopes == {"col": 4, "row": 4}
