"""The command line. Each field of Settings is an option, a mistake is reported in one line, and
results go to stdout."""

import logging
import sys
from collections.abc import Sequence

import click
import cloup

from bfpack_spark import pipeline
from bfpack_spark.cli import housekeeping, reporting
from bfpack_spark.cli.each_bucket import results_of
from bfpack_spark.cli.explain import explain, was_interrupted
from bfpack_spark.cli.exporting import export
from bfpack_spark.cli.looking import path, show, stats, verify
from bfpack_spark.cli.mix import mix
from bfpack_spark.cli.options import PLACE, RULES, TEXT, command, json_option, settings_options
from bfpack_spark.cli.printing import close, fail, failed, say, silent
from bfpack_spark.cli.published import print_published
from bfpack_spark.cli.running import run_each_named, run_each_slice
from bfpack_spark.config import Settings
from bfpack_spark.logs import handler_for

_STORE = ("output", "bucket", "spark")
_DELTA = ("publish_delta", "publish_plan")
_SHARDS = (*RULES, "pad_token", "num_shards", "rows_per_shard")

_INTERRUPTED = "interrupted; the same command continues"


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
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of where it keeps fonts
    logging.getLogger("bfpack").setLevel(logging.WARNING if silent() else logging.INFO)


@command(
    "bfpack pack --input corpus --tokenizer tokenizer --output out --bucket web --seq-len 2048"
)
@settings_options(
    *PLACE,
    *TEXT,
    *_SHARDS,
    *_DELTA,
    required=("input", "tokenizer", "output", "seq_len"),
)
@json_option
def pack(settings: Settings, as_json: bool) -> int:
    """Tokenize the input, plan the sequences of every --seq-len, write them and publish them. What
    an earlier run has made is taken and not made again."""
    settings.need("seq_len")
    outcomes = run_each_slice(pipeline.pack, settings)
    print_published(results_of(outcomes), failed(outcomes), as_json)
    return close(outcomes)


@command("bfpack tokenize --input corpus --tokenizer tokenizer --output out --bucket web")
@settings_options(*_STORE, *TEXT, required=("input", "tokenizer", "output"))
def tokenize(settings: Settings) -> int:
    """Tokenize the input and keep its tokens, for all the seq_lens that it will be packed at. Print
    the directory of the token store."""
    outcomes = run_each_slice(pipeline.tokenize, settings)
    for outcome in outcomes:
        if outcome.result:
            say(outcome.result.directory)
    return close(outcomes)


@command("bfpack plan --output out --bucket web --seq-len 2048")
@settings_options(*PLACE, *_SHARDS, required=("output", "seq_len"))
def plan(settings: Settings) -> int:
    """Plan the sequences of token stores that are there, from the lengths of their documents: of
    every bucket, or of those that are named. Print the directories of the plans."""
    outcomes = run_each_named(pipeline.plan_bucket, settings)
    for version in results_of(outcomes):
        say(f"{version.directory}/plan")
    return close(outcomes)


@command("bfpack assemble --output out --bucket web --seq-len 2048")
@settings_options(*PLACE, *_SHARDS, *_DELTA, required=("output", "seq_len"))
@json_option
def assemble(settings: Settings, as_json: bool) -> int:
    """Move the tokens of plans that are there to their shards, and publish these: of every bucket,
    or of those that are named."""
    outcomes = run_each_named(pipeline.assemble_bucket, settings)
    print_published(results_of(outcomes), failed(outcomes), as_json)
    return close(outcomes)


bfpack.section("Pack", pack, tokenize, plan, assemble)
bfpack.section("Look", verify, stats, show, path, reporting.report)
bfpack.section("Train", mix, export, housekeeping.snapshot)
bfpack.section("Keep house", housekeeping.versions, housekeeping.prune)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 violations, 2 a user's mistake, 3 a bucket is held by
    another run, 4 some buckets failed, 5 the job failed, 130 interrupted."""
    try:
        code = bfpack.main(args=arguments, prog_name="bfpack", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        code = 2
    except click.ClickException as error:
        fail(error.format_message())
        code = 2
    except Exception as error:
        interrupted = isinstance(error, click.Abort) or was_interrupted(error)
        said, code = (_INTERRUPTED, 130) if interrupted else explain(error)
        if said is not None:
            fail(said)
    sys.exit(code or 0)
