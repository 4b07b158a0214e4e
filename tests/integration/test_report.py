"""Reports in a real browser, without a display: what a person sees, and what the page asks for."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Bfpack
from outputs import current, manifest
from playwright.sync_api import Browser, Page, sync_playwright

ARTEFACTS = ROOT / ".integration" / "artefacts" / "report"
BUCKETS = 200
WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = subprocess.run([ROOT / "scripts" / "find_browser.sh"], capture_output=True, text=True)
    if found.returncode:
        pytest.skip(found.stderr.strip())
    # Chromium's own sandbox does not let root in; the pages are our own files.
    no_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        program = found.stdout.strip()
        chromium = playwright.chromium.launch(executable_path=program, args=no_sandbox)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def one(packed: Path) -> Path:
    """The report beside a version of one bucket."""
    return current(packed, "small", "sequences-512") / "report" / "report.html"


@pytest.fixture(scope="module")
def many(packed: Path, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of an output of 200 buckets, which are one under 200 names. Their token stores
    say that they are different, as the same documents would be counted once."""
    output = tmp_path_factory.mktemp("many")
    for number in range(BUCKETS):
        name = f"crawl-2024-{number:03}-with-a-long-name"
        shutil.copytree(packed / "small", output / name, copy_function=os.link)
        path = current(output, name, "tokens") / "_manifest.json"
        held = {**json.loads(path.read_text()), "fingerprint": f"{number:064x}"}
        path.unlink()
        path.write_text(json.dumps(held))
    ran = bfpack("report", "--output", output).succeeds()
    page = tmp_path_factory.mktemp("page") / "report.html"
    page.write_text(ran.out, encoding="utf-8")
    return page


@pytest.fixture(params=["one", "many"])
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return found


def opened(browser: Browser, path: Path, **options: Any) -> tuple[Page, list[str]]:
    """The page, and all addresses that it asked for."""
    page = browser.new_context(**{"viewport": WIDE, **options}).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    assert complaints == []
    return page, asked


def keep(page: Page, path: Path, name: str) -> None:
    """A picture for people to look at."""
    kind = "one" if path.parent.name == "report" else "many"
    page.screenshot(path=ARTEFACTS / f"{kind}-{name}.png", full_page=True)


def test_nothing_but_the_file_is_asked_for(browser: Browser, path: Path) -> None:
    page, asked = opened(browser, path, offline=True)
    assert asked == [path.as_uri()]
    assert page.locator("h1").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "phone"])
def test_all_is_seen_at_every_width_and_in_light_and_dark(
    browser: Browser, path: Path, size: str, scheme: str
) -> None:
    viewport = WIDE if size == "wide" else PHONE
    page, _ = opened(browser, path, viewport=viewport, color_scheme=scheme)
    keep(page, path, f"{size}-{scheme}")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= viewport["width"], "the page itself is not scrolled sideways"
    assert page.locator("section").count() >= 6
    for text in page.locator("svg.plot text").all():
        size_in_pixels = text.evaluate("e => e.getBoundingClientRect().height")
        assert size_in_pixels >= 9, text.text_content()
    assert contrast(page, "body") > 7
    assert contrast(page, ".facts dt") > 4.5


def contrast(page: Page, selector: str) -> float:
    """Between the text of an element and what is behind it, by WCAG's formula."""
    return float(
        page.locator(selector).first.evaluate(
            """element => {
                const channels = colour => colour.match(/[\\d.]+/g).map(Number);
                const behind = node => {
                    const colour = getComputedStyle(node).backgroundColor;
                    return channels(colour)[3] === 0 ? behind(node.parentElement) : colour;
                };
                const light = colour => {
                    const [r, g, b] = channels(colour).map(v => v / 255).map(
                        v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                };
                const pair = [light(getComputedStyle(element).color), light(behind(element))];
                return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
            }"""
        )
    )


def test_figures_are_drawn_and_have_names_for_those_who_hear_them(
    browser: Browser, path: Path
) -> None:
    page, _ = opened(browser, path)
    plots = page.get_by_role("img")
    assert plots.count() >= 3
    for plot in plots.all():
        box = plot.bounding_box()
        assert box is not None
        assert box["width"] > 250
        assert box["height"] > 150
        label = plot.evaluate(
            "e => e.getAttribute('aria-labelledby').split(' ')"
            ".map(id => document.getElementById(id).textContent)"
        )
        assert len(label) == 2
        assert all(label)
        drawn = plot.locator("g[clip-path] path, path[clip-path]").first
        assert drawn.evaluate("e => getComputedStyle(e).fill + getComputedStyle(e).stroke") not in (
            "nonenone",
            "rgb(0, 0, 0)none",
        )


def test_the_numbers_behind_a_figure_are_a_click_away(browser: Browser, one: Path) -> None:
    page, _ = opened(browser, one)
    figure = page.locator("#truncations-512-2048")
    assert not figure.locator("table").is_visible()
    figure.locator("summary").click()
    assert figure.locator("table").is_visible()
    assert figure.locator("tbody tr").count() >= 8


def test_the_report_of_a_version_shows_its_numbers(browser: Browser, one: Path) -> None:
    page, _ = opened(browser, one)
    held = manifest(one.parent.parent)
    account = held["accounting"]
    facts = dict(
        zip(
            page.locator(".facts dt").all_inner_texts(),
            page.locator(".facts dd").all_inner_texts(),
            strict=True,
        )
    )
    for name in ("documents", "tokens", "sequences"):
        assert facts[name] == f"{account[f'num_{name}']:,}"
    assert page.locator("#configuration").get_by_text(held["fingerprint"]).is_visible()
    assert page.locator("#costs tbody tr th").first.inner_text() == "tokenize"


def test_of_200_buckets_each_has_its_row_below_the_heading(browser: Browser, many: Path) -> None:
    page, _ = opened(browser, many)
    table = page.locator("#buckets .scroll").first
    assert table.locator("tbody tr").count() == BUCKETS
    assert table.locator("tfoot th").inner_text() == f"all {BUCKETS}"
    last = table.locator("tbody tr").last
    last.scroll_into_view_if_needed()
    for part in (table.locator("thead th").first, table.locator("tfoot th"), last):
        box, frame = part.bounding_box(), table.bounding_box()
        assert box is not None
        assert frame is not None
        assert frame["y"] - 1 <= box["y"]
        assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1


def test_on_paper_every_row_of_every_table_is_there(browser: Browser, path: Path) -> None:
    page, _ = opened(browser, path, color_scheme="dark")
    page.emulate_media(media="print")
    keep(page, path, "print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for table in page.locator("section > .blocks > .scroll").all():
        assert table.evaluate("e => e.scrollHeight <= e.clientHeight + 1")
    kind = "one" if path.parent.name == "report" else "many"
    page.pdf(path=ARTEFACTS / f"{kind}.pdf", format="A4", print_background=True)
