"""Bytes depend on the documents, the rules and the seed, and on nothing else."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus
from outputs import manifest, plan_rows, shard_hashes
from packings import AT, Ids, assert_each_token_once, at_512, check_stats, pack, read_segments
from pyspark.sql import SparkSession

from bfpack_spark.spark import partitions


@pytest.fixture
def settings_restored(spark: SparkSession) -> Iterator[None]:
    """--spark-conf changes the suite's session: undo it."""
    keys = (
        "shuffle.partitions",
        "autoBroadcastJoinThreshold",
        "execution.arrow.maxRecordsPerBatch",
    )
    before = {f"spark.sql.{key}": spark.conf.get(f"spark.sql.{key}") for key in keys}
    yield
    for key, value in before.items():
        spark.conf.set(key, value)
    assert {key: spark.conf.get(key) for key in before} == before


def reordered(corpus: Corpus, folder: Path, num_files: int) -> Corpus:
    """The same documents in another order, in another number of files."""
    table = pq.read_table(corpus.path)
    table = table.take(np.random.default_rng(num_files).permutation(len(table)))
    folder.mkdir()
    size = -(-len(table) // num_files)
    for number in range(num_files):
        piece = table.slice(number * size, size)
        pq.write_table(piece, folder / f"x{number}.parquet", row_group_size=29)
    return replace(corpus, path=folder)


SMALL_BATCHES = (
    *("--spark-conf", "spark.sql.execution.arrow.maxRecordsPerBatch=7"),
    *("--spark-conf", "spark.sql.autoBroadcastJoinThreshold=-1"),
    *("--spark-conf", "spark.sql.shuffle.partitions=3"),
)


def test_bytes_do_not_depend_on_files_row_order_or_batches(
    corpus: Corpus,
    packed: Path,
    bfpack: Bfpack,
    spark: SparkSession,
    settings_restored: None,
    tmp_path: Path,
) -> None:
    other = reordered(corpus, tmp_path / "corpus", 7)
    version = pack(bfpack, other, tmp_path / "output", *SMALL_BATCHES)
    assert spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == "7"
    assert version.name != at_512(packed).name  # another inventory
    assert shard_hashes(version) == shard_hashes(at_512(packed))
    assert plan_rows(version) == plan_rows(at_512(packed))


def test_bytes_do_not_depend_on_how_rows_find_their_partitions(
    corpus: Corpus,
    packed: Path,
    bfpack: Bfpack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Spark before 4.1 sends them, by hashes."""
    asked: list[SparkSession] = []
    monkeypatch.setattr(partitions, "takes_ids", lambda spark: bool(asked.append(spark)))
    version = pack(bfpack, corpus, tmp_path / "output")
    assert len(asked) > 5
    assert shard_hashes(version) == shard_hashes(at_512(packed))
    assert plan_rows(version) == plan_rows(at_512(packed))
    where = ("--output", tmp_path / "output", "--bucket", "small", *AT)
    assert bfpack("verify", *where).code == 0


def test_bytes_of_many_groups_do_not_depend_on_files_or_row_order(
    corpus: Corpus, copied: Path, bfpack: Bfpack, settings_restored: None, tmp_path: Path
) -> None:
    many = ("--group-documents-max", 50)
    version = pack(bfpack, corpus, copied, *many)
    other = reordered(corpus, tmp_path / "corpus", 2)
    again = pack(bfpack, other, tmp_path / "other", *many, *SMALL_BATCHES)
    assert shard_hashes(version) == shard_hashes(again)
    rows = plan_rows(version)
    assert rows == plan_rows(again)
    assert {row["group"] for row in rows} == set(range(6))
    assert len({row["sequence_id"] for row in rows}) == manifest(version)["totals"]["sequences"]
    assert bfpack("verify", "--output", copied, "--bucket", "small", *AT).code == 0
    check_stats(version, bfpack, copied, *many)


def test_a_seed_changes_the_order_and_not_the_documents(
    corpus: Corpus, expected: Ids, packed: Path, copied: Path, bfpack: Bfpack
) -> None:
    one = read_segments(at_512(packed))
    two = read_segments(pack(bfpack, corpus, copied, "--seed", 1))
    for held in (one, two):
        assert_each_token_once(held, expected)
    assert len(one.num_padding) == len(two.num_padding)
    pieces = [list(zip(held.doc_id, held.start, strict=True)) for held in (one, two)]
    assert sorted(pieces[0]) == sorted(pieces[1])
    moved = sum(a != b for a, b in zip(*pieces, strict=True))
    assert moved > 0.9 * len(pieces[0])


def test_shards_are_equal_and_as_many_as_told(
    corpus: Corpus, packed: Path, copied: Path, bfpack: Bfpack
) -> None:
    total = manifest(at_512(packed))["totals"]["sequences"]
    default = max(n for n in (1, 2, 4, 8, 16, 32) if n == 1 or total >= 64 * n)
    assert rows_of_shards(at_512(packed)) == in_equal_parts(total, default)
    for more, num_shards in (
        (("--num-shards", 7), 7),
        (("--rows-per-shard", 100), -(-total // 100)),
    ):
        assert rows_of_shards(pack(bfpack, corpus, copied, *more)) == in_equal_parts(
            total, num_shards
        )


def rows_of_shards(version: Path) -> list[int]:
    """By footers, in order of name."""
    return [pq.read_metadata(path).num_rows for path in sorted((version / "shards").iterdir())]


def in_equal_parts(total: int, parts: int) -> list[int]:
    """10 in 4 -> [3, 3, 2, 2]."""
    return [len(range(part, total, parts)) for part in range(parts)]


def test_the_output_tells_nothing_of_machine_or_time(packed: Path, corpus: Corpus) -> None:
    """(That it tells nothing of time: the steps one by one make the same bytes, above.)"""
    seen = 0
    for path in packed.rglob("_*.json"):
        text = path.read_text()
        for word in (str(packed), str(corpus.path), os.uname().nodename + ".", "/tmp/"):
            assert word not in text
        assert set(json.loads(text)) <= {
            *("format_version", "kind", "bucket", "seq_len", "fingerprint", "inputs", "files"),
            *("totals", "accounting", "tokenizer", "version", "manifest", "manifest_sha256"),
            *("inventory", "left_out", "increment", "first_places"),
        }
        seen += 1
    assert seen == 6
    folders = {path.parent for path in packed.rglob("*.parquet")}
    assert Counter(folder.name for folder in folders) == {"documents": 1, "plan": 2, "shards": 2}
    assert all(p.suffix == ".parquet" for folder in folders for p in folder.iterdir())
