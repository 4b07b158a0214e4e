"""Every job of Spark says of which bucket and stage it is."""

from dataclasses import replace
from pathlib import Path

from packings import Packing
from pyspark.sql import SparkSession


def descriptions(spark: SparkSession, first: int) -> list[str | None]:
    """What the jobs from this number on say of themselves."""
    store = spark.sparkContext._jsc.sc().statusStore()
    told = (store.job(number).description() for number in range(first, num_jobs(spark)))
    return [each.get() if each.isDefined() else None for each in told]


def num_jobs(spark: SparkSession) -> int:
    return int(spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())


def test_every_job_says_its_bucket_and_stage(
    packing: Packing, spark: SparkSession, tmp_path: Path
) -> None:
    first = num_jobs(spark)
    anew = replace(packing, output=tmp_path / "out")
    anew.pack()
    assert anew.run("verify", "--input", anew.corpus.path).code == 0
    told = descriptions(spark, first)
    assert {*told} == {
        *("small: start workers", "small: tokenize", "small: plan 512", "small: assemble 512"),
        "small: verify 512",
    }


def test_what_the_user_says_of_a_session_stands_again_afterwards(
    packing: Packing, spark: SparkSession
) -> None:
    spark.sparkContext.setLocalProperty("spark.job.description", "a cell of a notebook")
    try:
        assert packing.run("verify").code == 0
        assert (
            spark.sparkContext.getLocalProperty("spark.job.description") == "a cell of a notebook"
        )
    finally:
        spark.sparkContext.setLocalProperty("spark.job.description", None)  # type: ignore[arg-type]
