"""Delta tables as input, with Delta's own jars: versions, deleted rows, renamed columns."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from integration.delta_desk import FIRST, GONE, LEFT, SECOND, TEXTS, Desk, append, rows_of
from outputs import current, manifest
from pyspark.sql import SparkSession

pytestmark = [
    pytest.mark.delta,
    pytest.mark.timeout(900),  # jars of 90 MB are fetched once, and a busy machine takes its time
]


def delete(spark: SparkSession, table: Path, doc_ids: Iterable[str]) -> None:
    listed = ", ".join(f"'{doc_id}'" for doc_id in doc_ids)
    spark.sql(f"DELETE FROM delta.`{table}` WHERE doc_id IN ({listed})")


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
    assert re.search(r"input: docs, version delta \S+ 0\n", first.err)
    assert desk.shards() == from_parquet(FIRST)
    second = desk.pack(*how, "--input-version", 1)
    assert re.search(r"docs: only what was added since delta \S+ 0 is read", second.err)
    assert desk.shards() == from_parquet(TEXTS)
    third = desk.pack(*how)
    assert "everything is tokenized anew" in third.err
    assert desk.shards() == from_parquet(LEFT)
    again = desk.pack(*how, "--input-version", 2)
    assert again.err.count("nothing to do") == 2

    append(spark, table, {"d24": "behind it"})
    held = desk.bfpack("verify", "--bucket", "b", "--input", table).succeeds()
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
    assert re.search(
        r"everything is tokenized anew: of the earlier input docs delta .* 1", said.err
    )
    rows = [row for row, doc_id in enumerate(TEXTS) if doc_id not in GONE]
    assert desk.documents("places") == {f"{file.name}#{row}" for row in rows}
    desk.pack(*how)
    assert desk.shards() == from_parquet(LEFT)
    desk.bfpack("verify", "--bucket", "b", "--input", table).succeeds()

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
    how = ("--input", "default.docs", "--input-format", "table")
    desk.pack(*how)
    assert desk.shards() == from_parquet(TEXTS)
    desk.pack(*how, "--bucket-column", "language", bucket=None)
    for number, language in enumerate(("de", "fr")):
        assert desk.documents(language) == {d for d in TEXTS if int(d[1:]) % 2 == number}
    desk.pack(*how, "--bucket-column", "source", bucket="s2")
    assert desk.documents("s2") == {d for d in TEXTS if int(d[1:]) % 3 == 2}
    desk.bfpack("verify", "--bucket", "s2", "--input", "docs").succeeds()


def test_a_table_a_bucket(spark: SparkSession, desk: Desk, tmp_path: Path) -> None:
    append(spark, tmp_path / "in" / "de", FIRST)
    append(spark, tmp_path / "in" / "fr", SECOND)
    desk.pack("--input", f"{tmp_path}/in/{{bucket}}", "--input-format", "delta", bucket=None)
    assert desk.documents("de") == set(FIRST)
    assert desk.documents("fr") == set(SECOND)


def test_a_table_that_is_renamed_is_read_and_counted_anew(spark: SparkSession, desk: Desk) -> None:
    schema = "doc_id string, text string, lang string, source string"
    for name, texts in (("first", FIRST), ("renamed", SECOND)):
        rows = spark.createDataFrame(rows_of(texts), schema).coalesce(1)
        rows.write.format("delta").mode("append").saveAsTable(name)
        desk.pack("--input", name, "--input-format", "table")
        if name == "first":
            spark.sql("ALTER TABLE first RENAME TO renamed")
    store = manifest(current(desk.output, "b", "tokens"))
    assert [(read["name"], read["rows"]) for read in store["inventory"]] == [("renamed", 24)]
    desk.bfpack("verify", "--bucket", "b", "--input", "renamed").succeeds()


def test_files_of_one_name_in_a_converted_table_ask_for_ids(
    spark: SparkSession, desk: Desk, tmp_path: Path
) -> None:
    table = tmp_path / "hive"
    for name, texts in (("de", FIRST), ("fr", SECOND)):
        (table / f"lang={name}").mkdir(parents=True)
        columns = {"doc_id": list(texts), "text": list(texts.values())}
        pq.write_table(pa.table(columns), table / f"lang={name}" / "000000_0")
    spark.sql(f"CONVERT TO DELTA parquet.`{table}` PARTITIONED BY (lang string)")
    how = ("--input", table, "--input-format", "delta")
    says = "--id-column is missing: a row of hive has no place to name it by"
    desk.try_to_pack(*how, ids=False).refuses(says)
    deletable = "'delta.enableDeletionVectors' = 'true'"  # Delta then numbers rows
    spark.sql(f"ALTER TABLE delta.`{table}` SET TBLPROPERTIES ({deletable})")
    desk.try_to_pack(*how, ids=False).refuses(
        "--id-column: documents share ids: '000000_0#0' (2 times)",
        "; files of the table in several folders have one name; give the option ",
    )
    desk.pack(*how)
    assert desk.documents() == set(TEXTS)
    spark.sql(f"INSERT INTO delta.`{table}` SELECT doc_id, text, lang FROM delta.`{table}`")
    said = desk.try_to_pack(*how)
    assert "make ids unique, or leave the option out and documents are named by" in said.err


def test_a_table_made_anew_is_not_what_was_packed(
    spark: SparkSession, desk: Desk, tmp_path: Path
) -> None:
    table = tmp_path / "docs"
    append(spark, table, FIRST)
    append(spark, table, SECOND)
    desk.pack("--input", table, "--input-format", "delta")
    shutil.rmtree(table)
    append(spark, table, FIRST)
    says = "its newest version is 0; b was made of delta "
    desk.bfpack("verify", "--bucket", "b", "--input", table).refuses(says)
    append(spark, table, SECOND)
    held = desk.bfpack("verify", "--bucket", "b", "--input", table)
    assert (held.code, held.out) == (2, "")
    assert re.search(r"docs: is delta \S+ 1, and b was made of delta \S+ 1; leave", held.err)


def test_columns_mapped_by_id_and_of_partitions_are_read_like_others(
    spark: SparkSession, desk: Desk, tmp_path: Path
) -> None:
    table = tmp_path / "by-id"
    append(spark, table, FIRST, "lang", **{"delta.columnMapping.mode": "id"})
    desk.pack("--input", table, "--input-format", "delta")
    assert desk.documents() == set(FIRST)
    desk.pack("--input", table, "--input-format", "delta", "--text-column", "lang", bucket="l")
    assert desk.documents("l") == set(FIRST)


def test_what_cannot_be_read_is_said_in_a_line(
    spark: SparkSession, desk: Desk, tmp_path: Path
) -> None:
    table = tmp_path / "docs"
    append(spark, table, FIRST, "lang")
    plain = tmp_path / "plain"
    spark.range(1).write.parquet(str(plain))
    delta, by_name = ("--input-format", "delta"), ("--input-format", "table")
    cases: list[tuple[tuple[object, ...], str]] = [
        (("--input", table), "holds a Delta table; say --input-format delta"),
        (("--input", plain, "--input-version", 0), "only a table has versions"),
        (("--input", plain, *delta), "no such Delta table; check the path"),
        (("--input", "docs", *delta), "--input-format delta takes a path (./NAME); a table's name"),
        (("--input", "docs_{bucket}", *by_name), "name the buckets with --bucket"),
        (("--input", table, *delta, "--input-version", 9), "its newest version is 0"),
        (("--input", table, *delta, "--text-column", "body"), "no such column in docs"),
        (("--input", table, *delta, "--bucket-column", "body"), "no such column in docs"),
    ]
    for arguments, said in cases:
        bucket = None if "bucket" in str(arguments) else "b"
        ran = desk.try_to_pack(*arguments, bucket=bucket)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert said in ran.err, arguments
        assert ran.err.count("\n") <= 2, ran.err
    assert not desk.output.exists()
