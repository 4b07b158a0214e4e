"""The command that prints where something is."""

import cloup

from bfpack_spark.cli.given import refuse_unused
from bfpack_spark.cli.one_place import only_bucket, only_seq_len
from bfpack_spark.cli.options import command, settings_options, version_option
from bfpack_spark.cli.printing import say
from bfpack_spark.config import Settings
from bfpack_spark.files.addresses import as_written
from bfpack_spark.versions import publication
from bfpack_spark.versions.publication import Home


@command("bfpack path --output out --bucket web --seq-len 2048")
@settings_options("output", "bucket", "seq_len", required=("output",))
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
    if part == "documents":
        refuse_unused(["seq_len"], "a token store serves every seq_len; leave it out with --tokens")
    bucket = only_bucket(settings)
    seq_len = None if part == "documents" else only_seq_len(settings)
    home = Home(output=settings.need("output"), bucket=bucket, seq_len=seq_len)
    say(as_written(f"{publication.current(home, version)[0]}/{part or 'shards'}"))
