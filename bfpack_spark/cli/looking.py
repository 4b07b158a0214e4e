"""The commands that look at the whole of a packing: verify and stats."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import click
import cloup
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.buckets.inputs import Input
from bfpack_spark.buckets.slices import PLACEHOLDER, paths_of_buckets
from bfpack_spark.cli.each_bucket import results_of
from bfpack_spark.cli.given import is_given, only_one, refuse_unused
from bfpack_spark.cli.one_place import need_published, published_seq_lens, seq_lens_of
from bfpack_spark.cli.options import (
    PLACE,
    RULES,
    TEXT,
    command,
    json_option,
    settings_options,
    version_option,
)
from bfpack_spark.cli.printing import close, error_rows, print_json, say
from bfpack_spark.cli.running import run_each_named
from bfpack_spark.cli.stats import print_stats
from bfpack_spark.config import Settings
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.errors import InputError
from bfpack_spark.explore.lengths import length_histogram, read_histogram
from bfpack_spark.explore.sample import sample_input
from bfpack_spark.explore.several import output_stats, sample_stats
from bfpack_spark.explore.statistics import rules_of
from bfpack_spark.logs import log
from bfpack_spark.printable import one_line
from bfpack_spark.spark.progress import Work, described, watched
from bfpack_spark.spark.session import get_session
from bfpack_spark.spark.submitted import under_submit
from bfpack_spark.tokenizing.mentions import REFERENCE_KINDS, ReferenceKind
from bfpack_spark.tokens.token_store import open_token_store
from bfpack_spark.verifying.findings import Report
from bfpack_spark.verifying.verify_bucket import verify_bucket
from bfpack_spark.versions import publication
from bfpack_spark.versions.on_disk import buckets_in
from bfpack_spark.versions.publication import Home

_SAMPLED = tuple(name for name in TEXT if name not in ("max_quarantined", "audit_share"))
_OR = "; or estimate from a text, by --input, --tokenizer and --sample N"


@command("bfpack verify --output out --bucket web --seq-len 2048 --input corpus")
@settings_options(*PLACE, "input", "input_version", "engine", required=("output",))
@version_option
@json_option
def verify(settings: Settings, version: str | None, as_json: bool) -> int:
    """Check every promise by reading what is on disk, of every bucket and seq_len or of those that
    are named. With --input, tokenize the text again and compare its tokens. Documents of more than
    1 MiB are compared only if --engine names another engine than tokenizers."""
    need_published(settings)
    if not settings.input:
        refuse_unused(
            ("input_version", "engine"), "no text is read without --input; give it, or leave it out"
        )
    else:
        log.info(
            "the text of --input is tokenized anew and compared, since it is given; without it, "
            "the output alone is checked"
        )
    if not is_given("input_version"):  # that of the file is what is to be packed
        settings = settings.model_copy(update={"input_version": None})
    outcomes = run_each_named(partial(verify_each, version, None), settings)
    reports = results_of(outcomes)
    if as_json:
        print_json([*map(_report_json, reports), *error_rows(outcomes)])
    else:
        for report in reports:
            say(report.text())
    failures = close(outcomes)  # said also where another bucket has violations
    return failures if all(report.holds for report in reports) else 1


def _report_json(report: Report) -> dict[str, Any]:
    targets = None if report.targets is None else report.targets.as_json()
    return {**asdict(report), "targets": targets}


def verify_each(
    version: str | None,
    frame: DataFrame | None,
    spark: SparkSession,
    settings: Settings,
    bucket: str,
) -> list[Report]:
    """Return a report for each seq_len of a bucket, of the current version or the one named. With
    --input, or a frame in its place, the text is compared too."""
    reports = []
    homes = [
        Home(output=settings.need("output"), bucket=bucket, seq_len=seq_len)
        for seq_len in seq_lens_of(settings, bucket)
    ]
    amounts = [publication.current(home, version)[1].totals.tokens for home in homes]
    for home, amount in zip(homes, amounts, strict=True):
        work = Work(bucket=bucket, stage="verify", seq_len=home.seq_len, amount=amount)
        with watched(spark, work):
            report = verify_bucket(
                spark,
                home,
                version=version,
                text_input=_text_of(settings, bucket, frame),
                engine="tokenizers" if settings.engine == "auto" else settings.engine,
            )
        reports.append(report)
    return reports


def _text_of(settings: Settings, bucket: str, frame: DataFrame | None) -> Input | None:
    if frame is not None:
        return Input(frame=frame)
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
@settings_options(*PLACE, *_SAMPLED, *RULES)
@cloup.option(
    "--sample",
    type=int,
    metavar="N",
    help="Estimates from about N documents of --input, tokenized with --tokenizer.",
)
@cloup.option(
    "--references",
    type=click.Choice(REFERENCE_KINDS),
    help="Counts, in a --sample, the mentions that lie in another row than what they refer to: "
    "names of Python by their bindings, identifiers and capitalised words, or headings.",
)
@cloup.option(
    "--data-parallel",
    "num_ranks",
    type=int,
    help="Tells how evenly attention falls on this many ranks, which take a row each in a step.",
)
@cloup.option("--details", is_flag=True, help="Prints all tables, and not only the first.")
@cloup.option("--json", is_flag=True, help="Prints one JSON document.")
@cloup.option("--csv", is_flag=True, help="Prints a row for each bucket and seq_len.")
@cloup.option("--html", is_flag=True, help="Prints one page that opens offline.")
def stats(
    settings: Settings,
    sample: int | None,
    references: ReferenceKind | None,
    num_ranks: int | None,
    details: bool,
    **forms: bool,
) -> None:
    """Tell what packing comes to at every --seq-len, beside concatenation, from the lengths of the
    documents: those of an --output, or of a sample of an --input. Without --seq-len, an --output
    has those that are published."""
    form, rules = only_one(forms), rules_of(settings)
    if num_ranks is not None and num_ranks < 1:
        raise InputError(f"--data-parallel {num_ranks}: must be 1 or more")
    if form is not None:
        refuse_unused(["details"], f"--{form} has all numbers; leave it out")
    if sample is not None:
        refuse_unused(["output"], "--sample draws from the text of --input alone; leave it out")
        seq_lens = settings.need("seq_len")
        samples = sample_input(settings, sample, references)
        has_masks = settings.has_masks
        statistics = sample_stats(samples, seq_lens, rules, num_ranks, has_masks=has_masks)
        print_stats(statistics, form, details=details)
        return
    if references is not None:
        raise InputError(f"--references {references}: give a text to look through, by --sample N")
    buckets = _buckets(settings)
    refuse_unused(_SAMPLED, f"only what is tokenized in --output is read; leave it out{_OR}")
    seq_lens = published_seq_lens(settings, buckets)
    read = _histogram_by_spark(settings) if under_submit() else read_histogram
    where = (settings.need("output"), buckets, seq_lens)
    statistics = output_stats(*where, rules, read, num_ranks, rules_of(settings, masks=True))
    print_stats(statistics, form, details=details)


def _buckets(settings: Settings) -> tuple[str, ...]:
    """Return the buckets that are named, or all of the output. Raise InputError, which says how to
    do without, if there is no token store."""
    if settings.output is None:
        named = ", ".join(settings.input)
        why = f"--input {named}: say how many documents to draw, --sample N"
        raise InputError(why if named else f"--output is missing: name it{_OR}")
    try:
        names = settings.bucket or tuple(buckets_in(settings.output))
        for name in names:
            open_token_store(settings.output, name)
    except InputError as error:
        raise InputError(f"{error}{_OR}") from None
    return names


def _histogram_by_spark(settings: Settings) -> Callable[[str, str], Histogram]:
    """Return a reader of histograms that counts on the session's cluster."""
    spark = get_session(settings.spark)

    def read(output: str, bucket: str) -> Histogram:
        with described(spark, one_line(f"{bucket}: stats")):
            return length_histogram(spark, open_token_store(output, bucket))

    return read
