"""A Delta table as input: the files of one version, which are read as Parquet where they lie.

Delta says which files these are, so one that was removed and still lies there is not read. What its
table features mean for a file travels with it: rows that a deletion vector deletes, by number; the
values of its partition's columns; and, by column mapping, what it calls its columns.
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

# Those features of readers that leave the columns we read as they are, or that are minded here.
_KNOWN_FEATURES = {
    *("columnMapping", "deletionVectors", "timestampNtz", "typeWidening", "typeWidening-preview"),
    *("v2Checkpoint", "vacuumProtocolCheck", "variantType", "variantType-preview"),
    "variantShredding-preview",
}
_PHYSICAL = "delta.columnMapping.physicalName"


def take_snapshot(spark: SparkSession, table: str, version: int | None) -> tuple[Inventory, int]:
    """The files of a version of a table (None: the newest), and the version's number."""
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
    found = _files(spark, log, snapshot, {name: physical[name] for name in partitioned})
    if not found:
        raise InputError(f"{asked}: no files in version {snapshot.version()}; nothing to pack")
    columns = {name: own for name, own in physical.items() if name not in partitioned}
    ordered = tuple(sorted(found, key=lambda file: file.name))
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
    """`partitioned`: the partition columns, and what the log calls them."""
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
    """Of each file with a deletion vector: the numbers of the deleted rows, ascending, int64."""
    delta, conf = java(spark).org.apache.spark.sql.delta, java_session(spark).sessionState()
    store = delta.storage.dv.HadoopFileSystemDVStore(conf.newHadoopConf())
    bitmaps = delta.deletionvectors.StoredBitmap
    found = {}
    for added in snapshot.allFiles().filter("deletionVector is not null").collectAsList():
        rows = bitmaps.create(added.deletionVector(), log.dataPath()).load(store).toArray()
        found[added.path()] = _little_endian(spark, rows)
    return found


def _little_endian(spark: SparkSession, values: Any) -> bytes:
    """A long[] of the JVM as bytes: taken one by one, each would be a message of its own."""
    nio = java(spark).java.nio
    buffer = nio.ByteBuffer.allocate(8 * len(values)).order(nio.ByteOrder.LITTLE_ENDIAN)
    buffer.asLongBuffer().put(values)
    return bytes(buffer.array())


def _name(path: str) -> str:
    """Relative to the table; of a file elsewhere (a shallow clone's), what is unique in it."""
    return unquote(path).rpartition("/")[2] if _elsewhere(path) else unquote(path)


def _path(root: str, path: str) -> str:
    return _plain(unquote(path)) if _elsewhere(path) else f"{root}/{unquote(path)}"


def _elsewhere(path: str) -> bool:
    return re.match(r"\w+:/|/", path) is not None


def _plain(address: str) -> str:
    """file:/x -> /x"""
    return re.sub("^file:/+", "/", address)
