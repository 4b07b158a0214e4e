"""pack and verify from Python, on a DataFrame, beside the same documents in files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frames.desk import SEQ_LEN, TEXTS, FrameDesk, frame_of
from outputs import manifest, shard_hashes
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from bfpack_spark import pack, verify
from bfpack_spark.errors import InputError, JobError


def test_a_frame_gives_the_shards_of_the_same_documents_in_files(
    spark: SparkSession, frame_desk: FrameDesk, shards_of_texts: list[tuple[str, str]]
) -> None:
    (packed,) = pack(frame_of(spark).repartition(2), version="monday", **frame_desk.settings)
    version = frame_desk.version()
    assert shard_hashes(version) == shards_of_texts
    assert (packed.bucket, packed.seq_len, packed.version) == ("b", SEQ_LEN, version.name)
    assert packed.shards == f"{version}/shards"
    assert packed.sequences == sum(len(pq.read_table(f)) for f in version.glob("shards/*")) > 5
    (held,) = manifest(frame_desk.version(kind="tokens"))["inventory"]
    assert (held["name"], held["size"], held["etag"]) == ("frame", 0, "monday")
    assert (held["rows"], held["documents"]) == (3, 3)


def test_a_version_is_packed_once_and_another_anew(
    spark: SparkSession, frame_desk: FrameDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="bfpack")
    (first,) = pack(frame_of(spark), version="monday", **frame_desk.settings)
    caplog.clear()
    assert pack(frame_of(spark, {"a": "not read"}), version="monday", **frame_desk.settings) == [
        first
    ]
    assert caplog.text.count("nothing to do") == 2
    (other,) = pack(frame_of(spark), version="tuesday", **frame_desk.settings)
    assert other.version != first.version
    assert "frame monday -> tuesday" in caplog.text


def test_verify_compares_the_text_of_a_frame(spark: SparkSession, frame_desk: FrameDesk) -> None:
    pack(frame_of(spark), version="monday", **frame_desk.settings)
    (report,) = verify(frame_of(spark), **frame_desk.place)
    assert (report.holds, report.compared_with_text) == (True, 3)
    (report,) = verify(frame_of(spark, {**TEXTS, "a": "other words"}), **frame_desk.place)
    assert [(v.document, v.invariant) for v in report.violations] == [("a", 1)]
    (report,) = verify(**frame_desk.place)
    assert (report.holds, report.compared_with_text) == (True, None)
    ran = frame_desk.run("verify", "--input", frame_desk.folder)
    ran.refuses("b was made of a DataFrame; hand it to bfpack_spark.verify")


def test_rows_that_differ_from_job_to_job_are_not_published(
    spark: SparkSession, frame_desk: FrameDesk, tmp_path: Path
) -> None:
    marker, texts = tmp_path / "marker", TEXTS

    def rows_of_today(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Three documents to who asks first, and two to who asks later."""
        list(batches)
        names = list(texts)[: 2 if marker.exists() else 3]
        marker.touch()
        yield pa.RecordBatch.from_pydict({"doc_id": names, "text": [texts[n] for n in names]})

    once = spark.range(1).coalesce(1)
    changing = once.mapInArrow(rows_of_today, "doc_id string, text string")
    how = {**frame_desk.settings, "engine": "tokenizers"}  # which takes no sample
    with pytest.raises(InputError, match="frame: 2 rows were read, Spark counts 3; its rows chan"):
        pack(changing, version="1", **how)
    assert not list(tmp_path.rglob("_manifest.json"))
    assert pack(changing, version="1", **how)  # by now they are two, whoever asks
    assert len(list(frame_desk.version(kind="tokens").glob("documents/*"))) == 1


def test_a_column_divides_a_frame_into_buckets(spark: SparkSession, frame_desk: FrameDesk) -> None:
    source = frame_of(spark).withColumn("year", sf.when(sf.col("doc_id") == "b", 1).otherwise(2))
    how = {**frame_desk.settings, "bucket": (), "bucket_column": "year"}
    packed = pack(source, version="1", **how)
    assert [each.bucket for each in packed] == ["1", "2"]
    assert shard_of(frame_desk, "1") == {"b"}
    assert shard_of(frame_desk, "2") == {"a", "c"}
    reports = verify(source, **frame_desk.place)
    assert [(r.holds, r.compared_with_text) for r in reports] == [(True, 1), (True, 2)]
    holes = source.withColumn("year", sf.when(sf.col("doc_id") == "b", 1))
    with pytest.raises(InputError, match="--bucket-column year: null at frame; buckets are"):
        pack(holes, version="2", **how)


def shard_of(desk: FrameDesk, bucket: str) -> set[str]:
    rows = [pq.read_table(path).to_pylist() for path in desk.version(bucket).glob("shards/*")]
    return {doc_id for own in rows for row in own for doc_id in row["doc_ids"] if doc_id}


def test_ready_tokens_are_taken_from_a_frame(spark: SparkSession, frame_desk: FrameDesk) -> None:
    rows = spark.createDataFrame([(7, [5, 6]), (8, [9])], "n bigint, ids array<int>")
    how = {**frame_desk.settings, "id_column": "n", "tokens_column": "ids"}
    (packed,) = pack(rows, version="1", **how)
    assert (packed.sequences, packed.tokens) == (1, 5)
    assert shard_of(frame_desk, "b") == {"7", "8"}


def test_a_refused_document_is_named_by_its_id(spark: SparkSession, frame_desk: FrameDesk) -> None:
    how = {**frame_desk.settings, "max_quarantined": 1}
    pack(frame_of(spark, {**TEXTS, "n": None}), version="1", **how)
    (path,) = frame_desk.version(kind="tokens").glob("quarantine/*")
    assert [(r["source"], r["reason"]) for r in pq.read_table(path).to_pylist()] == [
        ("frame#n", "null_text")
    ]


def test_a_bucket_that_fails_does_not_stop_the_others(
    spark: SparkSession, frame_desk: FrameDesk
) -> None:
    source = frame_of(spark, {**TEXTS, "n": None}).withColumn("kind", sf.isnull("text"))
    source = source.withColumn("kind", sf.col("kind").cast("int"))
    how = {**frame_desk.settings, "bucket": (), "bucket_column": "kind"}
    with pytest.raises(JobError, match=r"1 of 2 buckets failed: 1 \(.*not one document with text"):
        pack(source, version="1", **how)
    assert shard_of(frame_desk, "0") == set(TEXTS)


def test_mistakes_are_told_in_a_line(spark: SparkSession, frame_desk: FrameDesk) -> None:
    frame = frame_of(spark)
    twice = frame.union(frame_of(spark, {"a": "again"}))
    cases: list[tuple[DataFrame, dict[str, Any], str]] = [
        (frame, {"version": None}, "version is missing: nothing tells one DataFrame from another"),
        (frame, {"id_column": None}, "--id-column is missing: a row of frame has no place"),
        (frame, {"text_column": "body"}, "--text-column body: no such column in frame; there are"),
        (frame, {"tokenisers": 1}, "tokenisers: no such setting; there are: input, output,"),
        (frame, {"output": None}, "--output is missing"),
        (frame, {"input": "x/{bucket}"}, "input 'x/{bucket}': is not looked at beside a DataFrame"),
        (frame, {"input_format": "table"}, "input_format 'table': is not looked at beside a Data"),
        (frame, {"input_version": 7}, "input_version 7: is not looked at beside a DataFrame; "),
        (frame, {"spark": None}, "spark: is no mapping of settings but a NoneType; write spark="),
        (frame, {"seq_len": None}, "--seq-len is missing"),
        (frame.withColumn("text", sf.lit(1)), {}, "--text-column text: has type int in frame, wa"),
        (frame.withColumn("doc_id", sf.lit(1.5)), {}, "--id-column doc_id: has type d"),
        (
            frame.selectExpr("doc_id", "array(5) AS ids", "'x' AS told"),
            {"tokens_column": "ids", "loss_mask_column": "told"},
            "--loss-mask-column told: has type string",
        ),
        (frame.select("*", "text"), {}, "--text-column text: 2 columns of frame have this name"),
        (frame.withColumn("doc_id", sf.lit(None).cast("string")), {}, "doc_id: null at frame; eve"),
        (
            frame.select("*", sf.col("text").alias("TEXT")),
            *({}, "2 columns of frame have this name, as Spark compares names: TEXT, text; rename"),
        ),
        (twice, {}, "share ids: 'a' (2 times); make ids unique, or name another column, since"),
        (frame.where("false"), {}, "not one document with text in 0; nothing to pack"),
    ]
    for rows, changed, said in cases:
        given = {"version": "1", **frame_desk.settings, **changed}
        with pytest.raises(InputError) as caught:
            pack(rows, **given)
        assert said in str(caught.value), said
        assert "\n" not in str(caught.value)
    for documents in (frame.toArrow(), "corpus", [1]):
        with pytest.raises(InputError, match=r"documents: is a .* and no DataFrame of Spark"):
            pack(documents, version="1", **frame_desk.settings)  # type: ignore[arg-type]
    assert not list(frame_desk.folder.rglob("_current.json"))
