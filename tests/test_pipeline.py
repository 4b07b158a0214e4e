"""From text to shards: every token once, the same bytes however it is run, resumed where it was."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, Corpus, Ran, pack_options
from outputs import current, documents_of, manifest, plan_rows, shard_hashes, shard_rows
from pyspark.sql import SparkSession
from tokenizers import Tokenizer

Bfpack = Callable[..., Ran]
AT = ("--seq-len", 512)


def pack(bfpack: Bfpack, corpus: Corpus, output: Path, *more: object) -> Path:
    """Pack at 512; the directory of the version."""
    ran = bfpack("pack", *pack_options(corpus, output), *AT, *more)
    assert ran.code == 0, ran.err
    return current(output, "small", "sequences-512")


def expected_documents(corpus: Corpus) -> dict[str, list[int]]:
    """Ids of every document by the reference engine, EOS included."""
    tokenizer = Tokenizer.from_file(str(corpus.tokenizer / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    eos = tokenizer.token_to_id("<|endoftext|>")
    texts = corpus.texts()
    found = tokenizer.encode_batch_fast(list(texts.values()), add_special_tokens=False)
    return {name: [*one.ids, eos] for name, one in zip(texts, found, strict=True) if one.ids}


def test_tokens_in_are_tokens_out_on_the_demos_corpus(
    demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path
) -> None:
    options = pack_options(demo_corpus, tmp_path / "output")
    ran = bfpack("pack", *options, "--seq-len", 2048, "--seq-len", 8192)
    assert ran.code == 0, ran.err
    expected = expected_documents(demo_corpus)
    assert len(expected) >= 3000
    for seq_len in (2048, 8192):
        version = current(tmp_path / "output", "small", f"sequences-{seq_len}")
        missing = {name: np.array(ids, dtype=np.int32) for name, ids in expected.items()}
        left = {name: np.ones(len(ids), dtype=bool) for name, ids in missing.items()}
        for path in sorted((version / "shards").glob("*.parquet")):
            check_off(pq.read_table(path), seq_len, missing, left)
        assert not [name for name, some in left.items() if some.any()]
        held = manifest(version)
        assert held["totals"]["tokens"] == sum(map(len, expected.values()))
        assert held["accounting"]["num_documents_packed"] == len(expected)


def check_off(
    shard: pa.Table, seq_len: int, expected: dict[str, Any], left: dict[str, Any]
) -> None:
    """Each segment equals its piece of the expected ids, and was not seen before."""
    names = ("input_ids", "seq_lengths", "doc_ids", "doc_starts")
    for ids, lengths, doc_ids, starts in zip(*(shard[n] for n in names), strict=True):
        row = ids.values.to_numpy()
        assert len(row) == seq_len
        offset = 0
        for length, doc_id, start in zip(
            lengths.as_py(), doc_ids.as_py(), starts.as_py(), strict=True
        ):
            if doc_id is not None:
                piece = slice(start, start + length)
                assert (row[offset : offset + length] == expected[doc_id][piece]).all()
                assert left[doc_id][piece].all()
                left[doc_id][piece] = False
            offset += length
        assert offset == seq_len


@pytest.mark.parametrize("policy", ["split", "truncate", "drop"])
def test_each_policy_packs_what_it_says_and_concat_holds_the_same_tokens(
    policy: str, corpus: Corpus, bfpack: Bfpack, tmp_path: Path
) -> None:
    expected = expected_documents(corpus)
    kept = {
        name: ids if policy == "split" or len(ids) <= 512 else ids[: 512 * (policy == "truncate")]
        for name, ids in expected.items()
    }
    wanted = {name: dict(enumerate(ids)) for name, ids in kept.items() if ids}
    assert len(wanted) > 50
    held = {}
    for packing in ("best_fit", "concat"):
        more = ("--long-documents", policy, "--packing", packing)
        version = pack(bfpack, corpus, tmp_path / packing, *more)
        rows = shard_rows(version)
        assert documents_of(rows) == wanted
        held[packing] = rows
        account = manifest(version)["accounting"]
        packed, left = account["num_tokens_packed"], account["num_tokens"]
        assert packed == sum(map(len, wanted.values()))
        assert packed + account["num_tokens_truncated"] + account["num_tokens_dropped"] == left
        assert account["num_documents_packed"] == len(wanted)
        ran = bfpack("verify", "--output", tmp_path / packing, "--bucket", "small", *AT)
        assert ran.code == 0, ran.out
    check_best_fit(held["best_fit"], policy)
    check_concat(held["concat"], sum(map(len, kept.values())))


def check_best_fit(rows: list[dict[str, Any]], policy: str) -> None:
    whole = cut = 0
    for row in rows:
        columns = (row["seq_lengths"], row["doc_starts"], row["doc_lengths"])
        for length, start, size in zip(*columns, strict=True):
            if size is None:
                continue
            whole += length == size
            cut += length != size
            assert length == size or size > 512
            assert start % 512 == 0
    assert whole > 50
    assert (cut > 0) == (policy != "drop")


def check_concat(rows: list[dict[str, Any]], num_tokens: int) -> None:
    """As few rows as can be, each a piece of one stream of documents."""
    assert len(rows) == -(-num_tokens // 512)
    assert [row["num_padding"] for row in rows if row["num_padding"]] in ([], [-num_tokens % 512])
    follows: dict[str, str] = {}
    for row in rows:
        inner = [d for d in row["doc_ids"] if d is not None]
        for one, two in itertools.pairwise(inner):
            assert follows.setdefault(one, two) == two  # one order, whatever the row
    assert len(follows) > 20


def test_a_second_run_does_nothing_and_says_so(
    corpus: Corpus, bfpack: Bfpack, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    pack(bfpack, corpus, output)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in output.rglob("*")}
    ran = bfpack("pack", *pack_options(corpus, output), *AT)
    assert ran.code == 0
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in output.rglob("*")}


def test_nothing_to_do_is_said(
    corpus: Corpus, packed: Path, bfpack: Bfpack, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="bfpack"):
        ran = bfpack("pack", *pack_options(corpus, packed), *AT)
    assert ran.code == 0
    assert caplog.text.count("nothing to do") == 2


def test_the_steps_one_by_one_make_the_version_that_pack_makes(
    corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    where = ("--output", tmp_path / "output", "--bucket", "small")
    assert bfpack("tokenize", *pack_options(corpus, tmp_path / "output")).code == 0
    early = bfpack("assemble", *where, *AT)
    assert early.code == 2
    assert "run bfpack plan first" in early.err
    assert bfpack("plan", *where, *AT).code == 0
    assert not list((tmp_path / "output").glob("*/sequences-512/_current.json"))
    assert bfpack("assemble", *where, *AT).code == 0
    made, expected = (current(o, "small", "sequences-512") for o in (tmp_path / "output", packed))
    assert made.name == expected.name
    assert shard_hashes(made) == shard_hashes(expected)
    assert not (made / "_plan.json").exists()


def test_an_unfinished_version_is_continued_in_place(
    corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    output = Path(shutil.copytree(packed, tmp_path / "output"))
    version = current(output, "small", "sequences-512")
    expected = shard_hashes(version)
    (version / "_manifest.json").unlink()
    (version.parent / "_current.json").unlink()
    next((version / "shards").glob("*.parquet")).unlink()
    for stray in ("shards/part-09999.parquet", "plan/part-00077.parquet", "_temporary/x"):
        (version / stray).parent.mkdir(exist_ok=True)
        (version / stray).write_bytes(b"half a file")
    assert pack(bfpack, corpus, output) == version
    assert shard_hashes(version) == expected
    names = {str(p.relative_to(version)) for p in version.rglob("*") if p.is_file()}
    assert names == {"_manifest.json", *(entry["path"] for entry in manifest(version)["files"])}


@pytest.fixture
def conf(spark: SparkSession) -> Iterator[Callable[[str, str], None]]:
    """Set a Spark SQL setting for one test."""
    before: dict[str, str | None] = {}

    def change(key: str, value: str) -> None:
        before.setdefault(key, spark.conf.get(key, None))
        spark.conf.set(key, value)

    yield change
    for key, value in before.items():
        if value is None:
            spark.conf.unset(key)
        else:
            spark.conf.set(key, value)


def reordered(corpus: Corpus, folder: Path, num_files: int, seed: int) -> Corpus:
    """The same documents in another order, in another number of files."""
    table = pq.read_table(corpus.path)
    table = table.take(np.random.default_rng(seed).permutation(len(table)))
    folder.mkdir()
    size = -(-len(table) // num_files)
    for number in range(num_files):
        piece = table.slice(number * size, size)
        pq.write_table(piece, folder / f"x{number}.parquet", row_group_size=29)
    return replace(corpus, path=folder)


@pytest.mark.parametrize("num_files", [1, 7])
def test_bytes_do_not_depend_on_files_row_order_batches_or_join(
    num_files: int,
    corpus: Corpus,
    packed: Path,
    bfpack: Bfpack,
    conf: Callable[[str, str], None],
    tmp_path: Path,
) -> None:
    other = reordered(corpus, tmp_path / "corpus", num_files, seed=num_files)
    if num_files == 7:
        conf("spark.sql.execution.arrow.maxRecordsPerBatch", "7")
        conf("spark.sql.autoBroadcastJoinThreshold", "-1")
        conf("spark.sql.shuffle.partitions", "3")
    version = pack(bfpack, other, tmp_path / "output")
    expected = current(packed, "small", "sequences-512")
    assert version.name != expected.name  # another inventory
    assert shard_hashes(version) == shard_hashes(expected)
    assert plan_rows(version) == plan_rows(expected)


def test_bytes_do_not_depend_on_cores_or_process(
    corpus: Corpus, packed: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", "from bfpack_spark.cli import main; main()", "pack"]
    options = [*pack_options(corpus, tmp_path / "output"), *AT]
    one_core = ["--spark-conf", "spark.master=local[1]", "--spark-conf", "spark.driver.memory=2g"]
    done = subprocess.run(
        [*command, *map(str, options), *one_core],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    made, expected = (current(o, "small", "sequences-512") for o in (tmp_path / "output", packed))
    assert shard_hashes(made) == shard_hashes(expected)
    assert plan_rows(made) == plan_rows(expected)


def test_bytes_of_many_groups_do_not_depend_on_row_order(
    corpus: Corpus, bfpack: Bfpack, tmp_path: Path
) -> None:
    other = reordered(corpus, tmp_path / "corpus", 2, seed=3)
    many = ("--group-documents-max", 50)
    one, two = (pack(bfpack, c, tmp_path / n, *many) for c, n in ((corpus, "a"), (other, "b")))
    assert shard_hashes(one) == shard_hashes(two)
    rows = plan_rows(one)
    assert rows == plan_rows(two)
    assert {row["group"] for row in rows} == set(range(6))
    where = ("--output", tmp_path / "a", "--bucket", "small", *AT)
    assert bfpack("verify", *where).code == 0
    (found,) = json.loads(bfpack("stats", *where, *many, "--json").out)
    held = manifest(one)
    assert found["num_sequences"] == held["totals"]["sequences"]
    assert {name: found[name] for name in found if name != "overhead"} == {
        name: held["accounting"][name] for name in found if name != "overhead"
    }


def test_a_seed_changes_the_order_and_not_the_documents(
    corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    rows = shard_rows(pack(bfpack, corpus, tmp_path / "output", "--seed", 1))
    expected = shard_rows(current(packed, "small", "sequences-512"))
    assert documents_of(rows) == documents_of(expected)
    assert [r["doc_ids"] for r in rows] != [r["doc_ids"] for r in expected]
    assert len(rows) == len(expected)


def test_stats_are_what_packing_then_gives(packed: Path, bfpack: Bfpack) -> None:
    options = ("--output", packed, "--bucket", "small", *AT, "--seq-len", 2048, "--json")
    found = json.loads(bfpack("stats", *options).out)
    assert [row["seq_len"] for row in found] == [512, 2048]
    for row in found:
        account = manifest(current(packed, "small", f"sequences-{row['seq_len']}"))["accounting"]
        for name, value in row.items():
            if name != "overhead":
                assert account[name] == value, name


def test_short_documents_start_where_a_random_order_puts_them(
    corpus: Corpus, bfpack: Bfpack, tmp_path: Path
) -> None:
    """A segment's expected offset in a random order is half the length of all others in its row;
    longest first would put the short ones at the end."""
    ran = bfpack("pack", *pack_options(corpus, tmp_path / "output"), "--seq-len", 65_536)
    assert ran.code == 0, ran.err
    rows = shard_rows(current(tmp_path / "output", "small", "sequences-65536"))
    excess, longest_first, spread = [], [], []
    for row in rows:
        sizes = [n for n, d in zip(row["seq_lengths"], row["doc_ids"], strict=True) if d]
        others = {n: sum(sizes) - n for n in sizes}
        for place, size in enumerate(sizes):
            if size > 1000 or len(sizes) < 3:
                continue
            half = others[size] / 2
            excess.append(sum(sizes[:place]) - half)
            longest_first.append(sum(n for n in sizes if n > size) - half)
            spread.append(others[size] / np.sqrt(12))
    assert len(excess) > 50
    error = np.sqrt(np.square(spread).sum()) / len(spread)
    assert abs(np.mean(excess)) < 4 * error
    assert np.mean(longest_first) > 8 * error


def test_shards_are_equal_and_as_many_as_told(
    corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    for more, expected in ((("--num-shards", 7), 7), (("--rows-per-shard", 100), None)):
        version = pack(bfpack, corpus, tmp_path / str(more[0]), *more)
        rows = [e["rows"] for e in manifest(version)["files"] if e["kind"] == "shards"]
        assert len(rows) == (expected or -(-sum(rows) // 100))
        assert max(rows) - min(rows) <= 1
    default = manifest(current(packed, "small", "sequences-512"))["totals"]["shards"]
    assert default in (1, 2, 4, 8, 16, 32)


def test_the_output_tells_nothing_of_machine_or_time_and_parquet_lies_alone(
    packed: Path, corpus: Corpus
) -> None:
    seen = 0
    for path in packed.rglob("_*.json"):
        text = path.read_text()
        for word in (str(packed), str(corpus.path), os.uname().nodename + ".", "/tmp/"):
            assert word not in text
        assert text.lstrip().startswith("{")
        seen += 1
    assert seen == 6
    folders = {path.parent for path in packed.rglob("*.parquet")}
    assert Counter(folder.name for folder in folders) == {"documents": 1, "plan": 2, "shards": 2}
    assert all(p.suffix == ".parquet" for folder in folders for p in folder.iterdir())
