"""A snapshot of an Iceberg table, found by Iceberg's own metadata tables and read by SQL."""

from pyspark.sql import SparkSession

from bfpack_spark.errors import InputError
from bfpack_spark.spark.frames import Frame

_MAIN = "main"  # Iceberg's name of the branch that is read by default


def iceberg_snapshot(spark: SparkSession, table: str, named: str, version: str | None) -> Frame:
    """Return the rows of a snapshot: that of an id, a branch or a tag (None: the newest). Raise
    InputError if there is none."""
    whole = named if "." in named else _in_current(spark, named)
    number = _number(spark, table, whole, version)
    rows = spark.sql(f"SELECT * FROM {whole} VERSION AS OF {number}")
    name = table.rpartition(".")[2]
    return Frame(format="table", name=name, stamp=f"iceberg {number}", rows=rows)


def _number(spark: SparkSession, table: str, whole: str, version: str | None) -> int:
    refs = {r["name"]: r["snapshot_id"] for r in spark.sql(f"SELECT * FROM {whole}.refs").collect()}
    if version is None:
        if _MAIN not in refs:
            raise InputError(f"--input {table}: is empty, nothing was ever written to it")
        return int(refs[_MAIN])
    if version in refs:
        return int(refs[version])
    snapshots = spark.sql(f"SELECT snapshot_id FROM {whole}.snapshots").collect()
    if version not in {str(row["snapshot_id"]) for row in snapshots}:
        raise InputError(
            f"--input-version {version}: {table} has no snapshot, branch or tag of this name; "
            f"SELECT * FROM {table}.snapshots lists what it has"
        )
    return int(version)


def _in_current(spark: SparkSession, named: str) -> str:
    """Return a name with the catalog and the database that Spark would look for it in, since the
    metadata tables of Iceberg are found only so."""
    catalog, database = spark.sql("SELECT current_catalog(), current_database()").collect()[0]
    return ".".join((f"`{catalog}`", *(f"`{part}`" for part in database.split(".")), named))
