"""What commands print on stdout, as lines and tables or as one JSON document."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from bfpack_spark.cli.each_bucket import Outcome, exit_code, said_of_failures
from bfpack_spark.cli.on_demand import on_demand
from bfpack_spark.printable import json_text, lines, one_line
from bfpack_spark.spark.submitted import under_submit

print_outcomes = on_demand("bfpack_spark.cli.outcomes:print_outcomes")


def say(text: str) -> None:
    """Print a result on stdout, as one or more lines."""
    click.echo(lines(text))


def print_json(value: Any) -> None:
    """Print a result on stdout, as one JSON document."""
    click.echo(json_text(value, indent=1))


def error_rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return a row for each bucket that failed, to stand among the results of the others."""
    failed = [each for each in outcomes if each.error is not None]
    return [{"bucket": each.bucket, "error": each.error, "exit_code": each.code} for each in failed]


def fail(message: str) -> None:
    """Print the one line on stderr that says what is wrong."""
    click.echo(f"bfpack: error: {one_line(' '.join(message.split()))}", err=True)


def silent() -> bool:
    """Return whether nothing but the result may be printed. spark-submit merges stderr into stdout,
    which must be one JSON document."""
    return under_submit() and "--json" in sys.argv


def close(outcomes: list[Outcome]) -> int:
    """Print the closing table of several buckets on stderr, with why some failed in the line after
    it, and return the exit code."""
    if len(outcomes) > 1 and not silent():
        print_outcomes(outcomes)
        failures = said_of_failures(outcomes)
        if failures is not None:
            fail(failures)
    return exit_code(outcomes)
