"""`bfpack report`: the report of what is published, of one bucket or of all, or of a mixture."""

from collections.abc import Callable, Sequence
from functools import cache

import click
import cloup

from bfpack_spark.cli.given import refuse_unused
from bfpack_spark.cli.one_place import published_homes
from bfpack_spark.cli.options import command, settings_options
from bfpack_spark.config import Settings
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore.lengths import read_histogram
from bfpack_spark.files.what_is_there import seq_lens_there
from bfpack_spark.report.collect import VersionReport, collect
from bfpack_spark.report.contents import output_page, version_page
from bfpack_spark.report.mixture import mixture_page
from bfpack_spark.report.render import render
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.versions import publication
from bfpack_spark.versions.metadata import check_name
from bfpack_spark.versions.mixtures import read_mixture
from bfpack_spark.versions.on_disk import buckets_in
from bfpack_spark.versions.publication import Home


@command("bfpack report --output out > report.html")
@settings_options("output", "bucket", "seq_len", required=("output",))
@cloup.option("--mixture", help="Prints the page of this mixture instead.")
def report(settings: Settings, mixture: str | None) -> None:
    """Print one HTML page of what is published, of all buckets and seq_lens or of those that are
    named, or of a mixture."""
    if mixture is not None:
        refuse_unused(("bucket", "seq_len"), "a mixture has its own; leave it out")
        check_name("mixture", mixture)
        held = read_mixture(settings.need("output"), mixture)
        click.echo(render(mixture_page(settings.need("output"), held)), nl=False)
        return
    homes = published_homes(settings, settings.bucket or buckets_in(settings.need("output")))
    homes.sort(key=lambda home: (home.seq_len or 0, home.bucket))
    read = cache(read_histogram)  # a token store serves every seq_len
    if len(homes) == 1:
        others = seq_lens_there(homes[0].output, homes[0].bucket)
        page = version_page(_report(homes[0], read, others))
    else:
        lengths = [home.seq_len or 0 for home in homes]
        page = output_page([_report(home, read, edges=lengths) for home in homes])
    click.echo(render(page), nl=False)


def _report(
    home: Home,
    read: Callable[[str, str, str], Histogram],
    others: Sequence[int] = (),
    edges: Sequence[int] = (),
) -> VersionReport:
    name = publication.current(home)[0].rpartition("/")[2]

    def histogram(store: TokenStore) -> Histogram:
        return read(home.output, home.bucket, store.name)

    return collect(home, name, histogram, others, edges)
