"""Delta tables with Delta's own jars: read at a version, published to, and read back by Spark and
by delta-rs."""

import functools
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Ran
from outputs import current, manifest, plan_rows, shard_hashes, shard_rows
from pyspark.sql import SparkSession
from readmes import block, run
from trained import byte_level

from bfpack_spark.delta.output import open_table
from bfpack_spark.delta.publish import publish_to_delta
from bfpack_spark.versions.versions import Place, Version

pytestmark = [
    pytest.mark.delta,
    pytest.mark.timeout(900),  # jars of 90 MB are fetched once, and a busy machine takes its time
]

Bfpack = Callable[..., Ran]
SEQ_LEN = 64
WORDS = ["some", "words", "to", "learn", "and", "don't", "forget", "été", "漢字", "x = f(y)"]
TEXTS = {
    f"d{number:02d}": " ".join(WORDS[(number * k) % 10] for k in range(3 + 7 * number % 40))
    for number in range(24)
}
FIRST, SECOND = (dict(list(TEXTS.items())[half]) for half in (slice(0, 12), slice(12, 24)))
GONE = ("d03", "d04", "d15")
LEFT = {doc_id: text for doc_id, text in TEXTS.items() if doc_id not in GONE}


@pytest.fixture(scope="module", autouse=True)
def _delta(spark: SparkSession) -> None:
    if "delta" not in (spark.conf.get("spark.sql.extensions", None) or "").lower():
        pytest.skip("delta-spark 4.4.0 cannot be fetched: no package registry answers")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    byte_level().save(str(path))
    return path


@dataclass(frozen=True)
class Desk:
    """Where commands are typed: an output of its own, one tokenizer."""

    run: Bfpack
    output: Path
    tokenizer: Path

    def bfpack(self, command: str, *arguments: object) -> Ran:
        where = ["--output", self.output, "--seq-len", SEQ_LEN]
        return self.run(command, *where, *arguments)

    def pack(self, *arguments: object, bucket: str | None = "b", ids: bool = True) -> Ran:
        """Pack, and succeed."""
        ran = self.try_to_pack(*arguments, bucket=bucket, ids=ids)
        assert ran.code == 0, ran.err
        return ran

    def try_to_pack(self, *arguments: object, bucket: str | None = "b", ids: bool = True) -> Ran:
        named = ["--bucket", bucket] if bucket else []
        named += ["--id-column", "doc_id"] if ids else []
        return self.bfpack("pack", "--tokenizer", self.tokenizer, *named, *arguments)

    def version(self, bucket: str = "b", seq_len: int = SEQ_LEN) -> Path:
        return current(self.output, bucket, f"sequences-{seq_len}")

    def shards(self, bucket: str = "b") -> list[tuple[str, str]]:
        return shard_hashes(self.version(bucket))

    def documents(self, bucket: str = "b") -> set[str]:
        store = current(self.output, bucket, "tokens")
        rows = pq.read_table(store / "documents", columns=["doc_id"])
        return set(rows.column("doc_id").to_pylist())


@pytest.fixture
def desk(bfpack: Bfpack, tokenizer: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Desk:
    """What is logged counts as said on stderr."""

    def run(*arguments: object) -> Ran:
        caplog.clear()
        ran = bfpack(*arguments)
        said = [record.getMessage() for record in caplog.records if record.name == "bfpack"]
        return Ran(ran.code, ran.out, ran.err + "".join(f"{line}\n" for line in said))

    caplog.set_level("INFO", logger="bfpack")
    return Desk(run, tmp_path / "output", tokenizer)


@pytest.fixture(scope="module")
def from_parquet(
    bfpack: Bfpack, tokenizer: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., list[tuple[str, str]]]:
    """Names and hashes of the shards of documents that lie in Parquet."""

    @functools.cache
    def pack(doc_ids: tuple[str, ...]) -> list[tuple[str, str]]:
        texts = {doc_id: TEXTS[doc_id] for doc_id in doc_ids}
        folder = tmp_path_factory.mktemp("parquet")
        columns = {"doc_id": list(texts), "text": list(texts.values())}
        pq.write_table(pa.table(columns), folder / "part-0.parquet")
        desk = Desk(bfpack, folder / "output", tokenizer)
        desk.pack("--input", folder / "part-0.parquet")
        return desk.shards()

    return lambda texts: pack(tuple(texts))


def rows_of(texts: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """doc_id, text, lang, source: two languages, three sources."""
    numbered = ((doc_id, int(doc_id[1:])) for doc_id in texts)
    return [(d, texts[d], ("de", "fr")[n % 2], f"s{n % 3}") for d, n in numbered]


def append(
    spark: SparkSession, table: Path, texts: dict[str, str], *by: str, **options: str
) -> None:
    """One commit of one file a partition, at a path."""
    rows = spark.createDataFrame(
        rows_of(texts), "doc_id string, text string, lang string, source string"
    )
    writer = rows.coalesce(1).write.format("delta").mode("append")
    (writer.partitionBy(*by) if by else writer).options(**options).save(str(table))


def delete(spark: SparkSession, table: Path, doc_ids: Iterable[str]) -> None:
    listed = ", ".join(f"'{doc_id}'" for doc_id in doc_ids)
    spark.sql(f"DELETE FROM delta.`{table}` WHERE doc_id IN ({listed})")


def history(spark: SparkSession, table: Path | str) -> list[dict[str, Any] | None]:
    """The metadata of each commit of ours, the oldest first."""
    named = f"delta.`{table}`" if isinstance(table, Path) else table
    rows = spark.sql(f"DESCRIBE HISTORY {named}").orderBy("version").collect()
    return [json.loads(row["userMetadata"]) for row in rows if row["userMetadata"]]


def without_files(version: Path) -> dict[str, Any]:
    return {key: value for key, value in manifest(version).items() if key != "files"}


# Input.


def test_a_version_gives_the_shards_of_the_same_documents_in_parquet(
    spark: SparkSession, desk: Desk, from_parquet: Any, tmp_path: Path
) -> None:
    table = tmp_path / "docs"
    append(spark, table, FIRST)
    append(spark, table, SECOND)
    delete(spark, table, GONE)
    on_disk = {p for p in table.rglob("*.parquet") if "_delta_log" not in p.parts}
    assert len(on_disk) > len(spark.read.format("delta").load(str(table)).inputFiles())

    how = ("--input", table, "--input-format", "delta")
    first = desk.pack(*how, "--input-version", 0)
    assert "version 0 of" in first.err
    assert desk.shards() == from_parquet(FIRST)
    second = desk.pack(*how, "--input-version", 1)
    assert "1 new beside 1 that are unchanged; only they are read" in second.err
    assert desk.shards() == from_parquet(TEXTS)
    third = desk.pack(*how)
    assert "version 2 of" in third.err
    assert "everything is tokenized anew" in third.err
    assert desk.shards() == from_parquet(LEFT)
    again = desk.pack(*how, "--input-version", 2)
    assert again.err.count("nothing to do") == 2

    append(spark, table, {"d24": "behind it"})
    held = desk.bfpack("verify", "--bucket", "b", "--input", table, "--input-version", 2)
    assert held.code == 0, held.out + held.err
    assert f"{len(LEFT)} documents equal their text tokenized anew" in held.out


def test_rows_that_deletion_vectors_delete_are_not_read(
    spark: SparkSession, desk: Desk, from_parquet: Any, tmp_path: Path
) -> None:
    table = tmp_path / "docs"
    append(spark, table, TEXTS, **{"delta.enableDeletionVectors": "true"})
    (file,) = table.glob("*.parquet")
    how = ("--input", table, "--input-format", "delta")
    desk.pack(*how, bucket="places", ids=False)
    assert desk.documents("places") == {f"{file.name}#{row}" for row in range(len(TEXTS))}
    delete(spark, table, GONE)
    assert list(table.glob("deletion_vector*"))
    assert list(table.glob("*.parquet")) == [file]
    said = desk.pack(*how, bucket="places", ids=False)
    assert f"1 file changed ({file.name})" in said.err
    rows = [row for row, doc_id in enumerate(TEXTS) if doc_id not in GONE]
    assert desk.documents("places") == {f"{file.name}#{row}" for row in rows}
    desk.pack(*how)
    assert desk.shards() == from_parquet(LEFT)
    held = desk.bfpack("verify", "--bucket", "b", "--input", table)
    assert held.code == 0, held.out

    # A source all of whose rows are deleted is no bucket; of the others only what is left is read.
    delete(spark, table, [doc_id for doc_id in TEXTS if int(doc_id[1:]) % 3 == 1])
    desk.pack(*how, "--bucket-column", "source", bucket=None)
    left = {doc_id for doc_id in LEFT if int(doc_id[1:]) % 3 != 1}
    assert not (desk.output / "s1").exists()
    for source in (0, 2):
        own = {doc_id for doc_id in left if int(doc_id[1:]) % 3 == source}
        assert desk.documents(f"s{source}") == own


def test_a_table_by_name_with_mapped_columns_and_partitions(
    spark: SparkSession, desk: Desk, from_parquet: Any
) -> None:
    spark.sql(
        "CREATE TABLE docs (doc_id string, raw string, lang string, source string) USING delta "
        "PARTITIONED BY (lang) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    )
    rows = spark.createDataFrame(rows_of(TEXTS), spark.table("docs").schema)
    rows.coalesce(1).write.insertInto("docs")
    spark.sql("ALTER TABLE docs RENAME COLUMN raw TO text")
    spark.sql("ALTER TABLE docs RENAME COLUMN lang TO language")
    how = ("--input", "default.docs", "--input-format", "delta")
    desk.pack(*how)
    assert desk.shards() == from_parquet(TEXTS)
    desk.pack(*how, "--bucket-column", "language", bucket=None)
    for number, language in enumerate(("de", "fr")):
        assert desk.documents(language) == {d for d in TEXTS if int(d[1:]) % 2 == number}
    desk.pack(*how, "--bucket-column", "source", bucket="s2")
    assert desk.documents("s2") == {d for d in TEXTS if int(d[1:]) % 3 == 2}
    held = desk.bfpack("verify", "--bucket", "s2", "--input", "docs")
    assert held.code == 0, held.out + held.err


def test_a_table_a_bucket(spark: SparkSession, desk: Desk, tmp_path: Path) -> None:
    append(spark, tmp_path / "in" / "de", FIRST)
    append(spark, tmp_path / "in" / "fr", SECOND)
    desk.pack("--input", f"{tmp_path}/in/{{bucket}}", "--input-format", "delta", bucket=None)
    assert desk.documents("de") == set(FIRST)
    assert desk.documents("fr") == set(SECOND)


def test_what_cannot_be_read_is_said_in_a_line(
    spark: SparkSession, desk: Desk, tmp_path: Path
) -> None:
    table = tmp_path / "docs"
    append(spark, table, FIRST, "lang")
    by_id = tmp_path / "by-id"
    append(spark, by_id, FIRST, **{"delta.columnMapping.mode": "id"})
    plain = tmp_path / "plain"
    spark.range(1).write.parquet(str(plain))
    spark.range(1).write.format("parquet").saveAsTable("plain")
    delta = ("--input-format", "delta")
    cases: list[tuple[tuple[object, ...], str]] = [
        (("--input", table), "holds a Delta table; say --input-format delta"),
        (("--input", plain, "--input-version", 0), "only a Delta table has versions"),
        (("--input", plain, *delta), "no such Delta table; what has a slash is a path"),
        (("--input", "plain", *delta), "is a table of parquet, not of Delta"),
        (("--input", "none.docs", *delta), "no such Delta table; what has a slash is a path"),
        (("--input", "docs[1]", *delta), "no table is called so; write NAME, DB.NAME or a path"),
        (("--input", "docs_{bucket}", *delta), "name the buckets with --bucket"),
        (("--input", table, *delta, "--input-version", 9), "its newest version is 0"),
        (("--input", table, *delta, "--text-column", "lang"), "is a partition column of the table"),
        (("--input", table, *delta, "--text-column", "body"), "no such column in the table"),
        (("--input", table, *delta, "--bucket-column", "body"), "no such column in the table"),
        (("--input", by_id, *delta), "maps columns by id"),
    ]
    for arguments, said in cases:
        bucket = None if "bucket" in str(arguments) else "b"
        ran = desk.try_to_pack(*arguments, bucket=bucket)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert said in ran.err, arguments
        assert ran.err.count("\n") <= 2, ran.err
    assert not desk.output.exists()


# Output.


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
        place = Place(output=str(desk.output), bucket=bucket, seq_len=SEQ_LEN)
        inputs = manifest(desk.version(bucket))["inputs"]
        made.append(Version(place=place, inputs=inputs))
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
    assert sorted(commits) == sorted((v.place.bucket, v.fingerprint) for v in made)
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


def test_the_command_of_the_readme_runs_as_printed(clone: Path) -> None:
    run(clone, block("jobs/README.md", "This command is run by tests/integration/test_delta", "sh"))
    lake = clone / ".demo" / "lake"
    tables = [deltalake.DeltaTable(str(lake / name)) for name in ("sequences", "sequences_plan")]
    rows, plan = (table.to_pyarrow_table() for table in tables)
    assert rows.num_rows > 0
    assert set(plan["doc_id"].to_pylist()) == set(
        chain.from_iterable(rows["doc_ids"].to_pylist())
    ) - {None}
