"""A Delta table as input: the files of one of its versions, read as Parquet where they lie.

Delta says which files these are, so a file that was removed from the table and still lies there is
not read. What the features of the table mean for a file travels with it: the numbers of the rows
that a deletion vector deletes; the values of the columns of its partition; and, with column
mapping, the names of its columns in the file.
"""

import json
import re
from typing import Any
from urllib.parse import unquote

from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.corpus.inventory import InputFile, Inventory
from bfpack_spark.delta.tables import (
    delta_log,
    describe,
    identifier,
    java,
    java_session,
    need_delta,
    snapshot_at,
)
from bfpack_spark.errors import InputError

# Features of readers that do not change the columns we read, or that this module takes care of.
_KNOWN_FEATURES = {
    *("columnMapping", "deletionVectors", "timestampNtz", "typeWidening", "typeWidening-preview"),
    *("v2Checkpoint", "vacuumProtocolCheck", "variantType", "variantType-preview"),
    "variantShredding-preview",
}
_PHYSICAL = "delta.columnMapping.physicalName"


def take_snapshot(spark: SparkSession, table: str, version: int | None) -> tuple[Inventory, int]:
    """Return the files of a version of a table (None: the newest), and the number of that version.
    Raise InputError if there is no such table or version, if it has no files, or if it has a
    feature that is not known here."""
    asked = f"--input {table}"
    need_delta(spark, asked)
    detail = describe(spark, asked, identifier(asked, table))
    if detail is None:
        raise InputError(
            f"{asked}: no such Delta table; what has a slash is a path (./NAME), all else a name "
            "in Spark's catalog"
        )
    log = delta_log(spark, detail["location"])
    try:
        snapshot = snapshot_at(spark, log, version)
    except LookupError as error:
        raise InputError(f"--input-version {version}: not in {table}; {error}") from None
    _check_features(asked, snapshot)
    if snapshot.metadata().columnMappingMode().name() == "id":
        raise InputError(
            f"{asked}: maps columns by id (delta.columnMapping.mode), which is not known here; "
            "write the documents to Parquet"
        )
    physical = _physical_names(snapshot)
    partitioned = _partition_columns(snapshot)
    files = _files(spark, log, snapshot, {name: physical[name] for name in partitioned})
    if not files:
        raise InputError(f"{asked}: no files in version {snapshot.version()}; nothing to pack")
    columns = {name: own for name, own in physical.items() if name not in partitioned}
    ordered = tuple(sorted(files, key=lambda file: file.name))
    return Inventory(format="delta", files=ordered, columns=columns), snapshot.version()


def _check_features(asked: str, snapshot: Any) -> None:
    features = snapshot.protocol().readerFeatureNames().mkString("\n").split("\n")
    unknown = sorted(set(features) - _KNOWN_FEATURES - {""})
    if unknown:
        raise InputError(
            f"{asked}: has the table feature {unknown[0]}, which is not known here; "
            f"ALTER TABLE ... DROP FEATURE `{unknown[0]}`, or write the documents to Parquet"
        )


def _physical_names(snapshot: Any) -> dict[str, str]:
    fields = json.loads(snapshot.schema().json())["fields"]
    return {field["name"]: field["metadata"].get(_PHYSICAL, field["name"]) for field in fields}


def _partition_columns(snapshot: Any) -> list[str]:
    joined = snapshot.metadata().partitionColumns().mkString("\n")
    return joined.split("\n") if joined else []


def _files(
    spark: SparkSession, log: Any, snapshot: Any, partitioned: dict[str, str]
) -> list[InputFile]:
    """Return the files of a snapshot. `partitioned`: the partition columns, each with its name in
    the log."""
    root = _plain(log.dataPath().toString())
    deleted = _deleted_rows(spark, log, snapshot)
    added = DataFrame(snapshot.allFiles().toDF(), spark)
    rows = added.select("path", "size", "modificationTime", "partitionValues").collect()
    return [
        InputFile(
            name=_name(row["path"]),
            path=_path(root, row["path"]),
            size=row["size"],
            modified=row["modificationTime"] * 1_000_000,
            deleted=deleted.get(row["path"], b""),
            partition={name: row["partitionValues"][own] for name, own in partitioned.items()},
        )
        for row in rows
    ]


def _deleted_rows(spark: SparkSession, log: Any, snapshot: Any) -> dict[str, bytes]:
    """Return, for each file with a deletion vector, the numbers of its deleted rows, ascending, as
    int64."""
    delta, conf = java(spark).org.apache.spark.sql.delta, java_session(spark).sessionState()
    store = delta.storage.dv.HadoopFileSystemDVStore(conf.newHadoopConf())
    bitmaps = delta.deletionvectors.StoredBitmap
    deleted = {}
    for added in snapshot.allFiles().filter("deletionVector is not null").collectAsList():
        rows = bitmaps.create(added.deletionVector(), log.dataPath()).load(store).toArray()
        deleted[added.path()] = _little_endian(spark, rows)
    return deleted


def _little_endian(spark: SparkSession, values: Any) -> bytes:
    """Return a long[] of the JVM as bytes. Taken one by one, each number would be a message of its
    own."""
    nio = java(spark).java.nio
    buffer = nio.ByteBuffer.allocate(8 * len(values)).order(nio.ByteOrder.LITTLE_ENDIAN)
    buffer.asLongBuffer().put(values)
    return bytes(buffer.array())


def _name(path: str) -> str:
    """Return the path relative to the table. For a file that lies elsewhere (that of a shallow
    clone), return its last part, which is unique."""
    return unquote(path).rpartition("/")[2] if _elsewhere(path) else unquote(path)


def _path(root: str, path: str) -> str:
    return _plain(unquote(path)) if _elsewhere(path) else f"{root}/{unquote(path)}"


def _elsewhere(path: str) -> bool:
    return re.match(r"\w+:/|/", path) is not None


def _plain(address: str) -> str:
    """Return a local address as a path: file:/x -> /x"""
    return re.sub("^file:/+", "/", address)
