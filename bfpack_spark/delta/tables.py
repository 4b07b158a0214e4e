"""Delta tables, through Delta's jars in the session: found by name or path, with snapshots."""

import re
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import Row, SparkSession

from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.addresses import divide
from bfpack_spark.spark.frames import quoted, table_name
from bfpack_spark.spark.versions import Release, context_of, release_of

_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
# The newest of Delta's jars for each release of Spark that has one.
_JARS: dict[Release, str] = {
    (3, 5): "io.delta:delta-spark_2.12:3.3.3",
    (4, 0): "io.delta:delta-spark_4.0_2.13:4.4.0",
    (4, 1): "io.delta:delta-spark_4.1_2.13:4.4.0",
    (4, 2): "io.delta:delta-spark_4.2_2.13:4.4.0",
}
_NO_TABLE = re.compile("DELTA_MISSING_DELTA_TABLE|DELTA_TABLE_NOT_FOUND|TABLE_OR_VIEW_NOT_FOUND")


def need_delta(spark: SparkSession, asked: str) -> None:
    """Raise InputError if the session lacks Delta's jars; it names the settings that bring them.
    Raise it under Spark Connect, too, whose client has no JVM to ask. `asked` is the option that
    needs Delta, with its value."""
    if context_of(spark) is None:
        raise InputError(
            f"{asked}: needs a session with a JVM, and this one is of Spark Connect; for input "
            "name the table in Spark's catalog by --input-format table, for output take the "
            "Parquet, or start a classic session"
        )
    jvm: Any = spark._jvm
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    extended = _EXTENSION in (spark.conf.get("spark.sql.extensions", None) or "")
    # Another catalog than Delta's may know Delta, too, but Spark's own does not.
    catalog = spark.conf.get("spark.sql.catalog.spark_catalog", None) or "builtin"
    # This looks for a resource, since a class that is missing would be an exception.
    there = loader.getResource("org/apache/spark/sql/delta/DeltaLog.class") is not None
    if not (there and extended and catalog != "builtin"):
        told = settings_for(spark.version)
        if told is None:
            raise InputError(
                f"{asked}: Delta has no jar for Spark {spark.version} yet; take a session of Spark "
                f"{', '.join(f'{a}.{b}' for a, b in _JARS)}, or leave Delta out: Parquet needs none"
            )
        settings = " ".join(f"--spark-conf {key}={value}" for key, value in told.items())
        raise InputError(
            f"{asked}: this Spark session is without Delta; start it with {settings} (or these "
            "keys under [spark], or spark-submit's --conf), or leave Delta out: Parquet needs none "
            "of it"
        )


def settings_for(version: str) -> dict[str, str] | None:
    """Return the settings that bring Delta's jars into a session of this version of Spark, or None
    if there are no jars for it."""
    jar = _JARS.get(release_of(version))
    if jar is None:
        return None
    return {
        "spark.jars.packages": jar,
        "spark.sql.extensions": _EXTENSION,
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    }


def identifier(asked: str, table: str) -> str:
    """Return the name of a table in SQL. A table with a slash is a path; any other is a name in
    Spark's catalog. Raise InputError if it is neither.

    "/data/docs" -> delta.`/data/docs`; "db.docs" -> `db`.`docs`
    """
    if "/" in table:
        return f"delta.{quoted(location_of(table))}"
    return table_name(asked, table, "NAME, DB.NAME or a path (./NAME)")


def location_of(path: str) -> str:
    """Return a path in the form that Delta takes, which is absolute. A path that begins with
    `file:` keeps it, since a path without a scheme belongs to Hadoop's default file system."""
    address = divide(path)
    if address.is_local:
        return f"{address.scheme and 'file://'}{access.locate(path)[1]}"
    scheme = {"s3": "s3a"}.get(address.scheme, address.scheme)
    return f"{scheme}://{address.authority}/{address.key}".rstrip("/")


def describe(spark: SparkSession, asked: str, named: str) -> Row | None:
    """Return DESCRIBE DETAIL of the table with this name in SQL, or None if there is none. Raise
    InputError if it is no Delta table, or cannot be described."""
    try:
        detail = spark.sql(f"DESCRIBE DETAIL {named}").first()
    except AnalysisException as error:
        if _NO_TABLE.search(str(error)):
            return None
        raise InputError(f"{asked}: {reason(error)}") from None
    assert detail is not None, "a row, or an error"
    if detail["format"] != "delta":
        raise InputError(f"{asked}: is a table of {detail['format']}, not of Delta")
    return detail


def newest_snapshot(spark: SparkSession, location: str) -> Any:
    """Return the JVM's newest Snapshot of the table in a directory."""
    jvm: Any = spark._jvm
    none = jvm.scala.Option.empty()
    log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, location)
    log.update(False, none, none)  # noqa: FBT003  # Java's, by position
    return log.unsafeVolatileSnapshot()


def reason(error: Exception) -> str:
    """Return the most telling line of an exception of Spark: the last cause of a Java trace."""
    lines = [line.strip().lstrip(": ") for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    told = [line for line in lines if not line.startswith("An error occurred while calling")]
    return next(iter(causes[-1:] or told), type(error).__name__).removeprefix("Caused by: ")
