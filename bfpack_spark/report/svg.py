"""A matplotlib figure as SVG within a page: text is text, colours are those of the style sheet, and
the same figure has the same bytes each time."""

import importlib
import io
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from bfpack_spark.explore import drawing
from bfpack_spark.report.layout import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Units are those of the view box, which is as wide as a phone, so that text is read there at its
# own size.
_WIDTH, _LEFT, _RIGHT, _BELOW = 380, 52, 14, 40
_PANEL, _BETWEEN, _LINE = 122, 30, 14
_GRID, _QUIET = "#D9DEE4", "#5B6470"
# Colours of figures, and the variables of report.css that take their place.
_VARIABLES = {
    drawing.BLACK: "ink",
    drawing.BLUE: "blue",
    drawing.VERMILION: "orange",
    drawing.DOCUMENTS: "grey",
    _QUIET: "quiet",
    _GRID: "rule",
}
_STYLE: Any = {
    "figure.figsize": (_WIDTH / 72, _WIDTH / 72),
    "font.family": "sans-serif",
    "font.sans-serif": "DejaVu Sans",
    "font.size": 11.5,
    **dict.fromkeys(("axes.titlesize", "xtick.labelsize", "ytick.labelsize"), 11.5),
    "legend.fontsize": 11.5,
    **dict.fromkeys(("legend.borderpad", "legend.borderaxespad", "legend.labelspacing"), 0.1),
    "text.parse_math": False,
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), _QUIET),
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "ytick.major.size": 0,
}


@contextmanager
def pictures_ahead() -> Iterator[None]:
    """Import matplotlib during what is done inside, which takes 0.4 s of CPU."""
    importing = threading.Thread(target=_import_all, name="import matplotlib", daemon=True)
    importing.start()
    yield  # an error inside is not kept waiting
    importing.join()


def _import_all() -> None:
    with suppress(Exception):  # the picture that needs one tells what is wrong
        for name in ("figure", "ticker", "backends.backend_svg"):
            importlib.import_module(f"matplotlib.{name}")


def picture(name: str, draw: Callable[[], "Figure"]) -> Picture:
    """Return the picture of a figure whose panels stand above each other. Its name is unique on its
    page. The settings of matplotlib are put back."""
    import matplotlib as mpl  # noqa: PLC0415  (see drawing.py)

    target = io.StringIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | {"svg.hashsalt": name})
        figure = draw()
        height = _lay_out(figure)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(target, format="svg", metadata=nothing)
    content = Markup(_content(target.getvalue()))
    return Picture(width=_WIDTH, height=height, content=content)


def _lay_out(figure: "Figure") -> int:
    """Give every panel the same size, leave room for what is above the first, and return the
    height. To look for the least room, as constrained layout does, costs as much as to draw."""
    panels = len(figure.axes)
    above = 2 * _LINE + max(
        (int(label.get_position()[1]) for label in figure.axes[0].texts), default=0
    )
    entries = sum(len(legend.get_texts()) for legend in figure.legends)
    below = _BELOW + _LINE * math.ceil(entries / drawing.LEGEND_COLUMNS) + 6 * bool(entries)
    height = above + panels * (_PANEL + _BETWEEN) - _BETWEEN + below
    figure.set_layout_engine(None)
    figure.set_size_inches(_WIDTH / 72, height / 72)
    figure.subplots_adjust(
        left=_LEFT / _WIDTH,
        right=1 - _RIGHT / _WIDTH,
        bottom=below / height,
        top=1 - above / height,
        hspace=_BETWEEN / _PANEL,
    )
    return height


def _content(svg: str) -> str:
    """Return what is in an SVG, without what is of no use in a page: the style of everything, the
    names of groups, fonts other than the page's, and digits that nobody sees."""
    svg = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[A-Za-z0-9.]+_\d+"| transform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r"(\.\d\d)\d+(?=[^<>]*>)", r"\1", svg)  # a hundredth of a pixel is enough
    svg = re.sub(r"font-size: [^;]*; font-family: [^;\"]*;? ?", "", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour.lower(), f"var(--{variable})")
    return re.sub(r"\n\s*", "\n", svg)
