"""What commands print on stdout, as lines and tables or as one JSON document."""

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bfpack_spark.cli.each_bucket import Outcome, exit_code
from bfpack_spark.printable import json_text, lines, one_line
from bfpack_spark.spark.session import under_submit
from bfpack_spark.versions.pruning import LeftOver, VersionOnDisk
from bfpack_spark.versions.publication import Place


def say(text: str) -> None:
    """Print a result on stdout, as one or more lines."""
    click.echo(lines(text))


def print_json(value: Any) -> None:
    """Print a result on stdout, as one JSON document."""
    click.echo(json_text(value, indent=1))


def error_row(failed: Outcome) -> dict[str, Any]:
    """Return the row of a bucket that failed, to stand among the results of the others."""
    return {"bucket": failed.bucket, "error": failed.error, "exit_code": failed.code}


def failed(outcomes: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.error is not None]


def fail(message: str) -> None:
    """Print the one line on stderr that says what is wrong."""
    click.echo(f"bfpack: error: {one_line(' '.join(message.split()))}", err=True)


def silent() -> bool:
    """Return whether nothing but the result may be printed. spark-submit merges stderr into stdout,
    which must be one JSON document."""
    return under_submit() and "--json" in sys.argv


def close(outcomes: list[Outcome]) -> int:
    """Print the closing table of several buckets on stderr, and return the exit code."""
    if len(outcomes) > 1 and not silent():
        print_outcomes(outcomes)
        names = ", ".join(outcome.bucket for outcome in failed(outcomes))
        if names:
            fail(f"{len(failed(outcomes))} of {len(outcomes)} buckets failed: {names}")
    return exit_code(outcomes)


def print_versions_on_disk(
    versions: list[VersionOnDisk], damages: dict[Place, list[str]], as_json: bool
) -> None:
    """Print the versions on disk. `damages` says what is wrong with the pointers and manifests of
    places."""
    if as_json:
        wrong = [
            {"bucket": place.bucket, "seq_len": place.seq_len, "state": "damaged", "problem": said}
            for place, problems in damages.items()
            for said in problems
        ]
        print_json([*map(_on_disk_row, versions), *wrong])
        return
    for h in versions:
        named = f", in {', '.join(h.snapshots)}" if h.snapshots else ""
        size = f"{h.num_files:,} files, {h.num_bytes:,} bytes"
        say(f"{h.place.bucket} {h.kind} {h.name}: {h.state}{named}; {size}")
    for place, problems in damages.items():
        for said in problems:
            say(f"{place.bucket} {place.directory.rpartition('/')[2]}: damaged: {said}")


def print_removals(
    removables: list[VersionOnDisk | LeftOver], outcomes: list[Outcome], as_json: bool, done: str
) -> None:
    if as_json:
        rows = [
            {**_removal_row(removable), "removed": done == "removed"} for removable in removables
        ]
        print_json([*rows, *map(error_row, failed(outcomes))])
        return
    for h in removables:
        if isinstance(h, LeftOver):
            say(f"{done} {h.path}: {h.num_bytes:,} bytes; left by a run that was killed")
            continue
        size = f"{h.num_files:,} files, {h.num_bytes:,} bytes"
        say(f"{done} {h.place.bucket} {h.kind} {h.name}: {h.state}; {size}; {h.why_not_kept}")
    if removables:
        say(f"{done} {sum(h.num_bytes for h in removables):,} bytes in all")
    elif not failed(outcomes):
        say("nothing to remove")


def _removal_row(removable: VersionOnDisk | LeftOver) -> dict[str, Any]:
    if isinstance(removable, LeftOver):
        return {
            "bucket": removable.bucket,
            "path": removable.path,
            "bytes": removable.num_bytes,
            "why": "left by a run that was killed",
        }
    return {**_on_disk_row(removable), "why": removable.why_not_kept}


def _on_disk_row(version: VersionOnDisk) -> dict[str, Any]:
    return {
        "bucket": version.place.bucket,
        "kind": "tokens" if version.place.seq_len is None else "sequences",
        "seq_len": version.place.seq_len,
        "version": version.name,
        "state": version.state,
        "snapshots": version.snapshots,
        "kept": version.kept,
        "files": version.num_files,
        "bytes": version.num_bytes,
    }


def print_outcomes(outcomes: list[Outcome]) -> None:
    """Print a line for each bucket on stderr: done, or why not."""
    table = Table("bucket", "outcome")
    for outcome in outcomes:
        table.add_row(*(Text(one_line(cell)) for cell in (outcome.bucket, outcome.error or "done")))
    longest = max(len(one_line(o.bucket + (o.error or "outcome"))) for o in outcomes)
    Console(stderr=True, width=max(longest, 20) + 20).print(table, soft_wrap=True)
