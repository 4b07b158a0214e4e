"""Buckets in an input: by `{bucket}` in its path, by directories COL=value, by a column."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError
from bfpack_spark.schema import BUCKETS, plain
from bfpack_spark.storage.documents import Columns, no_bucket
from bfpack_spark.storage.inventory import InputFile, Inventory, Split
from bfpack_spark.storage.jsonl_input import read_line_values
from bfpack_spark.storage.parquet_input import read_column
from bfpack_spark.storage.patterns import expand, match_files

PLACEHOLDER = "{bucket}"


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The part of an input that is one bucket."""

    inventory: Inventory
    column: str | None = None  # that tells the bucket of every document; None: all documents


def columns_of(settings: Settings, found: Slice, bucket: str | None) -> Columns:
    """What to read of a slice's documents."""
    return Columns(
        content=settings.tokens_column or settings.text_column,
        doc_id=settings.id_column,
        tokens=settings.tokens_column is not None,
        bucket=found.column,
        wanted=bucket if found.column else None,
    )


def names_in_paths(pattern: str) -> list[str]:
    """What stands for {bucket} in the paths of files that match, hidden names apart."""
    named = {PLACEHOLDER: "(?P<bucket>[^/._][^/]*)"}
    # A file that lies beside the buckets' directories is no bucket.
    end = "/.+" if pattern.endswith(PLACEHOLDER) else "(/.*)?"
    found = [pair for one in expand(pattern) for pair in match_files(one, named, end)]
    names = sorted({match["bucket"] for _, match in found})
    if not names:
        raise InputError(f"--input {pattern}: matches no file; check the pattern")
    return names


def by_directories(inventory: Inventory, column: str) -> dict[str, Slice] | None:
    """The buckets of files in directories COLUMN=value; None if no directory is called so. Of a
    Delta table, those of its partitions."""
    files: dict[str | None, list[InputFile]] = defaultdict(list)
    for file in inventory.files:
        if column in file.partition:
            files[_in_partition(file, column)].append(file)
            continue
        levels = (part.partition("=") for part in file.name.split("/")[:-1])
        value = next((value for name, _, value in levels if name == column and value), None)
        files[value and unquote(value)].append(file)
    if set(files) == {None}:
        return None
    if None in files:
        name = files[None][0].name
        raise InputError(
            f"--bucket-column {column}: {name} lies in no directory {column}=..., others do; "
            "move it into one"
        )
    return {
        value: Slice(inventory=replace(inventory, files=tuple(own)))
        for value, own in files.items()
        if value is not None
    }


def _in_partition(file: InputFile, column: str) -> str:
    value = file.partition[column]
    if value is None:
        raise no_bucket(column, "null", file.name)
    return value


def by_column(
    inventory: Inventory, column: str, found: Iterable[tuple[str, str]]
) -> dict[str, Slice]:
    """The buckets of a column, each with the files that hold some of it; found: (bucket, file)."""
    names = defaultdict(set)
    for bucket, name in found:
        names[bucket].add(name)
    return {
        bucket: Slice(
            inventory=replace(inventory, files=tuple(f for f in inventory.files if f.name in own)),
            column=column,
        )
        for bucket, own in names.items()
    }


def read_buckets(
    batches: Iterator[pa.RecordBatch], *, input_format: str, column: str
) -> Iterator[pa.RecordBatch]:
    """For rows of splits, BUCKETS: which buckets each holds some of. Of Parquet the column alone is
    read, of JSONL every line."""
    read = read_line_values if input_format == "jsonl" else read_column
    for batch in batches:
        for row in batch.to_pylist():
            split = Split(**row)
            seen: set[str] = set()
            for values in read(split, column):
                seen.update(pc.unique(values).to_pylist())
            columns = {"bucket": sorted(seen), "name": [split.name] * len(seen)}
            yield pa.RecordBatch.from_pydict(columns, schema=plain(BUCKETS))
