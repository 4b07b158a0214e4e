"""The commands that make what a training run reads: pack, tokenize, plan, assemble."""

from bfpack_spark import pipeline
from bfpack_spark.cli.each_bucket import results_of
from bfpack_spark.cli.options import PLACE, RULES, TEXT, command, json_option, settings_options
from bfpack_spark.cli.printing import close, say
from bfpack_spark.cli.published import print_published
from bfpack_spark.cli.running import run_each_named, run_each_slice
from bfpack_spark.config import Settings

_STORE = ("output", "bucket", "spark")
_DELTA = ("publish_delta", "publish_plan")
_SHARDS = (*RULES, "pad_token", "num_shards", "rows_per_shard")


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
    print_published(outcomes, as_json)
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
    settings.need("seq_len")
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
    settings.need("seq_len")
    outcomes = run_each_named(pipeline.assemble_bucket, settings)
    print_published(outcomes, as_json)
    return close(outcomes)
