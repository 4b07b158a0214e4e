"""The command line: a field of Settings is an option, a mistake is one line, results go to
stdout."""

import json
import logging
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from bfpack_spark import explore, pipeline
from bfpack_spark.cli_options import settings_options
from bfpack_spark.cli_print import print_sequence, print_stats, print_versions
from bfpack_spark.config import Settings
from bfpack_spark.core.accounting import Rules
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.session import get_session, under_submit
from bfpack_spark.storage import versions
from bfpack_spark.storage.plans import find_plan
from bfpack_spark.storage.token_store import open_token_store
from bfpack_spark.storage.versions import Place
from bfpack_spark.verifying.verify_bucket import verify_bucket

_RULES = ("packing", "long_documents", "group_documents_max", "seed")
_PLACE = ("output", "bucket", "seq_len", "spark")
_STORE = ("output", "bucket", "spark")
_TEXT = (
    *("input", "tokenizer", "input_format", "text_column", "id_column", "tokens_column"),
    *("eos_token", "bos_token", "control_tokens", "max_document_bytes", "max_quarantined"),
    *("engine", "audit_share"),
)
_SHARDS = (*_RULES, "pad_token", "num_shards", "rows_per_shard")


@click.group(help="Pack whole documents into training sequences, exactly, on Spark.")
@click.version_option(package_name="bfpack-spark")
def bfpack() -> None:
    logging.basicConfig(stream=sys.stderr, format="bfpack: %(message)s", level=logging.WARNING)
    silent = under_submit() and "--json" in sys.argv  # stdout must be one JSON document
    logging.getLogger("bfpack").setLevel(logging.WARNING if silent else logging.INFO)


@bfpack.command()
@settings_options(*_PLACE, *_TEXT, *_SHARDS)
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def pack(settings: Settings, as_json: bool) -> None:
    """Tokenize, plan and assemble; publish sequences of every --seq-len."""
    print_versions(pipeline.pack(get_session(settings.spark), settings), as_json)


@bfpack.command()
@settings_options(*_STORE, *_TEXT)
def tokenize(settings: Settings) -> None:
    """Make the token store: text is tokenized once, packed many times."""
    click.echo(pipeline.tokenize(get_session(settings.spark), settings).directory)


@bfpack.command()
@settings_options(*_PLACE, *_SHARDS)
def plan(settings: Settings) -> None:
    """Plan the sequences of an existing token store; no token is read."""
    seq_lens = settings.need("seq_len")
    store = open_token_store(settings.need("output"), settings.need("bucket"))
    for seq_len in seq_lens:
        version = pipeline.sequences_version(settings, store, seq_len)
        if version.manifest() is None:
            pipeline.plan(get_session(settings.spark), settings, store, seq_len)
        click.echo(f"{version.directory}/plan")


@bfpack.command()
@settings_options(*_PLACE, *_SHARDS)
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def assemble(settings: Settings, as_json: bool) -> None:
    """Move the tokens of a complete plan to their shards and publish them."""
    seq_lens = settings.need("seq_len")
    store = open_token_store(settings.need("output"), settings.need("bucket"))
    done = []
    for seq_len in seq_lens:
        version = pipeline.sequences_version(settings, store, seq_len)
        if version.manifest() is None:
            made = find_plan(version)
            if made is None:
                raise InputError(f"--seq-len {seq_len}: not planned yet; run bfpack plan first")
            pipeline.assemble(get_session(settings.spark), store, made)
        versions.publish(version)
        done.append(version)
    print_versions(done, as_json)


@bfpack.command()
@settings_options(*_PLACE, "input", "engine")
@click.option("--version", help="16 hex digits; default: the current one")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def verify(settings: Settings, version: str | None, as_json: bool) -> int:
    """Check every invariant by reading what is on disk; with --input, the text too."""
    seq_lens = settings.need("seq_len")
    reports = [
        verify_bucket(
            get_session(settings.spark),
            Place(output=settings.need("output"), bucket=settings.need("bucket"), seq_len=seq_len),
            version=version,
            text_input=settings.input,
            engine="fastokens" if settings.engine == "fastokens" else "tokenizers",
        )
        for seq_len in seq_lens
    ]
    if as_json:
        click.echo(json.dumps([asdict(report) for report in reports], indent=1))
    else:
        for report in reports:
            click.echo(report.text())
    return 0 if all(report.holds for report in reports) else 1


@bfpack.command()
@settings_options(*_PLACE, *_RULES)
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def stats(settings: Settings, as_json: bool) -> None:
    """What packing comes to at any --seq-len, against concatenation; from lengths alone."""
    seq_lens = settings.need("seq_len")
    store = open_token_store(settings.need("output"), settings.need("bucket"))
    histogram = explore.length_histogram(get_session(settings.spark), store)
    rules = Rules(seq_len=seq_lens[0], **{name: getattr(settings, name) for name in _RULES})
    print_stats(explore.what_if(histogram, seq_lens, rules), as_json)


@bfpack.command()
@settings_options("output", "bucket", "seq_len")
@click.option("--sequence", type=int, required=True, help="sequence_id, from 0")
@click.option("--version", help="16 hex digits; default: the current one")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document")
def show(settings: Settings, sequence: int, version: str | None, as_json: bool) -> None:
    """One sequence, readable, with the boundaries of its documents."""
    (seq_len,) = _just_one(settings)
    where = (settings.need("output"), settings.need("bucket"), seq_len, sequence, version)
    found = explore.read_sequence(*where)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=1, ensure_ascii=False))
    else:
        print_sequence(found)


@bfpack.command()
@settings_options("output", "bucket", "seq_len")
@click.option("--version", help="16 hex digits; default: the current one")
@click.option("--plan", "part", flag_value="plan", help="the plan beside the shards")
@click.option("--tokens", "part", flag_value="documents", help="the token store (no --seq-len)")
def path(settings: Settings, version: str | None, part: str | None) -> None:
    """The directory of the current shards, to hand to a reader."""
    seq_len = None if part == "documents" else _just_one(settings)[0]
    place = Place(output=settings.need("output"), bucket=settings.need("bucket"), seq_len=seq_len)
    click.echo(f"{versions.current(place, version)[0]}/{part or 'shards'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 violations, 2 a user's mistake, 5 the job failed."""
    try:
        code = bfpack.main(args=arguments, prog_name="bfpack", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        code = 2
    except click.ClickException as error:
        code = _fail(error.format_message(), 2)
    except click.Abort:
        code = _fail("interrupted; run it again to go on", 130)
    except InputError as error:
        code = _fail(str(error), 2)
    except JobError as error:
        code = _fail(str(error), 5)
    except (PySparkException, Py4JError) as error:
        code = _fail(*_from_worker(error))
    except OSError as error:
        code = _fail(f"storage: {error}; free space or mend access, then run it again", 5)
    except Exception:  # ours: say all we know
        logging.getLogger("bfpack").exception("a fault in bfpack itself; nothing was published")
        code = 5
    sys.exit(code or 0)


def _from_worker(error: Exception) -> tuple[str, int]:
    """What a worker raised, out of Spark's many lines."""
    text = str(error)
    for kind, code in ((InputError, 2), (JobError, 5)):
        found = re.search(rf"{re.escape(f'{kind.__module__}.{kind.__name__}')}: (.*)", text)
        if found:
            return found.group(1), code
    if "JAVA_GATEWAY_EXITED" in text:
        return "Java 17 or newer is needed: install it, or let JAVA_HOME name it", 2
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    logging.getLogger("bfpack").error("%s", text)
    why = raised[-1] if raised else next(iter(lines), "?")
    return f"the Spark job failed, nothing was published: {why}", 5


def _fail(message: str, code: int) -> int:
    click.echo(f"bfpack: error: {' '.join(message.split())}", err=True)
    return code


def _just_one(settings: Settings) -> tuple[int]:
    seq_lens = settings.need("seq_len")
    if len(seq_lens) > 1:
        raise InputError(f"--seq-len: give one, not {len(seq_lens)}")
    return (seq_lens[0],)
