"""The buckets of an input: by `{bucket}` in its path, by directories COL=value, or by a column."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from bfpack_spark.config import Settings
from bfpack_spark.corpus.documents import Beside, Chat, Columns
from bfpack_spark.corpus.formats import format_of
from bfpack_spark.corpus.globs import expand, match_files
from bfpack_spark.corpus.inventory import InputFile, Inventory, LeftOut, Split
from bfpack_spark.corpus.jsonl import read_line_values
from bfpack_spark.corpus.parquet import read_column
from bfpack_spark.corpus.read_corpus import check_bucket_column
from bfpack_spark.corpus.second_look import unchanged
from bfpack_spark.corpus.take_inventory import UNDERSCORE, is_bookkeeping, say_left_out
from bfpack_spark.errors import InputError
from bfpack_spark.files.what_is_there import instead
from bfpack_spark.schema import BUCKETS, plain
from bfpack_spark.versions.inputs import TokensConfiguration

if TYPE_CHECKING:  # samples are drawn without Spark
    from bfpack_spark.spark.frames import Frame

Opened = TypeVar("Opened")

PLACEHOLDER = "{bucket}"
_HIVE = re.compile(r"(?:^|/)[^/={}]+=\{bucket\}(?:/|$)")


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The part of an input that is one bucket."""

    inventory: Inventory
    column: str | None = None  # the column that tells a document's bucket; None: all documents
    frame: "Frame | None" = None  # a table or frame; None: the files of the inventory


def columns_of(named: Settings | TokensConfiguration, found: Slice, bucket: str | None) -> Columns:
    """Return what to read of a slice's documents, by settings or as a token store was made."""
    chat: Chat | None = "messages" if named.messages_column else None
    chat = "prompt" if named.prompt_column else chat
    every: dict[Beside, str | None] = {
        "labels": named.labels_column,
        "loss_mask": named.loss_mask_column,
        "tools": named.tools_column,
        "completion": named.completion_column,
    }
    kind, beside = next(((k, name) for k, name in every.items() if name), (None, None))
    content = named.tokens_column or named.messages_column or named.prompt_column
    return Columns(
        content=content or named.text_column or "",
        doc_id=named.id_column,
        tokens=named.tokens_column is not None,
        chat=chat,
        beside=beside,
        beside_is=kind,
        bucket=found.column,
        wanted=bucket if found.column else None,
    )


def paths_of_buckets(patterns: Sequence[str], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the inputs of each bucket, by what stands for {bucket} in all of the patterns. If no
    names are given, they are those of every bucket that is found, except hidden names, and a
    warning names files there that are no bucket's. A level NAME={bucket} of directories is Hive's,
    whose escapes are not part of the bucket's name."""
    for pattern in patterns:
        if PLACEHOLDER not in pattern:
            raise InputError(
                f"--input {pattern}: has no {PLACEHOLDER}, but others have; write it in all "
                "of them, or in none"
            )
    if names and len(patterns) == 1 and not _HIVE.search(patterns[0]):
        return {name: (_with_name(patterns[0], name),) for name in names}
    found: dict[str, list[str]] = defaultdict(list)
    strays: list[LeftOut] = []
    for pattern in patterns:
        buckets, beside = _found_in_paths(pattern)
        strays += beside
        for written in buckets:
            name = unquote(written) if _HIVE.search(pattern) else written
            found[name].append(_with_name(pattern, written))
    if not names:
        say_left_out(strays)
    gone = sorted(set(names) - set(found))
    if gone or not found:
        which = f"has no bucket {gone[0]}" if gone else "matches no file"
        there = instead("buckets", sorted(found))
        raise InputError(f"--input {', '.join(patterns)}: {which}; check the pattern{there}")
    return {name: tuple(found[name]) for name in names or sorted(found)}


def open_named(name: str, patterns: Sequence[str], open_one: Callable[[], Opened]) -> Opened:
    """Return the opened input of a bucket of these patterns. If there is none of its name, the
    InputError names the buckets that are there."""
    try:
        return open_one()
    except InputError as error:
        there: list[str] = []
        with suppress(InputError, OSError):
            there = sorted(paths_of_buckets(patterns, ()))
        if name in there:
            raise
        raise InputError(f"{error}{instead('buckets', there)}") from None


def _found_in_paths(pattern: str) -> tuple[list[str], list[LeftOut]]:
    """Return the buckets, and the files that are none's: those beside the buckets' directories, and
    data under a name that begins with an underscore."""
    named = {PLACEHOLDER: "(?P<bucket>[^/.][^/]*)"}
    buckets, strays = set(), []
    for listed, match in (p for one in expand(pattern) for p in match_files(one, named)):
        bucket = match["bucket"]
        if bucket.startswith("_"):
            if format_of(listed.name) is not None and not is_bookkeeping(listed.name):
                strays.append(LeftOut(name=listed.name, reason=UNDERSCORE))
        elif pattern.endswith(PLACEHOLDER) and match.end("bucket") == len(listed.name):
            strays.append(LeftOut(name=listed.name, reason="it lies beside the buckets' folders"))
        else:
            buckets.add(bucket)
    return sorted(buckets), strays


def _with_name(pattern: str, name: str) -> str:
    """Return the pattern with the bucket's name in place of {bucket}. No character of the name acts
    as a wildcard."""
    return pattern.replace(PLACEHOLDER, re.sub(r"([*?\[{])", r"[\1]", name))


def by_directories(inventory: Inventory, column: str) -> dict[str, Slice] | None:
    """Return the buckets of files in directories COLUMN=value, or None if there is none."""
    files: dict[str | None, list[InputFile]] = defaultdict(list)
    for file in inventory.files:
        files[_level(file.name, column)].append(file)
    if set(files) == {None}:
        return None
    if None in files:
        name = files[None][0].name
        raise InputError(
            f"--bucket-column {column}: {name} lies in no directory {column}=..., others do; "
            "move it into one"
        )
    slices = {}
    for value, own in files.items():
        assert value is not None, "they all have one"
        # With the files of a bucket, or with those of none.
        left = (each for each in inventory.left_out if _level(each.name, column) in (None, value))
        slices[value] = Slice(inventory=replace(inventory, files=tuple(own), left_out=tuple(left)))
    return slices


def check_tells_buckets(inventory: Inventory, column: str) -> None:
    """Raise InputError, which names columns and directories that are there, if neither the first
    file has the column nor a directory its name."""
    try:
        check_bucket_column(inventory, column)
    except InputError as error:
        levels = (part.split("=") for file in inventory.files for part in file.name.split("/")[:-1])
        names = sorted({level[0] for level in levels if len(level) > 1})
        more = f"; there are directories {', '.join(f'{n}=...' for n in names)}" if names else ""
        raise InputError(f"{error}{more}") from None


def _level(name: str, column: str) -> str | None:
    """Return the value of a directory COLUMN=value that a file lies in, without Hive's escapes."""
    levels = (part.partition("=") for part in name.split("/")[:-1])
    value = next((value for own, _, value in levels if own == column and value), None)
    return value and unquote(value)


def by_column(
    inventory: Inventory, column: str, found: Iterable[tuple[str, str]]
) -> dict[str, Slice]:
    """Return the buckets of a column, each with its files. `found` holds pairs (bucket, file)."""
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
    """Yield BUCKETS for rows of splits: the buckets of which each split holds documents. In Parquet
    only the column is read, in JSONL every line. Raises InputError if a file is not what the
    inventory saw."""
    read = read_line_values if input_format == "jsonl" else read_column
    for batch in batches:
        for row in batch.to_pylist():
            split = Split(**row)
            seen: set[str] = set()
            with unchanged(split):
                for values in read(split, column):
                    seen.update(pc.unique(values).to_pylist())
            columns = {"bucket": sorted(seen), "name": [split.name] * len(seen)}
            yield pa.RecordBatch.from_pydict(columns, schema=plain(BUCKETS))
