"""The command line: a field of Settings is an option, a mistake is one line, results go to
stdout."""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import click
import cloup
from pyspark.sql import SparkSession

from bfpack_spark import explore, pipeline
from bfpack_spark.buckets.find_slices import FindSlice, find_slices
from bfpack_spark.buckets.inputs import Input
from bfpack_spark.buckets.slices import PLACEHOLDER, paths_of_buckets
from bfpack_spark.cli import housekeeping, reporting
from bfpack_spark.cli.draw import print_sequence
from bfpack_spark.cli.each_bucket import Outcome, run_each
from bfpack_spark.cli.explain import explain
from bfpack_spark.cli.options import command, json_option, settings_options, version_option
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
from bfpack_spark.core.histogram import Histogram
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


@cloup.group(
    help="Pack whole documents into training sequences, exactly, on Spark.",
    epilog="""\b
Example:
  bfpack pack --input corpus --tokenizer tokenizer --output out --bucket web --seq-len 2048
  bfpack verify --output out --bucket web --seq-len 2048""",
)
@click.version_option(package_name="bfpack-spark")
def bfpack() -> None:
    logging.basicConfig(handlers=[handler_for(sys.stderr)], level=logging.WARNING)
    logging.getLogger("bfpack").setLevel(logging.WARNING if silent() else logging.INFO)


@command(
    "bfpack pack --input corpus --tokenizer tokenizer --output out --bucket web --seq-len 2048"
)
@settings_options(
    *_PLACE,
    *_TEXT,
    *_SHARDS,
    *_DELTA,
    required=("input", "tokenizer", "output", "seq_len"),
)
@json_option
def pack(settings: Settings, as_json: bool) -> int:
    """Tokenize the input, plan the sequences of every --seq-len, write them and publish them. What
    an earlier run has made is taken and not made again."""
    settings.need("seq_len")
    outcomes = _run_each_slice(pipeline.pack, settings)
    print_versions([v for o in outcomes for v in o.made or []], failed(outcomes), as_json)
    return close(outcomes)


@command("bfpack tokenize --input corpus --tokenizer tokenizer --output out --bucket web")
@settings_options(*_STORE, *_TEXT, required=("input", "tokenizer", "output"))
def tokenize(settings: Settings) -> int:
    """Tokenize the input and keep its tokens, for all the seq_lens that it will be packed at. Print
    the directory of the token store."""
    outcomes = _run_each_slice(pipeline.tokenize, settings)
    for outcome in outcomes:
        if outcome.made:
            say(outcome.made.directory)
    return close(outcomes)


@command("bfpack plan --output out --bucket web --seq-len 2048")
@settings_options(*_PLACE, *_SHARDS, required=("output", "bucket", "seq_len"))
def plan(settings: Settings) -> int:
    """Plan the sequences of a token store that is there, from the lengths of its documents. Print
    the directory of the plan."""
    outcomes = _run_each(pipeline.plan_bucket, settings)
    for version in [v for o in outcomes for v in o.made or []]:
        say(f"{version.directory}/plan")
    return close(outcomes)


@command("bfpack assemble --output out --bucket web --seq-len 2048")
@settings_options(*_PLACE, *_SHARDS, *_DELTA, required=("output", "bucket", "seq_len"))
@json_option
def assemble(settings: Settings, as_json: bool) -> int:
    """Move the tokens of a plan that is there to their shards, and publish these."""
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


@command("bfpack verify --output out --bucket web --seq-len 2048 --input corpus")
@settings_options(
    *_PLACE, "input", "input_version", "engine", required=("output", "bucket", "seq_len")
)
@version_option
@json_option
def verify(settings: Settings, version: str | None, as_json: bool) -> int:
    """Check every promise by reading what is on disk. With --input, tokenize the text again and
    compare its tokens."""
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


@command(
    "bfpack stats --output out --seq-len 2048 --seq-len 8192\n"
    "  bfpack stats --input corpus --tokenizer tokenizer --sample 300 --seq-len 2048"
)
@settings_options(*_PLACE, *_TEXT, *_RULES, required=("seq_len",))
@cloup.option(
    "--sample",
    type=int,
    help="Estimates from about so many documents of --input, tokenized with --tokenizer.",
)
@cloup.option("--json", "form", flag_value="json", help="Prints one JSON document.")
@cloup.option("--csv", "form", flag_value="csv", help="Prints a row for each bucket and seq_len.")
@cloup.option("--html", "form", flag_value="html", help="Prints one page that opens offline.")
def stats(settings: Settings, sample: int | None, form: str | None) -> None:
    """Tell what packing comes to at every --seq-len, beside concatenation, from the lengths of the
    documents: those of an --output, or of a sample of an --input."""
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


@command("bfpack show --output out --bucket web --seq-len 2048 --sequence 3")
@settings_options("output", "bucket", "seq_len", required=("output", "bucket", "seq_len"))
@cloup.option(
    "--sequence", type=int, required=True, help="Names the sequence, by its sequence_id from 0."
)
@version_option
@json_option
def show(settings: Settings, sequence: int, version: str | None, as_json: bool) -> None:
    """Print one sequence as text, with the boundaries of its documents."""
    bucket, seq_len = (_just_one(settings, name) for name in ("bucket", "seq_len"))
    where = (settings.need("output"), bucket, seq_len, sequence, version)
    found = explore.read_sequence(*where)
    if as_json:
        print_json(asdict(found))
    else:
        print_sequence(found)


@command("bfpack path --output out --bucket web --seq-len 2048")
@settings_options("output", "bucket", "seq_len", required=("output", "bucket"))
@version_option
@cloup.option("--plan", "part", flag_value="plan", help="Prints the directory of the plan.")
@cloup.option(
    "--tokens",
    "part",
    flag_value="documents",
    help="Prints the directory of the token store, which has no --seq-len.",
)
def path(settings: Settings, version: str | None, part: str | None) -> None:
    """Print the directory of the current shards, to hand it to a reader."""
    seq_len = None if part == "documents" else _just_one(settings, "seq_len")
    bucket = _just_one(settings, "bucket")
    place = Place(output=settings.need("output"), bucket=bucket, seq_len=seq_len)
    say(as_written(f"{versions.current(place, version)[0]}/{part or 'shards'}"))


bfpack.section("Pack", pack, tokenize, plan, assemble)
bfpack.section("Look", verify, stats, show, path, reporting.report)
bfpack.section("Keep house", housekeeping.versions, housekeeping.snapshot, housekeeping.prune)


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
