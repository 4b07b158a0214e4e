"""What commands print on stdout, as lines and tables or as one JSON document."""

import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bfpack_spark import explore
from bfpack_spark.buckets import Outcome, exit_code
from bfpack_spark.explore import CorpusStats, Sequence
from bfpack_spark.session import under_submit
from bfpack_spark.storage.pruning import VersionOnDisk
from bfpack_spark.storage.versions import Version


def error_row(failed: Outcome) -> dict[str, Any]:
    """A bucket that failed, among the results of the others."""
    return {"bucket": failed.bucket, "error": failed.error, "exit_code": failed.code}


def failed(outcomes: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.error is not None]


def fail(message: str) -> None:
    """The one line that says what is wrong."""
    click.echo(f"bfpack: error: {' '.join(message.split())}", err=True)


def silent() -> bool:
    """spark-submit merges our stderr into stdout, which must be one JSON document."""
    return under_submit() and "--json" in sys.argv


def close(outcomes: list[Outcome]) -> int:
    """The closing table of several buckets, on stderr, and the exit code."""
    if len(outcomes) > 1 and not silent():
        print_outcomes(outcomes)
        names = ", ".join(outcome.bucket for outcome in failed(outcomes))
        if names:
            fail(f"{len(failed(outcomes))} of {len(outcomes)} buckets failed: {names}")
    return exit_code(outcomes)


def print_versions_on_disk(found: list[VersionOnDisk], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_on_disk_row(version) for version in found], indent=1))
        return
    for h in found:
        named = f", in {', '.join(h.snapshots)}" if h.snapshots else ""
        size = f"{h.num_files:,} files, {h.num_bytes:,} bytes"
        click.echo(f"{h.place.bucket} {h.kind} {h.name}: {h.state}{named}; {size}")


def print_removals(
    found: list[VersionOnDisk], outcomes: list[Outcome], as_json: bool, done: str
) -> None:
    if as_json:
        rows = [{**_on_disk_row(version), "removed": done == "removed"} for version in found]
        click.echo(json.dumps([*rows, *map(error_row, failed(outcomes))], indent=1))
        return
    for h in found:
        size = f"{h.num_files:,} files, {h.num_bytes:,} bytes"
        click.echo(f"{done} {h.place.bucket} {h.kind} {h.name}: {h.state}; {size}")
    if not found and not failed(outcomes):
        click.echo("nothing to remove")


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
    """A line a bucket, on stderr: done, or why not."""
    table = Table("bucket", "outcome")
    for outcome in outcomes:
        table.add_row(outcome.bucket, Text(outcome.error or "done"))
    longest = max(len(outcome.bucket + (outcome.error or "outcome")) for outcome in outcomes)
    Console(stderr=True, width=max(longest, 20) + 20).print(table, soft_wrap=True)


def print_versions(done: list[Version], failed: list[Outcome], as_json: bool) -> None:
    rows = []
    for version in done:
        manifest = version.manifest()
        assert manifest is not None, "done means complete"
        row = {"bucket": version.place.bucket, "seq_len": version.place.seq_len}
        row |= {"version": version.name, **manifest["totals"]}
        rows.append({**row, "path": f"{version.directory}/shards"})
    if as_json:
        click.echo(json.dumps([*rows, *map(error_row, failed)], indent=1))
    else:
        for row in rows:
            click.echo(
                f"{row['bucket']} {row['seq_len']}: {row['sequences']:,} sequences, "
                f"{row['tokens']:,} tokens, {row['shards']} shards in {row['path']}"
            )


def print_stats(found: list[CorpusStats], form: str | None) -> None:
    """A table a bucket, or `form`: json, csv."""
    if form == "json":
        click.echo(json.dumps(explore.as_json(found), indent=1))
    elif form == "csv":
        click.echo(explore.summary_frame(found).to_csv(index=False), nl=False)
    else:
        for stats in found:
            _print_corpus(stats)


def _print_corpus(stats: CorpusStats) -> None:
    click.echo(f"{stats.num_documents:,} documents, {stats.num_tokens:,} tokens")
    table = Table()
    for heading in (
        *("seq_len", "sequences", "lower bound", "overhead", "padding"),
        *("cut, best fit", "cut, concatenation"),
    ):
        table.add_column(heading, justify="right")
    for at in stats.at:
        made = at.plan.accounting
        table.add_row(
            f"{at.seq_len:,}",
            f"{made.num_sequences:,}",
            f"{made.lower_bound:,}",
            f"{made.overhead:.4%}",
            f"{at.plan.padding_share:.4%}",
            _share(at.plan.num_documents_cut, stats.num_documents),
            _share(at.concat.num_documents_cut, stats.num_documents),
        )
    Console(width=110 if not sys.stdout.isatty() else None).print(table)


def _share(count: float, whole: int) -> str:
    return f"{count:,.0f} ({count / max(whole, 1):.1%})"


def print_sequence(found: Sequence, width: int = 160) -> None:
    num_documents = sum(segment.doc_id is not None for segment in found.segments)
    click.echo(
        f"{found.bucket}, seq_len {found.seq_len}, sequence {found.sequence_id} in {found.shard}: "
        f"{found.num_tokens} tokens of {num_documents} documents, "
        f"{found.num_padding} padding"
    )
    for segment in found.segments:
        span = f"[{segment.offset}:{segment.offset + segment.length}]"
        if segment.doc_id is None or segment.doc_start is None:
            click.echo(f"{span} padding")
            continue
        whole = segment.length == segment.doc_length
        end = segment.doc_start + segment.length
        part = "whole" if whole else f"tokens {segment.doc_start}:{end} of {segment.doc_length}"
        click.echo(f"{span} {segment.doc_id} ({part})")
        click.echo("    " + _shortened(segment.text, width))


def _shortened(text: str, width: int) -> str:
    shown = json.dumps(text, ensure_ascii=False)[1:-1]
    half = width // 2
    return shown if len(shown) <= width else f"{shown[:half]} ... {shown[-half:]}"
