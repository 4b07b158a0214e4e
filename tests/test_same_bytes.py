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
from conftest import Corpus
from outputs import manifest, plan_rows, shard_hashes
from packings import Ids, Packing, assert_each_token_once, at_512, read_segments
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


def reordered(packing: Packing, folder: Path, num_files: int) -> Packing:
    """The same documents in another order, in another number of files, to be packed anew."""
    table = pq.read_table(packing.corpus.path)
    table = table.take(np.random.default_rng(num_files).permutation(len(table)))
    folder.mkdir()
    size = -(-len(table) // num_files)
    for number in range(num_files):
        piece = table.slice(number * size, size)
        pq.write_table(piece, folder / f"x{number}.parquet", row_group_size=29)
    corpus = replace(packing.corpus, path=folder)
    return replace(packing, output=folder.with_name("anew"), corpus=corpus)


SMALL_BATCHES = (
    *("--spark-conf", "spark.sql.execution.arrow.maxRecordsPerBatch=7"),
    *("--spark-conf", "spark.sql.autoBroadcastJoinThreshold=-1"),
    *("--spark-conf", "spark.sql.shuffle.partitions=3"),
)


def test_bytes_do_not_depend_on_files_row_order_or_batches(
    packing: Packing, spark: SparkSession, settings_restored: None, tmp_path: Path
) -> None:
    other = reordered(packing, tmp_path / "other", 7)
    version = other.pack(*SMALL_BATCHES)
    assert spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == "7"
    assert version.name != at_512(packing.output).name  # another inventory
    assert shard_hashes(version) == shard_hashes(at_512(packing.output))
    assert plan_rows(version) == plan_rows(at_512(packing.output))


def test_bytes_do_not_depend_on_how_rows_find_their_partitions(
    packing: Packing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Spark before 4.1 sends them, by hashes."""
    asked: list[SparkSession] = []
    monkeypatch.setattr(partitions, "takes_ids", lambda spark: bool(asked.append(spark)))
    anew = replace(packing, output=tmp_path / "output")
    version = anew.pack()
    assert len(asked) > 5
    assert shard_hashes(version) == shard_hashes(at_512(packing.output))
    assert plan_rows(version) == plan_rows(at_512(packing.output))
    assert anew.run("verify").code == 0


def test_bytes_of_many_groups_do_not_depend_on_files_or_row_order(
    packing: Packing, settings_restored: None, tmp_path: Path
) -> None:
    many = ("--group-documents-max", 50)
    version = packing.pack(*many)
    again = reordered(packing, tmp_path / "other", 2).pack(*many, *SMALL_BATCHES)
    assert shard_hashes(version) == shard_hashes(again)
    rows = plan_rows(version)
    assert rows == plan_rows(again)
    assert {row["group"] for row in rows} == set(range(6))
    assert len({row["sequence_id"] for row in rows}) == manifest(version)["totals"]["sequences"]
    assert packing.run("verify").code == 0
    packing.check_stats(*many)


def test_a_seed_changes_the_order_and_not_the_documents(packing: Packing, expected: Ids) -> None:
    one = read_segments(at_512(packing.output))
    two = read_segments(packing.pack("--seed", 1))
    for held in (one, two):
        assert_each_token_once(held, expected)
    assert len(one.num_padding) == len(two.num_padding)
    pieces = [list(zip(held.doc_id, held.start, strict=True)) for held in (one, two)]
    assert sorted(pieces[0]) == sorted(pieces[1])
    moved = sum(a != b for a, b in zip(*pieces, strict=True))
    assert moved > 0.9 * len(pieces[0])


def test_shards_are_equal_and_as_many_as_told(packing: Packing) -> None:
    total = manifest(at_512(packing.output))["totals"]["sequences"]
    default = max(n for n in (1, 2, 4, 8, 16, 32) if n == 1 or total >= 64 * n)
    assert rows_of_shards(at_512(packing.output)) == in_equal_parts(total, default)
    for more, num_shards in (
        (("--num-shards", 7), 7),
        (("--rows-per-shard", 100), -(-total // 100)),
    ):
        assert rows_of_shards(packing.pack(*more)) == in_equal_parts(total, num_shards)


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
