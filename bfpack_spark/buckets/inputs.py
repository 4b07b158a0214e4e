"""What --input names: files, a Delta table by its path, or a table of Spark's catalog. From Python
it may be a DataFrame."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.buckets.slices import Slice
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.delta.input import open_path
from bfpack_spark.errors import InputError
from bfpack_spark.logs import log
from bfpack_spark.printable import one_line
from bfpack_spark.spark.frames import Frame
from bfpack_spark.spark.progress import described
from bfpack_spark.tables.catalog import open_table


@dataclass(frozen=True, kw_only=True)
class Input:
    """What the user says about the corpus."""

    patterns: tuple[str, ...] = ()  # directories, globs, files; of a table, its path or name
    format: str | None = None  # None: by the names of the files
    version: str | None = None  # of a table or frame; None: the newest
    frame: DataFrame | None = None  # given from Python, in place of all patterns


def open_input(session: Callable[[], SparkSession], wanted: Input) -> Slice:
    """Return all of an input. Only tables and frames need the session."""
    if wanted.frame is not None:
        if wanted.version is None:
            raise InputError(
                "version is missing: nothing tells one DataFrame from another; say a text that "
                'stands for these rows, as in version="2026-11-28"'
            )
        frame = Frame(format="frame", name="frame", stamp=wanted.version, rows=wanted.frame)
        return _whole(frame)
    if wanted.format in ("delta", "table"):
        open_one = open_path if wanted.format == "delta" else open_table
        table, spark = _only_one(wanted), session()
        with described(spark, one_line(f"{table}: find its version")):
            return _whole(open_one(spark, table, wanted.version))
    if wanted.version is not None:
        raise InputError(
            f"--input-version {wanted.version}: only a table has versions; add --input-format "
            "table (by name) or delta (by path), or leave it out"
        )
    return Slice(inventory=take_inventory(wanted.patterns, wanted.format))


def _whole(frame: Frame) -> Slice:
    log.info("input: %s, version %s", frame.name, frame.stamp)
    return Slice(inventory=frame.inventory(), frame=frame)


def _only_one(wanted: Input) -> str:
    if len(wanted.patterns) > 1:
        raise InputError(
            f"--input {', '.join(wanted.patterns)}: of tables one is read in a run; give one, or "
            "one that holds the rows of all"
        )
    return wanted.patterns[0]
