"""A version published to a Delta table, in one commit that replaces the partition of its bucket and
seq_len.

The metadata of a commit is the manifest of the version without its list of files, so the newest
commit of a bucket and seq_len tells which version the table holds. The numbers of an application's
transactions must rise: Delta passes over a transaction whose number does not. So our number is the
table's version that was read, plus one, and an older version that is published again is a commit of
its own.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.delta.tables import describe, identifier, location_of, need_delta, newest_snapshot
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.schema import (
    DELTA_PLAN,
    DELTA_SEQUENCES,
    PARTITIONED_BY,
    PLAN,
    SEQUENCES,
    spark_ddl,
)
from bfpack_spark.spark.spark_files import read_files
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import FileKind, Manifest
from bfpack_spark.versions.publication import Version

_SCHEMAS: dict[FileKind, tuple[pa.Schema, pa.Schema]] = {
    "shards": (SEQUENCES, DELTA_SEQUENCES),
    "plan": (PLAN, DELTA_PLAN),
}
# What Delta says if another commit came first, or if another run is making the table. In that case
# there is a log without a commit, since a folder with other files was refused before.
_CONFLICT = re.compile(
    "DELTA_CONCURRENT|DELTA_METADATA_CHANGED|DELTA_PROTOCOL_CHANGED|TABLE_OR_VIEW_ALREADY_EXISTS"
    "|DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION"
)
_ATTEMPTS, _SECONDS_BETWEEN = 5, 1.0

Done = TypeVar("Done")


@dataclass(frozen=True, kw_only=True)
class DeltaTable:
    """A table that takes what is published of one kind: shards or plan."""

    name: str  # as the user gave it
    kind: FileKind
    identifier: str  # as SQL names it
    location: str


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The newest commit of a bucket and seq_len."""

    number: int  # the table's version that it made
    fingerprint: str


def open_table(spark: SparkSession, name: str, kind: FileKind) -> DeltaTable:
    """Return the table; if there is none, make it, empty. Raise InputError if it cannot take our
    rows."""
    asked = f"--publish-delta {name}"
    need_delta(spark, asked)
    named = identifier(asked, name)
    detail = _despite_others(partial(_describe_or_create, spark, asked, name, kind))
    _check_table(spark, asked, kind, named, list(detail["partitionColumns"]))
    return DeltaTable(name=name, kind=kind, identifier=named, location=detail["location"])


def newest_commit(
    spark: SparkSession, table: DeltaTable, bucket: str, seq_len: int
) -> Commit | None:
    """Return the newest commit of a bucket and seq_len, or None if the log has none."""
    snapshot = newest_snapshot(spark, table.location)
    transaction = snapshot.transactions().get(_application(bucket, seq_len))
    if transaction.isEmpty():
        return None
    # The commit's number is this one or a later one, so only the commits since are searched.
    for row in _history_since(spark, table, transaction.get(), snapshot.version()):
        metadata = _metadata(row["userMetadata"])
        if (metadata.get("bucket"), metadata.get("seq_len")) == (bucket, seq_len):
            return Commit(number=row["version"], fingerprint=str(metadata.get("fingerprint")))
    return None


def _history_since(spark: SparkSession, table: DeltaTable, first: int, last: int) -> list[Row]:
    """Return the commits from number `first` on, newest first, as far as the log has them. `last`
    is the newest that was seen; others may have come since."""
    limit = last - first + 1
    rows = spark.sql(f"DESCRIBE HISTORY {table.identifier} LIMIT {limit}").collect()
    rows.sort(key=lambda row: int(row["version"]), reverse=True)
    if len(rows) < limit or rows[-1]["version"] <= first:
        return rows
    return _history_since(spark, table, first, rows[0]["version"])


def publish(spark: SparkSession, table: DeltaTable, version: Version) -> tuple[Commit, bool]:
    """Commit the rows of a complete version, unless the newest commit of its bucket and seq_len is
    already of this version. Return that commit, and whether it was there before. If the commit of
    another writer gets in the way, it is tried again."""
    return _despite_others(partial(_publish, spark, table, version))


def _publish(spark: SparkSession, table: DeltaTable, version: Version) -> tuple[Commit, bool]:
    manifest = publication.need_manifest(version)
    bucket, seq_len = _key(manifest)
    newest = newest_commit(spark, table, bucket, seq_len)
    if newest is not None and newest.fingerprint == manifest.fingerprint:
        return newest, True
    _overwrite(spark, table, version, manifest)
    commit = newest_commit(spark, table, bucket, seq_len)
    assert commit is not None, "committed just now"
    return commit, False


def _despite_others(act: Callable[[], Done]) -> Done:
    for _ in range(_ATTEMPTS - 1):
        try:
            return act()
        except (PySparkException, Py4JError) as error:
            if not _CONFLICT.search(str(error)):
                raise
        time.sleep(_SECONDS_BETWEEN)
    return act()


def _overwrite(
    spark: SparkSession, table: DeltaTable, version: Version, manifest: Manifest
) -> None:
    bucket, seq_len = _key(manifest)
    number = newest_snapshot(spark, table.location).version() + 1
    metadata = {key: value for key, value in manifest.as_json().items() if key != "files"}
    with _settings(spark, _one_file_a_task(seq_len)):
        (
            _rows(spark, table.kind, version, manifest)
            .writeTo(table.identifier)
            .option("userMetadata", json.dumps(metadata, sort_keys=True))
            .option("txnAppId", _application(bucket, seq_len))
            .option("txnVersion", str(number))
            .overwrite((sf.col("bucket") == bucket) & (sf.col("seq_len") == seq_len))
        )


def _rows(spark: SparkSession, kind: FileKind, version: Version, manifest: Manifest) -> DataFrame:
    schema, published = _SCHEMAS[kind]
    paths = [f"{version.directory}/{entry.path}" for entry in manifest.files_of(kind)]
    rows = read_files(spark, paths, schema)
    key = {"bucket": sf.lit(manifest.bucket), "seq_len": sf.lit(manifest.seq_len)}
    return rows.withColumns(key).select(*published.names)


def _key(manifest: Manifest) -> tuple[str, int]:
    assert manifest.seq_len is not None, "sequences have one"
    return manifest.bucket, manifest.seq_len


def _application(bucket: str, seq_len: int) -> str:
    return f"bfpack/{bucket}/{seq_len}"


def _metadata(text: str | None) -> dict[str, Any]:
    """Return the metadata of a commit. It is empty if the commit is not ours."""
    try:
        metadata = json.loads(text or "{}")
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _one_file_a_task(seq_len: int) -> dict[str, str]:
    """Return settings under which a task writes its rows in the order in which they come, and holds
    few of them.

    All rows of a task go to one partition of the table, but without the first setting they would be
    sorted by it. Without the others, Parquet's writer would look at its size every 100 rows, which
    is 400 MB of the longest. 60 rows of 2^20 tokens were more than a heap of 600 MB could hold;
    with these settings they fit.
    """
    rows = str(min(max((1 << 20) // seq_len, 1), 100))
    return {
        "spark.sql.maxConcurrentOutputFileWriters": "1",
        "parquet.page.size.row.check.min": rows,
        "parquet.block.size.row.check.min": rows,
    }


@contextmanager
def _settings(spark: SparkSession, settings: dict[str, str]) -> Iterator[None]:
    before = {key: spark.conf.get(key, None) for key in settings}
    for key, value in settings.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, was in before.items():
            if was is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, was)


def _describe_or_create(spark: SparkSession, asked: str, name: str, kind: FileKind) -> Row:
    named = identifier(asked, name)
    there = describe(spark, asked, named)
    if there is not None:
        return there
    files = access.list_files(location_of(name)) if "/" in name else []
    if any("/_delta_log/" not in info.path for info in files):
        raise InputError(f"{asked}: holds files and is no Delta table; name another place")
    columns, partitions = spark_ddl(_SCHEMAS[kind][1]), ", ".join(PARTITIONED_BY)
    spark.sql(f"CREATE TABLE {named} ({columns}) USING delta PARTITIONED BY ({partitions})")
    created = describe(spark, asked, named)
    assert created is not None, "created just now"
    return created


def _check_table(
    spark: SparkSession, asked: str, kind: FileKind, named: str, partitions: list[str]
) -> None:
    """Raise InputError if a table lacks a column, has another type, or other partitions."""
    if partitions != list(PARTITIONED_BY):
        raise InputError(
            f"{asked}: is partitioned by {', '.join(partitions) or 'nothing'}, not by bucket and "
            "seq_len; name another table"
        )
    wanted: pa.Schema = _SCHEMAS[kind][1]
    there = dict(spark.table(named).dtypes)
    for name, kind_wanted in spark.createDataFrame([], spark_ddl(wanted)).dtypes:
        if there.get(name) != kind_wanted:
            raise InputError(
                f"{asked}: has column {name} as {there.get(name, 'none')}, wanted {kind_wanted}; "
                "name another table"
            )
