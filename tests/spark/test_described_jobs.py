"""Every job of Spark says of which bucket and stage it is."""

from pathlib import Path

from conftest import Bfpack, Corpus, pack_options
from pyspark.sql import SparkSession


def descriptions(spark: SparkSession, first: int) -> list[str | None]:
    """What the jobs from this number on say of themselves."""
    store = spark.sparkContext._jsc.sc().statusStore()
    told = (store.job(number).description() for number in range(first, num_jobs(spark)))
    return [each.get() if each.isDefined() else None for each in told]


def num_jobs(spark: SparkSession) -> int:
    return int(spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())


def test_every_job_says_its_bucket_and_stage(
    corpus: Corpus, bfpack: Bfpack, spark: SparkSession, tmp_path: Path
) -> None:
    first = num_jobs(spark)
    where = ("--output", tmp_path / "out", "--bucket", "small", "--seq-len", 512)
    assert bfpack("pack", *pack_options(corpus, tmp_path / "out"), "--seq-len", 512).code == 0
    assert bfpack("verify", *where, "--input", corpus.path).code == 0
    told = descriptions(spark, first)
    assert {*told} == {
        *("small: start workers", "small: tokenize", "small: plan 512", "small: assemble 512"),
        "small: verify 512",
    }


def test_what_the_user_says_of_a_session_stands_again_afterwards(
    packed: Path, bfpack: Bfpack, spark: SparkSession
) -> None:
    spark.sparkContext.setLocalProperty("spark.job.description", "a cell of a notebook")
    try:
        where = ("--output", packed, "--bucket", "small", "--seq-len", 512)
        assert bfpack("verify", *where).code == 0
        assert (
            spark.sparkContext.getLocalProperty("spark.job.description") == "a cell of a notebook"
        )
    finally:
        spark.sparkContext.setLocalProperty("spark.job.description", None)  # type: ignore[arg-type]
