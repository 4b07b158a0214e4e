"""The directory that `bfpack path` names, opened bare by what trainers use."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf
from tokenizers import Tokenizer


@pytest.fixture(scope="module")
def shards(packed: Path, bfpack: Bfpack) -> str:
    ran = bfpack("path", "--output", packed, "--bucket", "small", "--seq-len", 2048).succeeds()
    return ran.out.strip()


class Held(NamedTuple):
    """What every reader must find."""

    rows: int
    ids: int  # their sum
    starts: int  # the sum of doc_starts, in which padding is 0 and nothing null
    padded: int  # segments without a document


@pytest.fixture(scope="module")
def expected(shards: str) -> Held:
    """Counted file by file."""
    tables = [pq.ParquetFile(path).read() for path in sorted(Path(shards).iterdir())]
    assert len(tables) > 1
    totals = json.loads((Path(shards).parent / "_manifest.json").read_text())["totals"]
    rows = [row for table in tables for row in table.to_pylist()]
    assert len(rows) == totals["sequences"]
    starts = [start for row in rows for start in row["doc_starts"]]
    padded = sum(row["num_padding"] > 0 for row in rows)
    assert padded
    assert sum(starts)
    return Held(len(rows), sum(sum(row["input_ids"]) for row in rows), sum(starts), padded)


def test_pyarrow_reads_them(shards: str, expected: Held) -> None:
    table = ds.dataset(shards).to_table()
    ids, starts, names = (
        table[name].combine_chunks().flatten() for name in ("input_ids", "doc_starts", "doc_ids")
    )
    assert starts.null_count == 0
    sums = (int(column.to_numpy().sum()) for column in (ids, starts))
    assert Held(len(table), *sums, names.null_count) == expected


def test_spark_reads_them(spark: SparkSession, shards: str, expected: Held) -> None:
    ids, starts = (
        sf.sum(sf.aggregate(name, sf.lit(0).cast("long"), lambda a, b: a + b))
        for name in ("input_ids", "doc_starts")
    )
    padded = sf.sum(sf.size(sf.filter("doc_ids", lambda name: name.isNull())))
    (row,) = spark.read.parquet(shards).agg(sf.count("*"), ids, starts, padded).collect()
    assert Held(*row) == expected


def test_polars_reads_them(shards: str, expected: Held) -> None:
    import polars as pl  # noqa: PLC0415  one reader a test: where one is missing the others run

    frame = pl.read_parquet(shards)
    ids, starts, names = (frame[name].explode() for name in ("input_ids", "doc_starts", "doc_ids"))
    assert starts.null_count() == 0
    sums = (column.cast(pl.Int64).sum() for column in (ids, starts))
    assert Held(len(frame), *sums, names.null_count()) == expected


def test_duckdb_reads_them(shards: str, expected: Held) -> None:
    import duckdb  # noqa: PLC0415

    padded = "sum(len(doc_ids) - list_count(doc_ids))"
    sums = [f"{sum_}::BIGINT" for sum_ in ("sum(list_sum(input_ids))", "sum(list_sum(doc_starts))")]
    query = f"SELECT count(*), {', '.join(sums)}, {padded}::BIGINT FROM read_parquet('{shards}')"
    assert [Held(*row) for row in duckdb.sql(query).fetchall()] == [expected]


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_reads_them(
    streaming: bool,
    shards: str,
    expected: Held,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    import datasets  # noqa: PLC0415  reads its settings when it is loaded

    found: Any = datasets.load_dataset(
        "parquet", data_dir=shards, split="train", streaming=streaming, cache_dir=str(tmp_path)
    )
    rows = list(found)
    starts = [start for row in rows for start in row["doc_starts"]]
    padded = sum(row["doc_ids"].count(None) for row in rows)
    ids = sum(sum(row["input_ids"]) for row in rows)
    assert Held(len(rows), ids, sum(starts), padded) == expected
    assert streaming or len(found) == expected.rows
    if not streaming:
        arrays = found.with_format("numpy")["doc_starts"]
        assert {column.dtype.name for column in arrays} == {"int64"}


def test_a_shard_tells_its_tokenizer_and_has_equal_row_groups(shards: str, corpus: Corpus) -> None:
    raw = (corpus.tokenizer / "tokenizer.json").read_bytes()
    tokenizer = Tokenizer.from_str(raw.decode())
    held = json.loads((Path(shards).parent / "_manifest.json").read_text())["tokenizer"]
    told = {
        "tokenizer_sha256": hashlib.sha256(raw).hexdigest(),
        "vocabulary_size": tokenizer.get_vocab_size(),
        "eos_id": tokenizer.token_to_id("<|endoftext|>"),
        "bos_id": None,
        "pad_id": held["pad_id"],
        "seq_len": 2048,
        "format_version": 2,
    }
    seen = 0
    for path in sorted(Path(shards).iterdir()):
        file = pq.ParquetFile(path)
        metadata = {k.decode(): json.loads(v) for k, v in file.metadata.metadata.items()}
        assert metadata == {f"bfpack.{name}": value for name, value in told.items()}
        rows = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        assert set(rows[:-1]) <= {2**17 // 2048}
        assert 0 < rows[-1] <= 2**17 // 2048
        seen += len(rows)
    assert seen > 1
