"""Iceberg tables as input, with Iceberg's own runtime and a catalog in a folder."""

import shlex

import pytest
from conftest import ROOT
from frames.desk import TEXTS, FrameDesk, frame_of
from outputs import manifest, shard_hashes
from pyspark.sql import SparkSession
from readmes import block

pytestmark = [
    pytest.mark.iceberg,
    pytest.mark.timeout(900),  # a jar of 48 MB is fetched once, and a busy machine takes its time
]
MORE = {"d": "words that were added later", "e": "and some more of them"}


@pytest.fixture
def table(spark: SparkSession) -> str:
    if spark.conf.get("spark.sql.catalog.lake", None) is None:
        pytest.skip("Iceberg has no runtime for this Spark, or no package registry answers")
    spark.sql("DROP TABLE IF EXISTS lake.db.docs")
    spark.sql("CREATE TABLE lake.db.docs (doc_id string, text string) USING iceberg")
    return "lake.db.docs"


def snapshots(spark: SparkSession, table: str) -> list[int]:
    rows = spark.sql(f"SELECT snapshot_id FROM {table}.snapshots ORDER BY committed_at").collect()
    return [row["snapshot_id"] for row in rows]


def test_a_snapshot_of_iceberg_gives_the_shards_of_its_documents_in_files(
    spark: SparkSession,
    table: str,
    frame_desk: FrameDesk,
    shards_of_texts: list[tuple[str, str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="bfpack")
    frame_of(spark).writeTo(table).append()
    frame_desk.pack_table("--input", table).succeeds()
    assert shard_hashes(frame_desk.version()) == shards_of_texts
    (first,) = snapshots(spark, table)
    inventory = manifest(frame_desk.version(kind="tokens"))["inputs"]["inventory"]
    assert inventory == [["docs", 0, f"iceberg {first}"]]

    frame_of(spark, MORE).writeTo(table).append()
    spark.sql(f"DELETE FROM {table} WHERE doc_id = 'b'")
    config = frame_desk.folder / "run.toml"
    config.write_text('input_version = "main"\n')
    # Of the snapshot that was packed, wherever the branch is by now.
    held = frame_desk.run("verify", "--input", table, "--config", config).succeeds()
    assert f"{len(TEXTS)} documents equal their text tokenized anew" in held.out
    caplog.clear()
    assert frame_desk.pack_table("--input", table, "--input-version", first).code == 0
    assert caplog.text.count("nothing to do") == 2

    assert frame_desk.pack_table("--input", table).code == 0
    left = {doc_id: text for doc_id, text in {**TEXTS, **MORE}.items() if doc_id != "b"}
    assert shard_hashes(frame_desk.version()) == frame_desk.of_files(left)
    spark.sql("USE lake.db")
    try:
        assert frame_desk.pack_table("--input", "docs", "--input-version", "main").code == 0
    finally:
        spark.sql("USE spark_catalog.default")
    assert caplog.text.count("nothing to do") == 4


def test_the_command_of_the_readme_runs_as_printed(
    spark: SparkSession, table: str, frame_desk: FrameDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame_of(spark).writeTo(table).append()
    (frame_desk.folder / ".demo").mkdir()
    (frame_desk.folder / ".demo" / "tokenizer").symlink_to(frame_desk.tokenizer)
    (frame_desk.folder / "conf").symlink_to(ROOT / "conf")
    monkeypatch.chdir(frame_desk.folder)
    command = block("jobs/README.md", "This command is run by tests/integration/test_ice", "sh")
    name, *arguments = shlex.split(command.replace("\\\n", " "))
    assert name == "bfpack"
    ran = frame_desk.bfpack(*arguments).succeeds()
    assert ran.out.startswith("docs 2048: 1 sequence, ")


def test_what_iceberg_does_not_have_is_said_in_a_line(
    spark: SparkSession, table: str, frame_desk: FrameDesk
) -> None:
    said = f"--input {table}: is empty, nothing was ever written to it"
    frame_desk.pack_table("--input", table).refuses(said)
    frame_of(spark).writeTo(table).append()
    said = f"{table} has no snapshot, branch or tag of this name"
    frame_desk.pack_table("--input", table, "--input-version", "yesterday").refuses(said)
