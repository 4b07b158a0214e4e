"""`pack` and `verify` for Python, where the session and the documents are there already:

    from bfpack_spark import pack, verify

    pack(documents, version="2026-11-28", id_column="id", tokenizer="tokenizer", output="out",
         bucket="web", seq_len=[2048])
    verify(output="out", bucket="web", seq_len=[2048])

What is published is what the commands of the same name publish.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyspark.sql import DataFrame

from bfpack_spark import pipeline
from bfpack_spark.cli.each_bucket import Outcome, results_of, said_of_failures
from bfpack_spark.cli.explain import explain
from bfpack_spark.cli.looking import verify_each
from bfpack_spark.cli.running import run_each_named, run_each_slice
from bfpack_spark.config import Settings
from bfpack_spark.errors import CODES, InputError, JobError, was_interrupted
from bfpack_spark.files import access
from bfpack_spark.load_settings import load_settings
from bfpack_spark.pipeline import Published
from bfpack_spark.verifying.findings import Report
from bfpack_spark.versions.publication import current_sequences

_OF_INPUT = ("input", "input_format", "input_version")  # what names another input than a DataFrame


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The sequences of a bucket and seq_len that are current now."""

    bucket: str
    seq_len: int
    version: str
    sequences: int
    tokens: int
    shards: str  # the directory of the shards, for any reader of Parquet


def pack(
    documents: DataFrame | None = None, *, version: str | None = None, **settings: Any
) -> list[Packed]:
    """Tokenize, pack and publish documents, and return what is current now.

    documents: a DataFrame with a row a document, on whatever session it belongs to; None: what the
    setting `input` names. version: any text that stands for the rows of this DataFrame; the same
    version again is nothing to do, another one is packed anew. settings: the options of `bfpack
    pack` by their names in a TOML file (`id_column`, `output`, `bucket`, `seq_len`, `tokenizer`).

    Raise InputError for a mistake of the caller, BusyError if another run holds the bucket, and
    JobError if the job fails; a failed bucket among several does not stop the others.
    """
    _check_frame(documents)
    told = _settings(settings if version is None else {**settings, "input_version": version})
    _check_alone(documents, settings)
    told.need("seq_len")
    outcomes = _in_a_line(lambda: run_each_slice(pipeline.pack, told, documents))
    return [_packed(each) for each in _results(outcomes)]


def verify(documents: DataFrame | None = None, **settings: Any) -> list[Report]:
    """Check every promise by reading what is on disk, and return a report for each bucket and
    seq_len; `report.holds` says whether all is well, and `report.text()` what was found.

    documents: the DataFrame that was packed, whose text is then tokenized again and compared; None:
    what the setting `input` names, or nothing. settings: the options of `bfpack verify` by their
    names in a TOML file; the version that is checked is the current one.
    """
    _check_frame(documents)
    told = _settings(settings)
    _check_alone(documents, settings)
    act = partial(verify_each, None, documents)
    return list(_results(_in_a_line(lambda: run_each_named(act, told, documents))))


def _in_a_line(act: Callable[[], list[Outcome]]) -> list[Outcome]:
    """Return what it returns. A failure of Spark or in a worker, whose text is many lines, becomes
    the error that the command would end with."""
    try:
        return act()
    except tuple(CODES):
        raise
    except Exception as error:
        said, code = (None, 0) if was_interrupted(error) else explain(error)
        if said is None:
            raise
        raise {own: kind for kind, own in CODES.items()}[code](said) from error


def _results(outcomes: list[Outcome]) -> list[Any]:
    """Return the results of all buckets. Raise JobError if some failed among several."""
    failures = said_of_failures(outcomes)
    if failures is not None:
        raise JobError(failures)
    return results_of(outcomes)


def _packed(published: Published) -> Packed:
    version = published.version
    _, manifest = current_sequences(version.home, version.name)
    assert version.home.seq_len is not None, "sequences have one"
    return Packed(
        bucket=version.home.bucket,
        seq_len=version.home.seq_len,
        version=version.name,
        sequences=manifest.totals.sequences,
        tokens=manifest.totals.tokens,
        shards=f"{version.directory}/shards",
    )


def _settings(given: dict[str, Any]) -> Settings:
    unknown = sorted(set(given) - set(Settings.model_fields))
    if unknown:
        known = ", ".join(Settings.names())
        raise InputError(f"{unknown[0]}: no such setting; there are: {known}")
    told = load_settings(None, given)
    if told.output is None:
        return told
    # The folder of this process may be another one by now than that of Spark's workers.
    return told.model_copy(update={"output": access.absolute(told.output)})


def _check_frame(documents: object) -> None:
    """Raise InputError for what is no DataFrame. Spark Connect has a class of its own in 3.5."""
    if documents is not None and not hasattr(documents, "sparkSession"):
        kind = f"{type(documents).__module__}.{type(documents).__name__}"
        raise InputError(
            f"documents: is a {kind} and no DataFrame of Spark; make one by "
            "spark.createDataFrame, or name files by input=..."
        )


def _check_alone(documents: DataFrame | None, settings: Mapping[str, Any]) -> None:
    """Raise InputError if another input is named beside a DataFrame. The settings have been loaded,
    so there are no credentials in them."""
    named = [name for name in _OF_INPUT if settings.get(name) not in (None, (), [])]
    if documents is not None and named:
        raise InputError(
            f"{named[0]} {settings[named[0]]!r}: is not looked at beside a DataFrame; leave it "
            "out, or leave the documents out"
        )
