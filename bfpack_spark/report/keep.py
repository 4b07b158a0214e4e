"""report/ beside a version: written when the version is published, and not part of it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from bfpack_spark.core.accounting import Histogram
from bfpack_spark.costs import StageCost
from bfpack_spark.explore.frames import as_json
from bfpack_spark.report.collect import VersionReport, collect, facts_of_this_run, published_at
from bfpack_spark.report.pages import version_page
from bfpack_spark.report.render import render
from bfpack_spark.storage import files
from bfpack_spark.storage.versions import Version

log = logging.getLogger("bfpack")


def keep_report(
    version: Version,
    count_lengths: Callable[[], Histogram],
    seq_lens: Sequence[int],
    costs: Sequence[StageCost],
) -> None:
    """Write report.json and report.html, if this run assembled the version, which its `costs`
    tell, or they are missing. A version is whole without its report, so what goes wrong with that
    is said and no more."""
    page = f"{version.directory}/report/report.html"
    try:
        run = facts_of_this_run(costs) if any(c.stage == "assemble" for c in costs) else None
        if run is None and files.exists(page):
            return
        place = version.place
        others = {*seq_lens, *published_at(place.output, place.bucket)}
        found = collect(place, version.name, lambda _: count_lengths(), others, run)
        files.write_json(f"{version.directory}/report/report.json", _for_machines(found))
        files.write_bytes(page, render(version_page(found)).encode())
    except Exception as error:  # whatever it is
        said = " ".join(str(error).split())
        log.warning("%s: not written: %s: %s", page, type(error).__name__, said)


def _for_machines(report: VersionReport) -> dict[str, Any]:
    return {
        "run": None if report.run is None else asdict(report.run),
        "statistics": as_json([report.stats]),
    }
