"""A table or view of Spark's catalog, by its name, and what identifies its content: the snapshot of
the table itself (of Iceberg and Delta), or else the version that the user says."""

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from bfpack_spark.delta.input import open_delta
from bfpack_spark.errors import InputError
from bfpack_spark.spark.frames import Frame, table_name
from bfpack_spark.tables.iceberg_snapshot import iceberg_snapshot

_DETAILS = "# Detailed Table Information"
_FORMS = "NAME, DB.NAME or CATALOG.DB.NAME, or a path (./NAME) with --input-format delta"


def open_table(spark: SparkSession, table: str, version: str | None) -> Frame:
    """Return the rows of a table or view. `version` is a snapshot of a table that has snapshots
    (None: the newest), and else any text that the user lets stand for what it holds now. Raise
    InputError if there is no such table or version, or if a version must be said and is not."""
    asked = f"--input {table}"
    named = table_name(asked, table, _FORMS)
    provider = _provider(spark, asked, named)
    if provider == "iceberg":
        return iceberg_snapshot(spark, table, named, version)
    if provider == "delta":
        name = table.rpartition(".")[2]
        return open_delta(spark, table, named, name, "table", version)
    if version is None:
        what = f"a table of {provider}" if provider else "a view, or a table without a format"
        raise InputError(
            f"{asked}: is {what}, without snapshots of its own; say by --input-version TEXT which "
            "state it is in, such as the day of its last change"
        )
    return Frame(format="table", name=table, stamp=version, rows=spark.table(named))


def _provider(spark: SparkSession, asked: str, named: str) -> str | None:
    """Return the format of a table in lower case, or None for a view and where none is told."""
    try:
        rows = spark.sql(f"DESCRIBE TABLE EXTENDED {named}").collect()
    except AnalysisException as error:
        if "TABLE_OR_VIEW_NOT_FOUND" not in str(error):
            raise InputError(f"{asked}: {str(error).splitlines()[0]}") from None
        raise InputError(
            f"{asked}: no such table or view in Spark's catalog; write CATALOG.DB.NAME as SQL "
            "does; a Delta table by its path goes with --input-format delta, and files without "
            "--input-format table"
        ) from None
    names = [row["col_name"] for row in rows]
    details = rows[names.index(_DETAILS) :] if _DETAILS in names else []
    told = {row["col_name"]: row["data_type"] for row in details}
    return (told.get("Provider") or "").lower() or None
