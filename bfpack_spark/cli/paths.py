"""The command that prints where something is."""

import cloup

from bfpack_spark.cli.given import only_one, refuse_unused
from bfpack_spark.cli.one_place import only_bucket, only_seq_len
from bfpack_spark.cli.options import command, settings_options, version_option
from bfpack_spark.cli.printing import say
from bfpack_spark.config import Settings
from bfpack_spark.files.addresses import as_written
from bfpack_spark.versions import publication
from bfpack_spark.versions.publication import Home

_PARTS = {None: "shards", "plan": "plan", "tokens": "documents"}


@command("bfpack path --output out --bucket web --seq-len 2048")
@settings_options("output", "bucket", "seq_len", required=("output",), once=("bucket", "seq_len"))
@version_option
@cloup.option("--plan", is_flag=True, help="Prints the directory of the plan.")
@cloup.option(
    "--tokens",
    is_flag=True,
    help="Prints the directory of the token store, which has no --seq-len.",
)
def path(settings: Settings, version: str | None, plan: bool, tokens: bool) -> None:
    """Print the directory of the current shards, to hand it to a reader."""
    part = _PARTS[only_one({"plan": plan, "tokens": tokens})]
    if tokens:
        refuse_unused(["seq_len"], "a token store serves every seq_len; leave it out with --tokens")
    bucket = only_bucket(settings)
    seq_len = None if tokens else only_seq_len(settings, bucket)
    home = Home(output=settings.need("output"), bucket=bucket, seq_len=seq_len)
    say(as_written(f"{publication.current(home, version)[0]}/{part}"))
