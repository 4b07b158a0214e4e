"""The command line: a field of Settings is an option, a mistake is one line, results go to
stdout."""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import click
from pyspark.sql import SparkSession

from bfpack_spark import explore, pipeline
from bfpack_spark.buckets.find_slices import FindSlice, find_slices
from bfpack_spark.buckets.inputs import Input
from bfpack_spark.buckets.slices import PLACEHOLDER, paths_of_buckets
from bfpack_spark.cli import housekeeping, reporting
from bfpack_spark.cli.draw import print_sequence
from bfpack_spark.cli.each_bucket import Outcome, run_each
from bfpack_spark.cli.explain import explain
from bfpack_spark.cli.options import settings_options
from bfpack_spark.cli.printing import (
    close,
    error_row,
    fail,
    failed,
    print_json,
    print_versions,
    say,
    silent,
)
from bfpack_spark.cli.stats import print_stats
from bfpack_spark.config import Settings
from bfpack_spark.core.accounting import Histogram
from bfpack_spark.delta.publish import check_delta
from bfpack_spark.errors import InputError
from bfpack_spark.files.addresses import as_written
from bfpack_spark.logs import handler_for
from bfpack_spark.spark.progress import Work, watched
from bfpack_spark.spark.session import get_session, under_submit
from bfpack_spark.verifying.findings import Report
from bfpack_spark.verifying.verify_bucket import verify_bucket
from bfpack_spark.versions import versions
from bfpack_spark.versions.versions import Place

_RULES = ("packing", "long_documents", "group_documents_max", "seed")
_PLACE = ("output", "bucket", "seq_len", "spark")
_STORE = ("output", "bucket", "spark")
_TEXT = (
    *(
        "input",
        "bucket_column",
        "tokenizer",
        "input_format",
        "input_version",
        "text_column",
        "id_column",
        "tokens_column",
    ),
    *("eos_token", "bos_token", "control_tokens", "max_document_bytes", "max_quarantined"),
    *("engine", "audit_share"),
)
_DELTA = ("publish_delta", "publish_plan")
_SHARDS = (*_RULES, "pad_token", "num_shards", "rows_per_shard")


@click.group(help="Pack whole documents into training sequences, exactly, on Spark.")
@click.version_option(package_name="bfpack-spark")
def bfpack() -> None:
    logging.basicConfig(handlers=[handler_for(sys.stderr)], level=logging.WARNING)
    logging.getLogger("bfpack").setLevel(logging.WARNING if silent() else logging.INFO)


for _command in (
    *(housekeeping.versions, housekeeping.snapshot, housekeeping.prune),
    reporting.report,
):
    bfpack.add_command(_command)


@bfpack.command()
@settings_options(*_PLACE, *_TEXT, *_SHARDS, *_DELTA)
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def pack(settings: Settings, as_json: bool) -> int:
    """Tokenize, plan and assemble; publish sequences of every --seq-len."""
    settings.need("seq_len")
    outcomes = _run_each_slice(pipeline.pack, settings)
    print_versions([v for o in outcomes for v in o.made or []], failed(outcomes), as_json)
    return close(outcomes)


@bfpack.command()
@settings_options(*_STORE, *_TEXT)
def tokenize(settings: Settings) -> int:
    """Make the token store: text is tokenized once, packed many times."""
    outcomes = _run_each_slice(pipeline.tokenize, settings)
    for outcome in outcomes:
        if outcome.made:
            say(outcome.made.directory)
    return close(outcomes)


@bfpack.command()
@settings_options(*_PLACE, *_SHARDS)
def plan(settings: Settings) -> int:
    """Plan the sequences of an existing token store; no token is read."""
    outcomes = _run_each(pipeline.plan_bucket, settings)
    for version in [v for o in outcomes for v in o.made or []]:
        say(f"{version.directory}/plan")
    return close(outcomes)


@bfpack.command()
@settings_options(*_PLACE, *_SHARDS, *_DELTA)
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def assemble(settings: Settings, as_json: bool) -> int:
    """Move the tokens of a complete plan to their shards and publish them."""
    outcomes = _run_each(pipeline.assemble_bucket, settings)
    print_versions([v for o in outcomes for v in o.made or []], failed(outcomes), as_json)
    return close(outcomes)


def _run_each_slice(
    act: Callable[[SparkSession, Settings, str, FindSlice], Any], settings: Settings
) -> list[Outcome]:
    """One bucket of the input after another."""
    settings.need("output")
    spark = _session(settings)
    found = find_slices(spark, settings)
    return run_each(
        (name, partial(act, spark, settings, name, find)) for name, find in found.items()
    )


def _run_each(
    act: Callable[[SparkSession, Settings, str], Any], settings: Settings
) -> list[Outcome]:
    settings.need("seq_len")
    settings.need("output")
    names = settings.need("bucket")
    spark = _session(settings)
    return run_each((name, partial(act, spark, settings, name)) for name in names)


def _session(settings: Settings) -> SparkSession:
    spark = get_session(settings.spark)
    check_delta(spark, settings)
    return spark


@bfpack.command()
@settings_options(*_PLACE, "input", "input_version", "engine")
@click.option("--version", help="16 hex digits; default: the current one")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def verify(settings: Settings, version: str | None, as_json: bool) -> int:
    """Check every invariant by reading what is on disk; with --input, the text too."""
    outcomes = _run_each(partial(_verify, version), settings)
    reports = [report for outcome in outcomes for report in outcome.made or []]
    if as_json:
        errors = [error_row(outcome) for outcome in failed(outcomes)]
        print_json([*map(asdict, reports), *errors])
    else:
        for report in reports:
            say(report.text())
    holds = all(report.holds for report in reports)
    return close(outcomes) if len(outcomes) > 1 and holds else int(not holds)


def _verify(
    version: str | None, spark: SparkSession, settings: Settings, bucket: str
) -> list[Report]:
    reports = []
    for seq_len in settings.need("seq_len"):
        place = Place(output=settings.need("output"), bucket=bucket, seq_len=seq_len)
        totals = versions.current(place, version)[1]["totals"]
        work = Work(
            bucket=bucket, stage=f"verify {seq_len}", amount=totals["tokens"], unit="tokens"
        )
        with watched(spark, work):
            report = verify_bucket(
                spark,
                place,
                version=version,
                text_input=_text_of(settings, bucket),
                engine="fastokens" if settings.engine == "fastokens" else "tokenizers",
            )
        reports.append(report)
    return reports


def _text_of(settings: Settings, bucket: str) -> Input | None:
    if not settings.input:
        return None
    patterns = settings.input
    if any(PLACEHOLDER in pattern for pattern in patterns):
        patterns = paths_of_buckets(patterns, (bucket,))[bucket]
    return Input(patterns=patterns, version=settings.input_version)


@bfpack.command()
@settings_options(*_PLACE, *_TEXT, *_RULES)
@click.option("--sample", type=int, help="of --input, with --tokenizer: about so many documents")
@click.option("--json", "form", flag_value="json", help="print one JSON document")
@click.option("--csv", "form", flag_value="csv", help="print a row a bucket and seq_len")
@click.option("--html", "form", flag_value="html", help="print one page that opens offline")
def stats(settings: Settings, sample: int | None, form: str | None) -> None:
    """What packing comes to at any --seq-len, against concatenation; from lengths alone, of an
    --output or of a sample of --input."""
    seq_lens, rules = settings.need("seq_len"), explore.rules_of(settings)
    if sample is not None:
        print_stats(
            explore.sample_stats(explore.sample_input(settings, sample), seq_lens, rules), form
        )
        return
    if settings.input:
        named = ", ".join(settings.input)
        raise InputError(f"--input {named}: say how many documents to draw, --sample N")
    read = _histogram_by_spark(settings) if under_submit() else explore.read_histogram
    output = settings.need("output")
    print_stats(explore.output_stats(output, settings.bucket, seq_lens, rules, read), form)


def _histogram_by_spark(settings: Settings) -> Callable[[str, str], Histogram]:
    """Where a cluster waits, it counts."""
    spark = get_session(settings.spark)
    return lambda output, bucket: explore.length_histogram(
        spark, explore.open_token_store(output, bucket)
    )


@bfpack.command()
@settings_options("output", "bucket", "seq_len")
@click.option("--sequence", type=int, required=True, help="sequence_id, from 0")
@click.option("--version", help="16 hex digits; default: the current one")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def show(settings: Settings, sequence: int, version: str | None, as_json: bool) -> None:
    """One sequence, readable, with the boundaries of its documents."""
    bucket, seq_len = (_just_one(settings, name) for name in ("bucket", "seq_len"))
    where = (settings.need("output"), bucket, seq_len, sequence, version)
    found = explore.read_sequence(*where)
    if as_json:
        print_json(asdict(found))
    else:
        print_sequence(found)


@bfpack.command()
@settings_options("output", "bucket", "seq_len")
@click.option("--version", help="16 hex digits; default: the current one")
@click.option("--plan", "part", flag_value="plan", help="the plan beside the shards")
@click.option("--tokens", "part", flag_value="documents", help="the token store (no --seq-len)")
def path(settings: Settings, version: str | None, part: str | None) -> None:
    """The directory of the current shards, to hand to a reader."""
    seq_len = None if part == "documents" else _just_one(settings, "seq_len")
    bucket = _just_one(settings, "bucket")
    place = Place(output=settings.need("output"), bucket=bucket, seq_len=seq_len)
    say(as_written(f"{versions.current(place, version)[0]}/{part or 'shards'}"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 violations, 2 a user's mistake, 3 a bucket is held by
    another run, 4 some buckets failed, 5 the job failed."""
    try:
        code = bfpack.main(args=arguments, prog_name="bfpack", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        code = 2
    except click.ClickException as error:
        fail(error.format_message())
        code = 2
    except click.Abort:
        fail("interrupted; run it again to go on")
        code = 130
    except Exception as error:
        said, code = explain(error)
        if said is not None:
            fail(said)
    sys.exit(code or 0)


def _just_one(settings: Settings, name: str) -> Any:
    values = settings.need(name)
    if len(values) > 1:
        raise InputError(f"--{name.replace('_', '-')}: give one, not {len(values)}")
    return values[0]
