"""The folder report/ beside a version. It is written when the version is published, and is not part
of it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore.columns import as_json
from bfpack_spark.files import access, write_own_files
from bfpack_spark.files.what_is_there import seq_lens_there
from bfpack_spark.report.collect import (
    collect,
    facts_of_this_run,
    longest,
    read_run,
)
from bfpack_spark.report.contents import version_page
from bfpack_spark.report.render import render
from bfpack_spark.spark.costs import StageCost
from bfpack_spark.versions.publication import Home, Version

log = logging.getLogger("bfpack")


def keep_costs(home: Home, name: str, costs: Sequence[StageCost]) -> None:
    """Write the costs so far of the stages of a version of tokens or sequences beside it, since
    another run may go on from here. A run that found a stage done does not replace its cost."""
    directory = f"{home.directory}/{name}"
    with _said_if_it_fails(directory):
        before = read_run(directory)
        known = before.costs if before else ()
        together = longest([*known, *costs])
        if together != known:
            _write(home, name, {"run": asdict(facts_of_this_run(together))})


def keep_report(
    version: Version,
    count_lengths: Callable[[], Histogram],
    seq_lens: Sequence[int],
    *,
    anew: bool,
) -> None:
    """Write report.json and report.html if they are missing, or always if `anew`. A version is
    complete without them."""
    page = f"{version.directory}/report/report.html"
    with _said_if_it_fails(version.directory):
        if not anew and access.exists(page):
            return
        home = version.home
        others = {*seq_lens, *seq_lens_there(home.output, home.bucket)}
        report = collect(home, version.name, lambda _: count_lengths(), others)
        run = None if report.run is None else asdict(report.run)
        _write(home, version.name, {"run": run, "statistics": as_json([report.stats])})
        rendered = render(version_page(report)).encode()
        write_own_files.write_bytes(home.output, f"{version.inside}/report/report.html", rendered)


def _write(home: Home, name: str, content: dict[str, Any]) -> None:
    write_own_files.write_json(home.output, f"{home.inside}/{name}/report/report.json", content)


@contextmanager
def _said_if_it_fails(directory: str) -> Iterator[None]:
    """Log a warning if the code inside fails, and let the run go on."""
    try:
        yield
    except Exception as error:
        said = " ".join(str(error).split())
        log.warning("%s/report: not written: %s: %s", directory, type(error).__name__, said)
