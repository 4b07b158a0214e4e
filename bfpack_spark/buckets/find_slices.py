"""Which buckets a run is about, and which part of the input each of them is.

    --bucket NAME                            all of the input
    --input with {bucket}                    the files whose paths have its name there
    --bucket-column, directories COL=value   the files in its directories
    --bucket-column, a column of the data    the files that hold it, and in them its rows

Without --bucket, the run is about every bucket that is found. A column of the data costs one pass
over it (for JSONL: over all lines) before the first bucket. After that, every bucket reads the
files that hold it. If each file holds all of B buckets, that is B times the input; in Parquet, row
groups without the bucket are not read.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.buckets.find_buckets import find_buckets
from bfpack_spark.buckets.inputs import Input, open_input
from bfpack_spark.buckets.slices import (
    PLACEHOLDER,
    Slice,
    by_column,
    by_directories,
    check_tells_buckets,
    open_named,
    paths_of_buckets,
)
from bfpack_spark.config import Settings
from bfpack_spark.corpus.documents import no_bucket
from bfpack_spark.errors import InputError
from bfpack_spark.files.bucket_names import check_bucket
from bfpack_spark.printable import one_line
from bfpack_spark.spark.frames import Frame, check_column
from bfpack_spark.spark.frames import column as named
from bfpack_spark.spark.partitions import splits_frame
from bfpack_spark.spark.progress import described

FindSlice = Callable[[], Slice]
Session = Callable[[], SparkSession]


def find_slices(
    session: Session, settings: Settings, frame: DataFrame | None = None
) -> dict[str, FindSlice]:
    """Return the buckets of a run, by name. A slice is looked up at its turn, and the session only
    if a table or a column of the data needs it. `frame`: what is read in place of --input."""
    column, patterns = settings.bucket_column, settings.input
    in_paths = any(PLACEHOLDER in pattern for pattern in patterns)
    if column is not None and in_paths:
        raise InputError(
            f"--bucket-column {column}: --input {', '.join(patterns)} names the buckets already; "
            "leave one out"
        )
    single = () if column is not None or in_paths else _only_one(settings)
    whole = Input(
        patterns=() if frame is not None else settings.need("input"),
        format=settings.input_format,
        version=settings.input_version,
        frame=frame,
    )
    if column is not None:
        found = slices_by(session, whole, column)
        return {name: partial(one_of, found, name) for name in _chosen(settings, found)}
    paths = _in_paths(settings, whole) if in_paths else dict.fromkeys(single, patterns)
    opens = {
        name: partial(open_input, session, replace(whole, patterns=own))
        for name, own in paths.items()
    }
    if not in_paths:
        return {**opens}
    return {name: partial(open_named, name, patterns, find) for name, find in opens.items()}


def slices_by(session: Session, wanted: Input, column: str) -> dict[str, Slice]:
    """Return every bucket that the column, or the level of directories, tells."""
    whole = open_input(session, wanted)
    inventory = whole.inventory
    if whole.frame is not None:
        return by_value(whole.frame, column)
    in_directories = by_directories(inventory, column)
    if in_directories is not None:
        return in_directories
    check_tells_buckets(inventory, column)
    splits = splits_frame(session(), inventory)
    with described(session(), one_line(f"{column}: find buckets")):
        rows = find_buckets(splits, inventory.format, column).collect()
    return by_column(inventory, column, [(row["bucket"], row["name"]) for row in rows])


def by_value(frame: Frame, column: str) -> dict[str, Slice]:
    """Return every bucket that a column of a table or frame holds, with its rows."""
    check_column(frame.rows, "--bucket-column", column, frame.name)
    value = named(column).cast("string")
    with described(frame.rows.sparkSession, one_line(f"{column}: find buckets")):
        rows = frame.rows.select(value.alias("bucket")).distinct().collect()
    found = [row["bucket"] for row in rows]
    if None in found:
        raise no_bucket(column, "null", frame.name)
    own = {bucket: replace(frame, rows=frame.rows.where(value == bucket)) for bucket in found}
    return {name: Slice(inventory=frame.inventory(), frame=one) for name, one in own.items()}


def one_of(found: dict[str, Slice], bucket: str) -> Slice:
    """Return the slice of one bucket. Raises InputError if the column does not hold this bucket."""
    if bucket not in found:
        there = ", ".join(sorted(found)[:20])
        raise InputError(
            f"--bucket {bucket}: --bucket-column has no bucket of this name; there are: {there}"
        )
    return found[bucket]


def _in_paths(settings: Settings, whole: Input) -> dict[str, tuple[str, ...]]:
    """Return the inputs of each bucket that is named, or of each that is found if none is named."""
    in_catalog = [pattern for pattern in whole.patterns if "/" not in pattern]
    if whole.format in ("delta", "table") and in_catalog and not settings.bucket:
        raise InputError(
            f"--input {in_catalog[0]}: a catalog is not searched for tables; name the buckets "
            "with --bucket"
        )
    found = paths_of_buckets(whole.patterns, settings.bucket)
    return {name: found[name] for name in _chosen(settings, found)}


def _chosen(settings: Settings, found: Iterable[str]) -> Iterable[str]:
    """Return the buckets that are named, or else those that were found, sorted. Raises InputError
    if one that was found cannot be a bucket's name."""
    names = settings.bucket or sorted(found)
    for name in () if settings.bucket else names:
        try:
            check_bucket(name)
        except ValueError as error:
            raise InputError(
                f"a bucket found in --input cannot be called {error}; rename it, or name the "
                "others with --bucket"
            ) from None
    return names


def _only_one(settings: Settings) -> tuple[str, ...]:
    names = settings.bucket
    if not names:
        raise InputError(
            "--bucket is missing: give it to pack all of the input as one bucket of this name, or "
            "let {bucket} in --input, or --bucket-column, tell the buckets"
        )
    if len(names) > 1:
        raise InputError(
            f"--bucket: {len(names)} are named, and nothing says which input belongs to which; "
            "write {bucket} in --input, or give --bucket-column"
        )
    return names
