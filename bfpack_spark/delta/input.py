"""A version of a Delta table as input, by Delta's own SQL and reader. So deleted rows, renamed
columns, partitions and whatever else a table may have are Delta's business.

If all commits since an earlier version only appended, the rows of the files that are new since then
are all that is new.
"""

import functools
import re
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.delta.tables import describe, identifier, need_delta
from bfpack_spark.errors import InputError
from bfpack_spark.spark.frames import Frame

_FILE = "_metadata.file_path"
_APPENDS = {"WRITE": "mode", "STREAMING UPDATE": "outputMode"}  # and what tells how they wrote


def open_path(spark: SparkSession, table: str, version: str | None) -> Frame:
    """Return the rows of a version of the table at a path (None: the newest). Raise InputError if
    there is no such table or version."""
    asked = f"--input {table}"
    if "/" not in table:
        raise InputError(
            f"{asked}: --input-format delta takes a path (./NAME); a table's name goes with "
            "--input-format table"
        )
    need_delta(spark, asked)
    name = table.rstrip("/").rpartition("/")[2]
    return open_delta(spark, table, identifier(asked, table), name, "delta", version)


def open_delta(
    spark: SparkSession, table: str, named: str, name: str, kind: str, version: str | None
) -> Frame:
    """Return the rows of a version of a table. named: its name in SQL; name: in the manifest; kind:
    delta or table. The id of the table stands in the stamp, since a table that was dropped and made
    anew counts from 0 again. Raise InputError if there is no such table or version."""
    detail = describe(spark, f"--input {table}", named)
    if detail is None:
        raise InputError(f"--input {table}: no such Delta table; check the path")
    newest = spark.sql(f"DESCRIBE HISTORY {named} LIMIT 1").collect()[0]["version"]
    number = newest if version is None else _number(table, version, newest)
    delta = _Table(spark=spark, named=named, id=detail["id"])
    try:
        rows = delta.version(number)
    except AnalysisException:
        raise InputError(
            f"--input-version {number}: {table} no longer has it; DESCRIBE HISTORY lists what it "
            "has"
        ) from None
    return Frame(
        format=kind,
        name=name,
        stamp=delta.stamp(number),
        rows=rows,
        place=_place_in(rows),
        added_since=functools.partial(_added_since, delta, number),
    )


def _place_in(rows: DataFrame) -> Column | None:
    """Return what names a row, or None: Delta numbers the rows of a file only where the table has
    deletion vectors or row tracking."""
    place = sf.concat("_metadata.file_name", sf.lit("#"), sf.col("_metadata.row_index"))
    try:
        rows.select(place).schema  # noqa: B018  # under Spark Connect, only this makes Spark look
    except AnalysisException:
        return None
    return place


@dataclass(frozen=True, kw_only=True)
class _Table:
    spark: SparkSession
    named: str
    id: str

    def version(self, number: int) -> DataFrame:
        reader = self.spark.read.format("delta").option("versionAsOf", number)
        return reader.table(self.named)

    def stamp(self, number: int) -> str:
        return f"delta {self.id} {number}"

    def files(self, number: int) -> set[str]:
        rows = self.version(number).select(sf.col(_FILE).alias("path")).distinct()
        return {row["path"] for row in rows.collect()}


def _number(table: str, version: str, newest: int) -> int:
    if not version.isdecimal() or int(version) > newest:
        raise InputError(
            f"--input-version {version}: not in {table}; its newest version is {newest}"
        )
    return int(version)


def _added_since(table: _Table, number: int, stamp: str) -> Column | None:
    """Return which rows of version `number` are new since the version of an earlier stamp, or None
    if commits did more than append, or if the log has no longer all of them."""
    earlier = re.fullmatch(re.escape(table.stamp(0)[:-1]) + r"(\d+)", stamp)
    if earlier is None or int(earlier[1]) >= number:
        return None
    first = int(earlier[1])
    history = table.spark.sql(f"DESCRIBE HISTORY {table.named}")
    commits = history.where(sf.col("version").between(first + 1, number)).collect()
    if len(commits) < number - first or not all(map(_only_appends, commits)):
        return None
    return sf.col(_FILE).isin(sorted(table.files(number) - table.files(first)))


def _only_appends(commit: Row) -> bool:
    how = _APPENDS.get(commit["operation"])
    parameters = commit["operationParameters"] or {}
    return bool(how and parameters.get(how) == "Append" and commit["isBlindAppend"])
