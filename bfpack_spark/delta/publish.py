"""Sequences that are published are also published to a Delta table, if the user asks for it."""

import logging
import time

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from bfpack_spark.config import Settings
from bfpack_spark.delta import output
from bfpack_spark.delta.output import DeltaTable
from bfpack_spark.delta.tables import need_delta, reason
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.logs import facts
from bfpack_spark.spark.progress import Work, watched
from bfpack_spark.versions.versions import Version

log = logging.getLogger("bfpack")


def check_delta(spark: SparkSession, settings: Settings) -> None:
    """Raise InputError if Delta is asked for and the session does not have it."""
    if settings.input_format == "delta":
        need_delta(spark, "--input-format delta")
    if settings.publish_delta is not None:
        need_delta(spark, f"--publish-delta {settings.publish_delta}")


def open_tables(spark: SparkSession, settings: Settings) -> list[DeltaTable]:
    """Return the tables that take what is published, in the order in which they take it. Raise
    InputError for the mistakes of the user, before the work begins. The table of sequences comes
    last, so those who see a sequence find its plan."""
    name = settings.publish_delta
    if name is None:
        return []
    kinds = {f"{name.rstrip('/')}_plan": "plan"} if settings.publish_plan else {}
    try:
        return [output.open_table(spark, n, k) for n, k in {**kinds, name: "shards"}.items()]
    except (PySparkException, Py4JError) as error:
        raise InputError(f"--publish-delta {name}: {reason(error)}") from error


def publish_to_delta(spark: SparkSession, tables: list[DeltaTable], version: Version) -> None:
    """Commit a published version to each table, unless the table's newest commit for the bucket and
    seq_len is already of this version. Raise JobError if that fails; the version stays published as
    Parquet."""
    manifest = version.manifest()
    assert manifest is not None, "only a complete version can be published"
    seq_len, amount = version.place.seq_len, manifest["totals"]["tokens"]
    work = Work(bucket=version.place.bucket, stage=f"delta {seq_len}", amount=amount, unit="tokens")
    for table in tables:
        started = time.monotonic()
        try:
            with watched(spark, work):
                made, before = output.publish(spark, table, version)
        except (PySparkException, Py4JError) as error:
            log.error("%s", error)
            raise JobError(
                f"--publish-delta {table.name}: {version.name} is published, but not to Delta: "
                f"{reason(error)}; run it again"
            ) from error
        seconds = time.monotonic() - started
        told = {"table": table.name, "table_version": made.number, "done_before": before}
        told |= {"seq_len": seq_len, "version": version.name, "seconds": seconds}
        log.info(
            "delta: %s %s is version %d of %s",
            "nothing to do," if before else f"in {seconds:.1f} s,",
            version.name,
            made.number,
            table.name,
            extra=facts(stage="delta", **told),
        )
