"""Sequences that are published are also published to a Delta table, if the user asks for it."""

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from bfpack_spark.config import Settings
from bfpack_spark.delta import output
from bfpack_spark.delta.output import DeltaTable
from bfpack_spark.delta.tables import need_delta, reason
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.logs import log
from bfpack_spark.spark.progress import Work, step
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import FileKind, SequencesManifest
from bfpack_spark.versions.publication import Version


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
    kinds: dict[str, FileKind] = (
        {f"{name.rstrip('/')}_plan": "plan"} if settings.publish_plan else {}
    )
    try:
        return [output.open_table(spark, n, k) for n, k in {**kinds, name: "shards"}.items()]
    except (PySparkException, Py4JError) as error:
        raise InputError(f"--publish-delta {name}: {reason(error)}") from error


def publish_to_delta(spark: SparkSession, tables: list[DeltaTable], version: Version) -> None:
    """Commit a published version to each table, unless the table's newest commit for the bucket and
    seq_len is already of this version. Raise JobError if that fails; the version stays published as
    Parquet."""
    manifest = publication.need_manifest(version)
    if tables and isinstance(manifest, SequencesManifest) and manifest.accounting.targets:
        raise InputError(
            f"--publish-delta {tables[-1].name}: its rows have no loss masks, and those of "
            f"{version.name} do; the version is published, but not to Delta: leave the option out"
        )
    work = Work(
        bucket=version.home.bucket,
        stage="delta",
        seq_len=version.home.seq_len,
        amount=manifest.totals.tokens,
    )
    for table in tables:
        try:
            with step(spark, work, version.name) as ending:
                commit, before = output.publish(spark, table, version)
                how = "nothing to do," if before else "in {seconds},"
                at = f"version {commit.number} of {table.name}"
                ending.line = f"delta: {how} {version.name} is {at}"
                told = {"table": table.name, "table_version": commit.number, "done_before": before}
                ending.counts = {**told, "seq_len": work.seq_len}
        except (PySparkException, Py4JError) as error:
            log.error("%s", error)
            raise JobError(
                f"--publish-delta {table.name}: {version.name} is published, but not to Delta: "
                f"{reason(error)}; run it again"
            ) from error
