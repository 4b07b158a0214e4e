"""The directory that `bfpack path` names, opened bare by what trainers use."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import Corpus, Ran
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf
from tokenizers import Tokenizer


@pytest.fixture(scope="module")
def shards(packed: Path, bfpack: Callable[..., Ran]) -> str:
    ran = bfpack("path", "--output", packed, "--bucket", "small", "--seq-len", 2048)
    assert ran.code == 0
    return ran.out.strip()


@pytest.fixture(scope="module")
def expected(shards: str) -> tuple[int, int]:
    """Rows and sum of ids, file by file."""
    tables = [pq.ParquetFile(path).read() for path in sorted(Path(shards).iterdir())]
    assert len(tables) > 1
    totals = json.loads((Path(shards).parent / "_manifest.json").read_text())["totals"]
    assert sum(len(table) for table in tables) == totals["sequences"]
    ids = [int(table["input_ids"].combine_chunks().flatten().to_numpy().sum()) for table in tables]
    return sum(len(table) for table in tables), sum(ids)


def test_pyarrow_reads_them(shards: str, expected: tuple[int, int]) -> None:
    ids = ds.dataset(shards).to_table(columns=["input_ids"])["input_ids"].combine_chunks()
    assert (len(ids), int(ids.flatten().to_numpy().sum())) == expected


def test_spark_reads_them(spark: SparkSession, shards: str, expected: tuple[int, int]) -> None:
    total = sf.aggregate("input_ids", sf.lit(0).cast("long"), lambda a, b: a + b)
    (row,) = spark.read.parquet(shards).agg(sf.count("*"), sf.sum(total)).collect()
    assert tuple(row) == expected


def test_polars_reads_them(shards: str, expected: tuple[int, int]) -> None:
    import polars as pl  # noqa: PLC0415  one reader a test: where one is missing the others run

    frame = pl.read_parquet(shards)
    assert (len(frame), frame["input_ids"].explode().cast(pl.Int64).sum()) == expected


def test_duckdb_reads_them(shards: str, expected: tuple[int, int]) -> None:
    import duckdb  # noqa: PLC0415

    query = f"SELECT count(*), sum(list_sum(input_ids))::BIGINT FROM read_parquet('{shards}')"
    assert duckdb.sql(query).fetchall() == [expected]


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_reads_them(
    streaming: bool,
    shards: str,
    expected: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    import datasets  # noqa: PLC0415  reads its settings when it is loaded

    found: Any = datasets.load_dataset(
        "parquet", data_dir=shards, split="train", streaming=streaming, cache_dir=str(tmp_path)
    )
    rows = [sum(row["input_ids"]) for row in found]
    assert (len(rows), sum(rows)) == expected
    assert streaming or len(found) == expected[0]


def test_the_other_directories_are_named_too(packed: Path, bfpack: Callable[..., Ran]) -> None:
    where = ("path", "--output", packed, "--bucket", "small")
    plan = bfpack(*where, "--seq-len", 2048, "--plan").out.strip()
    assert ds.dataset(plan).schema.names[:3] == ["sequence_id", "position", "offset"]
    tokens = bfpack(*where, "--tokens").out.strip()
    assert ds.dataset(tokens).count_rows() == 300


def test_a_shard_is_encoded_for_every_reader(shards: str, corpus: Corpus) -> None:
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
        "format_version": 1,
    }
    seen = 0
    for path in sorted(Path(shards).iterdir()):
        file = pq.ParquetFile(path)
        metadata = {k.decode(): json.loads(v) for k, v in file.metadata.metadata.items()}
        assert metadata == {f"bfpack.{name}": value for name, value in told.items()}
        rows = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        assert set(rows[:-1]) <= {2**20 // 2048}
        assert 0 < rows[-1] <= 2**20 // 2048
        for group in range(file.num_row_groups):
            column = file.metadata.row_group(group).column(1)
            assert column.path_in_schema.startswith("input_ids")
            assert column.compression == "ZSTD"
            assert not column.has_dictionary_page
            seen += 1
    assert seen > 1


def test_a_damaged_page_is_noticed_by_its_checksum(shards: str, tmp_path: Path) -> None:
    source = min(Path(shards).iterdir())
    column = pq.ParquetFile(source).metadata.row_group(0).column(1)
    raw = bytearray(source.read_bytes())
    raw[column.data_page_offset + column.total_compressed_size // 2] ^= 255
    (tmp_path / "x.parquet").write_bytes(raw)
    assert len(pq.read_table(source, page_checksum_verification=True))
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        pq.read_table(tmp_path / "x.parquet", page_checksum_verification=True)
