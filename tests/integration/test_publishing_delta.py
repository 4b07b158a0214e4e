"""Sequences published to Delta tables, and read back by Spark and by delta-rs."""

import json
import threading
from itertools import chain
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from integration.delta_desk import FIRST, SEQ_LEN, TEXTS, Desk, append
from outputs import manifest, plan_rows, shard_rows
from pyspark.sql import SparkSession
from readmes import block, run

from bfpack_spark.delta.output import open_table
from bfpack_spark.delta.publish import publish_to_delta
from bfpack_spark.versions.inputs import SequencesInputs
from bfpack_spark.versions.publication import Home, Version

pytestmark = [
    pytest.mark.delta,
    pytest.mark.timeout(900),  # jars of 90 MB are fetched once, and a busy machine takes its time
]


def history(spark: SparkSession, table: Path | str) -> list[dict[str, Any] | None]:
    """The metadata of each commit of ours, the oldest first."""
    named = f"delta.`{table}`" if isinstance(table, Path) else table
    rows = spark.sql(f"DESCRIBE HISTORY {named}").orderBy("version").collect()
    return [json.loads(row["userMetadata"]) for row in rows if row["userMetadata"]]


def without_files(version: Path) -> dict[str, Any]:
    return {key: value for key, value in manifest(version).items() if key != "files"}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "part-0.parquet"
    pq.write_table(pa.table({"doc_id": list(TEXTS), "text": list(TEXTS.values())}), path)
    return path


def read_back(table: Path, **partition: object) -> list[dict[str, Any]]:
    """The rows of a table, or of one partition, in order, by delta-rs."""
    filters = [(column, "=", value) for column, value in partition.items()]
    found = deltalake.DeltaTable(table).to_pyarrow_table(filters=filters or None)
    keys = [k for k in ("bucket", "seq_len", "sequence_id", "position") if k in found.column_names]
    return found.sort_by([(key, "ascending") for key in keys]).to_pylist()


def expected(version: Path, seq_len: int = SEQ_LEN) -> list[dict[str, Any]]:
    rows = sorted(shard_rows(version), key=lambda row: row["sequence_id"])
    return [{**row, "seq_len": seq_len} for row in rows]


def test_a_version_is_one_commit_that_two_readers_see_whole(
    spark: SparkSession, desk: Desk, texts: Path, tmp_path: Path
) -> None:
    table, plan = tmp_path / "tables" / "seq", tmp_path / "tables" / "seq_plan"
    how = ("--input", texts, "--publish-delta", table, "--publish-plan")
    first = desk.pack(*how, "--seq-len", 128)
    assert "is version 1 of" in first.err
    assert history(spark, table) == [without_files(desk.version(seq_len=n)) for n in (64, 128)]
    for seq_len in (64, 128):
        own = read_back(table, seq_len=seq_len)
        assert own == expected(desk.version(seq_len=seq_len), seq_len)
        rows = [
            {**row, "bucket": "b", "seq_len": seq_len}
            for row in plan_rows(desk.version(seq_len=seq_len))
        ]
        assert read_back(plan, seq_len=seq_len) == rows
    by_spark = spark.read.format("delta").load(str(table)).where("seq_len = 64")
    rows = [row.asDict() for row in by_spark.orderBy("sequence_id").collect()]
    assert rows == expected(desk.version())
    assert deltalake.DeltaTable(table).metadata().partition_columns == ["bucket", "seq_len"]

    again = desk.pack(*how, "--seq-len", 128)
    assert again.err.count("delta: nothing to do") == 4
    assert len(history(spark, table)) == len(history(spark, plan)) == 2


def test_an_older_version_is_published_again_and_time_travel_finds_each(
    spark: SparkSession, desk: Desk, texts: Path, tmp_path: Path
) -> None:
    table = tmp_path / "seq"
    versions = {}
    for number, seed in enumerate((0, 1, 0), start=1):
        desk.pack("--input", texts, "--publish-delta", table, "--seed", seed)
        assert read_back(table) == expected(desk.version())
        versions[number] = desk.version()
    assert versions[1] == versions[3] != versions[2]
    assert history(spark, table) == [without_files(version) for version in versions.values()]
    for number, version in versions.items():
        travelled = deltalake.DeltaTable(table, version=number).to_pyarrow_table()
        assert travelled.sort_by("sequence_id").to_pylist() == expected(version)
    # A bucket's commits are found behind those of others.
    desk.pack("--input", texts, "--publish-delta", table, bucket="other")
    quiet = desk.pack("--input", texts, "--publish-delta", table, "--seed", 0)
    assert f"delta: nothing to do, {versions[3].name} is version 3" in quiet.err
    assert read_back(table, bucket="b") == expected(versions[3])
    assert read_back(table, bucket="other") == expected(desk.version("other"))
    assert len(history(spark, table)) == 4


def test_a_commit_that_failed_is_made_by_the_next_run(
    spark: SparkSession, desk: Desk, texts: Path
) -> None:
    spark.sql("CREATE DATABASE nightly")
    how = ("--input", texts, "--publish-delta", "nightly.seq")
    desk.pack(*how)
    spark.sql("ALTER TABLE nightly.seq ADD CONSTRAINT only CHECK (bucket = 'b')")
    failed = desk.try_to_pack(*how, bucket="c")
    assert failed.code == 5
    made = desk.version("c")
    (line,) = [line for line in failed.err.splitlines() if line.startswith("bfpack: error: ")]
    assert f"--publish-delta nightly.seq: {made.name} is published, but not to Delta" in line
    assert "[DELTA_REPLACE_WHERE_MISMATCH]" in line
    assert len(history(spark, "nightly.seq")) == 1
    spark.sql("ALTER TABLE nightly.seq DROP CONSTRAINT only")
    desk.pack(*how, bucket="c")
    assert history(spark, "nightly.seq")[1:] == [without_files(made)]
    there = spark.table("nightly.seq").where("bucket = 'c'").orderBy("sequence_id").collect()
    assert [row.asDict() for row in there] == expected(made)


def test_three_runs_may_publish_to_one_table_at_once(
    spark: SparkSession, desk: Desk, texts: Path, tmp_path: Path
) -> None:
    """Of two buckets, and of one bucket twice; the table is made by whoever is first."""
    made = []
    for bucket, seed in (("a", 0), ("a", 1), ("c", 0)):
        desk.pack("--input", texts, "--seed", seed, bucket=bucket)
        home = Home(output=str(desk.output), bucket=bucket, seq_len=SEQ_LEN)
        inputs = SequencesInputs(**manifest(desk.version(bucket))["inputs"])
        made.append(Version(home=home, inputs=inputs))
    table, gate, failed = tmp_path / "seq", threading.Barrier(3), []

    def publish(version: Version) -> None:
        gate.wait()
        try:
            publish_to_delta(spark, [open_table(spark, str(table), "shards")], version)
        except Exception as error:
            failed.append(str(error))

    threads = [threading.Thread(target=publish, args=(version,)) for version in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    commits = [(said["bucket"], said["fingerprint"]) for said in history(spark, table)]
    assert sorted(commits) == sorted((v.home.bucket, v.fingerprint) for v in made)
    assert read_back(table, bucket="c") == expected(Path(made[2].directory))
    last = [fingerprint for bucket, fingerprint in commits if bucket == "a"][-1]
    (of_a,) = [v for v in made[:2] if v.fingerprint == last]
    assert read_back(table, bucket="a") == expected(Path(of_a.directory))


def test_a_table_that_cannot_take_the_sequences_is_refused(
    spark: SparkSession, desk: Desk, texts: Path, tmp_path: Path
) -> None:
    flat, files, other = (tmp_path / name for name in ("flat", "files", "other"))
    append(spark, flat, FIRST)
    files.mkdir()
    (files / "notes.txt").write_text("mine")
    spark.sql(
        f"CREATE TABLE delta.`{other}` (sequence_id int, bucket string, seq_len int) USING delta "
        "PARTITIONED BY (bucket, seq_len)"
    )
    cases = [
        (flat, "is partitioned by nothing, not by bucket and seq_len; name another table"),
        (files, "holds files and is no Delta table; name another place"),
        (other, "has column sequence_id as int, wanted bigint; name another table"),
        ("none.seq", "[SCHEMA_NOT_FOUND]"),
    ]
    for table, said in cases:
        ran = desk.try_to_pack("--input", texts, "--publish-delta", table)
        assert ran.code == 2, ran.err
        assert f"--publish-delta {table}: {said}" in ran.err
    assert not desk.output.exists()


@pytest.mark.long
def test_the_command_of_the_readme_runs_as_printed(clone: Path) -> None:
    run(clone, block("jobs/README.md", "run by tests/integration/test_publishing_delta", "sh"))
    lake = clone / ".demo" / "lake"
    tables = [deltalake.DeltaTable(str(lake / name)) for name in ("sequences", "sequences_plan")]
    rows, plan = (table.to_pyarrow_table() for table in tables)
    assert rows.num_rows > 0
    assert set(plan["doc_id"].to_pylist()) == set(
        chain.from_iterable(rows["doc_ids"].to_pylist())
    ) - {None}
