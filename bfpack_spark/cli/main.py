"""The command line. Each field of Settings is an option, a mistake is reported in one line, and
results go to stdout. A command's modules are imported when it is run."""

import logging
import sys
from collections.abc import Sequence

import click
import cloup

from bfpack_spark.cli.each_bucket import explain
from bfpack_spark.cli.on_demand import CommandAt, GroupOnDemand
from bfpack_spark.cli.printing import fail, silent
from bfpack_spark.errors import code_of, was_interrupted
from bfpack_spark.logs import handler_for, log

_INTERRUPTED = "interrupted; the same command continues"
_NOBODY_READS = 141  # what shells report of a program that wrote to a pipe without a reader

# The sections of --help. Of each command: its name, its module and a line of help.
_SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Pack": {
        "pack": ("packing", "Tokenize, plan, write and publish sequences."),
        "tokenize": ("packing", "Tokenize, once for all lengths."),
        "plan": ("packing", "Plan sequences, from lengths alone."),
        "assemble": ("packing", "Move the tokens of a plan to shards, and publish them."),
    },
    "Look": {
        "verify": ("looking", "Check every promise by reading what is on disk."),
        "stats": ("looking", "Tell what packing comes to, beside concatenation."),
        "show": ("showing", "Print a sequence as text, or where a document went."),
        "path": ("paths", "Print the directory of the current shards."),
        "report": ("reporting", "Print a page of what is published."),
    },
    "Train": {
        "mix": ("mix", "Write down a mixture of buckets, by weights."),
        "export": ("exporting", "Write sequences in a trainer's own format."),
        "snapshot": ("housekeeping", "Write down which versions are current."),
    },
    "Keep house": {
        "versions": ("housekeeping", "List versions, their state, and what holds them."),
        "prune": ("housekeeping", "Remove versions that nothing holds."),
    },
}


@cloup.group(
    cls=GroupOnDemand,
    help="Pack whole documents into training sequences, exactly, on Spark.",
    epilog="""\b
Example:
  bfpack pack --input corpus --tokenizer tokenizer --output out --bucket web --seq-len 2048
  bfpack verify --output out --bucket web --seq-len 2048

\b
Exit codes:
  0 done, 1 verify found violations, 2 a mistake of yours, 3 another run holds the bucket,
  4 some buckets failed, 5 the job failed, 130 interrupted, 141 nobody reads the output""",
)
@click.version_option(package_name="bfpack-spark")
def bfpack() -> None:
    logging.basicConfig(handlers=[handler_for(sys.stderr)], level=logging.WARNING)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of where it keeps fonts
    log.setLevel(logging.ERROR if silent() else logging.INFO)


for _title, _commands in _SECTIONS.items():
    bfpack.section(
        _title,
        *(
            CommandAt(name, f"bfpack_spark.cli.{module}:{name}", line)
            for name, (module, line) in _commands.items()
        ),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 violations, 2 a user's mistake, 3 a bucket is held by
    another run, 4 some buckets failed, 5 the job failed, 130 interrupted, 141 nobody reads what is
    printed."""
    try:
        code = bfpack.main(args=arguments, prog_name="bfpack", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        code = 2
    except click.ClickException as error:
        fail(error.format_message())
        code = 2
    except SystemExit:  # click's answer to a pipe without a reader, whose code is that of verify
        code = _NOBODY_READS
    except Exception as error:
        said, code = _explained(error)
        if said is not None:
            fail(said)
    sys.exit(code or 0)


def _explained(error: Exception) -> tuple[str | None, int]:
    """Return the line and the exit code. What explains all other errors needs Spark's packages,
    which a command that only looks at an output does without."""
    if isinstance(error, click.Abort):  # it hides Ctrl-C, or the end of a stream from the JVM
        error = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(error, click.Abort) or was_interrupted(error):
        return _INTERRUPTED, 130
    code = code_of(error)
    return explain(error) if code is None else (str(error), code)
