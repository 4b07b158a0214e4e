"""The table of what became of several buckets."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bfpack_spark.cli.each_bucket import Outcome
from bfpack_spark.printable import one_line


def print_outcomes(outcomes: list[Outcome]) -> None:
    """Print a line for each bucket on stderr: done or failed. Why is said elsewhere, since many
    buckets may fail for one reason."""
    table = Table("bucket", "outcome")
    for outcome in outcomes:
        said = "done" if outcome.error is None else "failed"
        table.add_row(*(Text(one_line(cell)) for cell in (outcome.bucket, said)))
    longest = max(len(one_line(outcome.bucket)) for outcome in outcomes)
    Console(stderr=True, width=max(longest, 20) + 20).print(table, soft_wrap=True)
