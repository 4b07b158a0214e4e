"""Tables and views of Spark's catalog as input of the commands."""

from collections.abc import Iterator

import pytest
from frames.desk import TEXTS, FrameDesk, frame_of
from outputs import manifest, shard_hashes
from pyspark.sql import SparkSession

from bfpack_spark import verify
from bfpack_spark.errors import InputError

JDBC = "jdbc:derby:memory:bfpack"


@pytest.fixture
def named(spark: SparkSession) -> Iterator[str]:
    """A table without snapshots."""
    frame_of(spark).write.format("parquet").mode("overwrite").saveAsTable("some_docs")
    yield "default.some_docs"
    spark.sql("DROP TABLE some_docs")


def test_a_table_gives_the_shards_of_the_same_documents_in_files(
    named: str, frame_desk: FrameDesk, shards_of_texts: list[tuple[str, str]]
) -> None:
    frame_desk.pack_table("--input", named, "--input-version", "monday").succeeds()
    assert shard_hashes(frame_desk.version()) == shards_of_texts
    inputs = manifest(frame_desk.version(kind="tokens"))["inputs"]
    assert inputs["inventory"] == [[named, 0, "monday"]]
    assert inputs["configuration"]["input_format"] == "table"
    held = frame_desk.run("verify", "--input", named).succeeds()
    assert f"{len(TEXTS)} documents equal their text tokenized anew" in held.out


def test_verify_reads_what_was_packed_and_says_what_else_is_named(
    named: str, frame_desk: FrameDesk
) -> None:
    config = frame_desk.folder / "run.toml"
    config.write_text('input_version = "monday"\n')
    frame_desk.pack_table("--input", named, "--config", config).succeeds()
    config.write_text('input_version = "tuesday"\n')  # what is packed next
    held = frame_desk.run("verify", "--input", "some_docs", "--config", config).succeeds()
    assert f"{len(TEXTS)} documents equal their text tokenized anew" in held.out
    other = frame_desk.run("verify", "--input", named, "--input-version", "tuesday")
    other.refuses(f"--input {named}: is tuesday, and b was made of monday; leave --input-ve")


def test_a_frame_beside_what_was_made_of_a_table_or_of_files_is_refused(
    named: str, spark: SparkSession, frame_desk: FrameDesk
) -> None:
    assert frame_desk.pack_table("--input", named, "--input-version", "monday").code == 0
    with pytest.raises(InputError, match=r"documents: b was made of a table; give input=\.\.\."):
        verify(frame_of(spark), **frame_desk.place)
    lines = frame_desk.folder / "a.jsonl"
    lines.write_text('{"doc_id": "a", "text": "some words"}\n')
    how = ("--tokenizer", frame_desk.tokenizer, "--id-column", "doc_id")
    assert frame_desk.run("pack", "--input", lines, *how).code == 0
    with pytest.raises(InputError, match=r"documents: b was made of files; give input=\.\.\."):
        verify(frame_of(spark), **frame_desk.place)
    ran = frame_desk.run("verify", "--input", lines, "--input-version", 7)
    ran.refuses("--input-version 7: b was made of files, which have no versions; leave it")


def test_a_view_and_a_database_behind_jdbc_are_tables(
    spark: SparkSession, frame_desk: FrameDesk, shards_of_texts: list[tuple[str, str]]
) -> None:
    """Derby comes with Spark."""
    how = {"url": JDBC, "dbtable": "docs"}
    rows = frame_of(spark).selectExpr("doc_id", "cast(text as varchar(400)) as text")
    rows.write.format("jdbc").options(**{**how, "url": f"{JDBC};create=true"}).save()
    options = ", ".join(f"{key} '{value}'" for key, value in how.items())
    spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW behind USING jdbc OPTIONS ({options})")
    spark.sql("CREATE OR REPLACE TEMPORARY VIEW seen AS SELECT DOC_ID AS doc_id, text FROM behind")
    frame_desk.pack_table("--input", "seen", "--input-version", "2026-11-28").succeeds()
    assert shard_hashes(frame_desk.version()) == shards_of_texts


def test_what_is_no_table_is_said_in_a_line(named: str, frame_desk: FrameDesk) -> None:
    cases: list[tuple[tuple[object, ...], str]] = [
        (("--input", named), f"--input {named}: is a table of parquet, without snapshots of its"),
        (("--input", "none.docs"), "no such table or view in Spark's catalog"),
        (("--input", "./docs"), "--input ./docs: no table is called so; write NAME, DB.NAME or"),
        (("--input", named, "--input", "b"), "of tables one is read in a run"),
        (("--input", named, "--input-version", 1, "--text-column", "body"), "no such column in d"),
    ]
    for arguments, said in cases:
        ran = frame_desk.pack_table(*arguments)
        ran.refuses(said)
        assert ran.err.count("\n") <= 2, ran.err
    assert not (frame_desk.folder / "out").exists()
    frame_desk.bfpack(
        *("stats", "--sample", 2, "--input", named, "--input-format", "table"),
        *("--tokenizer", frame_desk.tokenizer, "--seq-len", 16),
    ).refuses("--input-format table: a table is not sampled")
