"""What `bfpack stats` prints: tables for a terminal, or the same numbers as JSON, CSV or HTML."""

import sys
from collections.abc import Callable

import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from bfpack_spark.explore.columns import as_json
from bfpack_spark.explore.frames import wide_frame
from bfpack_spark.explore.statistics import CorpusStats
from bfpack_spark.printable import csv_cell, json_text
from bfpack_spark.report import layout
from bfpack_spark.report.contents import stats_page
from bfpack_spark.report.headlines import HOW_TO_CHOOSE, about_lengths, headline
from bfpack_spark.report.render import render
from bfpack_spark.report.tables import detailed_tables_of, tables_of

_MORE = "More tables: --details. For programs: --json, --csv. With pictures: --html."


def print_stats(statistics: list[CorpusStats], form: str | None, *, details: bool = False) -> None:
    """Print on stdout in the form asked for: json, csv, html, or tables if it is None. `details`
    adds all other tables to the first one."""
    if form is not None:
        click.echo(_FORMS[form](statistics), nl=False)
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    for stats in statistics:
        click.echo("\n".join(headline(stats)))
        for table in tables_of(stats):
            _print(console, table)
        if details:
            click.echo("\n".join(about_lengths(stats)))
            for table in detailed_tables_of(stats):
                _print(console, table)
    click.echo("\n".join((*HOW_TO_CHOOSE, *([] if details else [_MORE]))))


_FORMS: dict[str, Callable[[list[CorpusStats]], str]] = {
    "json": lambda statistics: json_text(as_json(statistics), indent=1) + "\n",
    "csv": lambda statistics: str(wide_frame(statistics).map(csv_cell).to_csv(index=False)),
    "html": lambda statistics: render(stats_page(statistics)),
}


def _print(console: Console, table: layout.Table) -> None:
    """Print a table at least as wide as its cells and the words of its headings. A terminal that is
    narrower wraps the lines, and no line is cut short."""
    drawn = Table(title=table.caption, title_justify="left", title_style="bold")
    for name, *cells in zip(table.head, *table.rows, strict=True):
        widest = max(len(str(part)) for part in (*name.split(), *cells))
        drawn.add_column(name, justify="right", min_width=widest)
    for row in table.rows:
        drawn.add_row(*map(str, row))
    least = Measurement.get(console, console.options.update(max_width=1000), drawn).minimum
    console.print(drawn, width=max(console.width, least), crop=False)
