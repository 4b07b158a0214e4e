"""From text to shards: every token once, the same bytes however it is run, resumed where it was."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Corpus, Ran, pack_options
from outputs import copy_of, current, manifest, plan_rows, reseal, rewrite, shard_hashes
from pyspark.sql import SparkSession
from tokenizers import Tokenizer

Bfpack = Callable[..., Ran]
Ids = dict[str, npt.NDArray[np.int32]]
AT = ("--seq-len", 512)


def pack(bfpack: Bfpack, corpus: Corpus, output: Path, *more: object) -> Path:
    """Pack at 512; the directory of the version."""
    ran = bfpack("pack", *pack_options(corpus, output), *AT, *more)
    assert ran.code == 0, ran.err
    return at_512(output)


def at_512(output: Path) -> Path:
    return current(output, "small", "sequences-512")


def tree(folder: Path) -> dict[str, str]:
    """sha256 of every file, by its path; but for reports, which hold times."""
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "report"
    }
    assert found
    return found


def expected_documents(corpus: Corpus) -> Ids:
    """Ids of every document by the reference engine, EOS included."""
    tokenizer = Tokenizer.from_file(str(corpus.tokenizer / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    eos = tokenizer.token_to_id("<|endoftext|>")
    texts = corpus.texts()
    found = tokenizer.encode_batch_fast(list(texts.values()), add_special_tokens=False)
    return {
        name: np.array([*one.ids, eos], dtype=np.int32)
        for name, one in zip(texts, found, strict=True)
        if one.ids
    }


@pytest.fixture(scope="module")
def expected(corpus: Corpus) -> Ids:
    return expected_documents(corpus)


@dataclass(frozen=True)
class Segments:
    """All segments of a version's rows but padding, in the order they lie; parallel arrays."""

    row: npt.NDArray[np.int64]
    doc_id: npt.NDArray[np.object_]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    doc_length: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]  # in its row
    num_padding: npt.NDArray[np.int64]  # of each row
    ids: npt.NDArray[np.int32]  # of all rows, end to end

    @property
    def end(self) -> npt.NDArray[np.int64]:
        return self.start + self.length


def read_segments(version: Path) -> Segments:
    shards = sorted((version / "shards").glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(path) for path in shards])
    assert len(table)
    sequence_ids = table["sequence_id"].to_numpy()
    assert sequence_ids.tolist() == list(range(len(table)))
    seq_len = len(table["input_ids"][0])
    flat = {
        name: table[name].combine_chunks().flatten()
        for name in ("seq_lengths", "doc_ids", "doc_starts", "doc_lengths", "input_ids")
    }
    assert len(flat["input_ids"]) == len(table) * seq_len
    length = flat["seq_lengths"].to_numpy().astype(np.int64)
    begin = np.cumsum(length) - length
    assert set(range(0, len(table) * seq_len, seq_len)) <= set(begin.tolist())
    real = flat["doc_ids"].is_valid().to_numpy(zero_copy_only=False)
    return Segments(
        row=(begin // seq_len)[real],
        doc_id=flat["doc_ids"].drop_null().to_numpy(zero_copy_only=False),
        start=flat["doc_starts"].drop_null().to_numpy(),
        length=length[real],
        doc_length=flat["doc_lengths"].drop_null().to_numpy(),
        offset=(begin % seq_len)[real],
        num_padding=table["num_padding"].to_numpy().astype(np.int64),
        ids=flat["input_ids"].to_numpy(),
    )


def assert_each_token_once(held: Segments, wanted: Ids) -> None:
    """Document by document: the segments follow each other from 0 and hold the wanted ids."""
    assert len(wanted) > 50
    seq_len = len(held.ids) // len(held.num_padding)
    begin = held.row * seq_len + held.offset
    order = np.lexsort((held.start, held.doc_id))
    pieces: dict[str, list[npt.NDArray[np.int32]]] = {}
    reached: dict[str, int] = {}
    for at in order.tolist():
        name, length = held.doc_id[at], int(held.length[at])
        assert held.start[at] == reached.get(name, 0), f"{name}: a token is missing or doubled"
        reached[name] = reached.get(name, 0) + length
        pieces.setdefault(name, []).append(held.ids[begin[at] : begin[at] + length])
    assert pieces.keys() == wanted.keys()
    different = [
        n for n, ids in wanted.items() if not np.array_equal(np.concatenate(pieces[n]), ids)
    ]
    assert not different


# Every token once


@pytest.fixture(scope="module")
def demo_packed(
    demo_corpus: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The demo's corpus at 2048 and 8192."""
    output = tmp_path_factory.mktemp("demo_packed") / "output"
    ran = bfpack("pack", *pack_options(demo_corpus, output), "--seq-len", 2048, "--seq-len", 8192)
    assert ran.code == 0, ran.err
    return output


def test_tokens_in_are_tokens_out_on_the_demos_corpus(
    demo_corpus: Corpus, demo_packed: Path
) -> None:
    wanted = expected_documents(demo_corpus)
    num_tokens = sum(map(len, wanted.values()))
    assert len(wanted) >= 3000
    for seq_len in (2048, 8192):
        version = current(demo_packed, "small", f"sequences-{seq_len}")
        held = read_segments(version)
        assert len(held.ids) == len(held.num_padding) * seq_len
        assert_each_token_once(held, wanted)
        account = manifest(version)["accounting"]
        assert manifest(version)["totals"]["tokens"] == account["num_tokens"] == num_tokens
        assert account["num_documents_packed"] == account["num_documents_in"] == len(wanted)
        assert account["num_tokens_inserted"] == len(wanted)
        assert account["num_padding"] == held.num_padding.sum()


@pytest.mark.parametrize("policy", ["split", "truncate", "drop"])
def test_each_policy_packs_what_it_says_and_concat_holds_the_same_tokens(
    policy: str, corpus: Corpus, expected: Ids, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    output = copy_of(packed, tmp_path)
    kept = {
        name: ids if policy == "split" or len(ids) <= 512 else ids[: 512 * (policy == "truncate")]
        for name, ids in expected.items()
    }
    wanted = {name: ids for name, ids in kept.items() if len(ids)}
    checks = {"best_fit": check_best_fit, "concat": check_concat}
    for packing, check in checks.items():
        more = ("--long-documents", policy, "--packing", packing)
        version = pack(bfpack, corpus, output, *more)
        held = read_segments(version)
        assert_each_token_once(held, wanted)
        check(held, wanted, policy)
        check_accounting(manifest(version), held, expected, wanted)
        assert bfpack("verify", "--output", output, "--bucket", "small", *AT).code == 0
        check_stats(version, bfpack, output, *more)


def check_best_fit(held: Segments, wanted: Ids, policy: str) -> None:
    whole = held.length == held.doc_length
    assert whole.sum() > 50
    assert (held.doc_length[~whole] > 512).all()
    assert (held.start % 512 == 0).all()
    assert (~whole).any() == (policy != "drop")


def check_concat(held: Segments, wanted: Ids, policy: str) -> None:
    """As few rows as can be, each a piece of one stream of documents: what a row begins with in
    the middle is what another row ended with in the middle."""
    num_tokens = sum(map(len, wanted.values()))
    assert len(held.num_padding) == -(-num_tokens // 512)
    padded = held.num_padding[held.num_padding > 0].tolist()
    assert padded == ([-num_tokens % 512] if num_tokens % 512 else [])
    kept = np.array([len(wanted[name]) for name in held.doc_id])
    is_first = np.diff(held.row, prepend=-1) > 0
    is_last = np.diff(held.row, append=len(held.num_padding)) > 0
    assert (held.start[~is_first] == 0).all()
    assert (held.end == kept)[~is_last].all()
    goes_on = is_last & (held.end < kept)
    comes_in = is_first & (held.start > 0)
    assert goes_on.sum() > 10
    left, entered = (
        set(zip(held.doc_id[at].tolist(), token[at].tolist(), strict=True))
        for at, token in ((goes_on, held.end), (comes_in, held.start))
    )
    assert left == entered
    assert len(left) == goes_on.sum() == comes_in.sum()


def check_accounting(held: dict[str, Any], rows: Segments, every: Ids, wanted: Ids) -> None:
    """The manifest's counts, counted anew from documents and rows."""
    account = held["accounting"]
    lengths = {name: len(ids) for name, ids in every.items()}
    packed = {name: len(ids) for name, ids in wanted.items()}
    dropped = lengths.keys() - packed.keys()
    cut = set(rows.doc_id[rows.length < rows.doc_length].tolist())
    counts = {
        "num_documents": len(lengths),
        "num_documents_packed": len(packed),
        "num_documents_cut": len(cut),
        "num_documents_dropped": len(dropped),
        "num_documents_truncated": sum(packed[n] < lengths[n] for n in packed),
        "num_tokens": sum(lengths.values()),
        "num_tokens_packed": sum(packed.values()),
        "num_tokens_dropped": sum(lengths[n] for n in dropped),
        "num_tokens_truncated": sum(lengths[n] - packed[n] for n in packed),
        "num_tokens_inserted": len(lengths),
        "num_sequences": len(rows.num_padding),
        "num_padding": int(rows.num_padding.sum()),
        "lower_bound": -(-sum(packed.values()) // 512),
    }
    assert {name: account[name] for name in counts} == counts
    chance = sum(min(1.0, (length - 1) / 512) for length in lengths.values())
    assert account["num_documents_cut_by_concat"] == pytest.approx(chance)
    assert held["totals"]["tokens"] == counts["num_tokens_packed"]


def check_stats(version: Path, bfpack: Bfpack, output: Path, *rules: object) -> None:
    """`bfpack stats`, from lengths alone, says what the manifest says."""
    ran = bfpack("stats", "--output", output, "--bucket", "small", *AT, *rules, "--json")
    ((found,),) = (bucket["at"] for bucket in json.loads(ran.out))
    found = found["plan"]["accounting"]
    account = manifest(version)["accounting"]
    assert found.pop("overhead") == account["num_sequences"] / account["lower_bound"] - 1
    assert len(found) > 10
    if "concat" in rules:  # it depends on the order of documents, which lengths do not tell
        del found["num_documents_cut"]
    assert found == {name: account[name] for name in found}


def test_stats_of_several_lengths_are_what_packing_gave(packed: Path, bfpack: Bfpack) -> None:
    options = ("--output", packed, "--bucket", "small", *AT, "--seq-len", 2048, "--json")
    (bucket,) = json.loads(bfpack("stats", *options).out)
    found = [at["plan"]["accounting"] for at in bucket["at"]]
    assert [row["seq_len"] for row in found] == [512, 2048]
    for row in found:
        held = manifest(current(packed, "small", f"sequences-{row['seq_len']}"))
        assert row["num_sequences"] == held["totals"]["sequences"]
        assert row["num_documents_cut"] == held["accounting"]["num_documents_cut"]


def test_short_documents_start_where_a_random_order_puts_them(demo_packed: Path) -> None:
    """In a random order, half the length of all others in its row comes before a segment. Best
    fit's own order, longest first, fails the same measure."""
    held = read_segments(current(demo_packed, "small", "sequences-8192"))
    total = np.bincount(held.row, weights=held.length)[held.row]
    order = np.lexsort((-held.length, held.row))
    before = np.cumsum(held.length[order]) - held.length[order]
    first = np.diff(held.row[order], prepend=-1) > 0
    longest_first = np.empty_like(held.offset)
    longest_first[order] = before - np.maximum.accumulate(np.where(first, before, 0))
    short = held.length <= np.quantile(held.length, 0.25)
    assert short.sum() > 500

    def standard_errors(offset: npt.NDArray[np.int64]) -> float:
        """Mean distance from the expectation; rows are independent, segments of one are not, and
        a row of hundreds counts no more than another."""
        of_row = np.bincount(held.row, weights=(offset - (total - held.length) / 2) * short)
        of_row /= np.maximum(np.bincount(held.row, weights=short), 1)
        return float(of_row.sum() / np.sqrt(np.square(of_row).sum()))

    assert abs(standard_errors(held.offset)) < 4
    assert standard_errors(longest_first) > 8


# Once, in steps, resumed


def test_a_second_run_does_nothing_and_says_so(
    corpus: Corpus, packed: Path, bfpack: Bfpack, caplog: pytest.LogCaptureFixture
) -> None:
    def state() -> dict[Path, tuple[int, int]]:
        """Of files, and of all directories but the one that the lock came to and went from."""
        found = (p for p in packed.rglob("*") if p != packed / "small")
        return {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in found}

    before, bytes_before = state(), tree(packed)
    with caplog.at_level("INFO", logger="bfpack"):
        ran = bfpack("pack", *pack_options(corpus, packed), *AT, "--seq-len", 2048)
    assert ran.code == 0
    assert caplog.text.count("nothing to do") == 3  # tokens, 512, 2048
    assert state() == before
    assert tree(packed) == bytes_before


def test_the_steps_one_by_one_make_the_files_that_pack_makes(
    corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    where = ("--output", output, "--bucket", "small")
    assert bfpack("tokenize", *pack_options(corpus, output)).code == 0
    early = bfpack("assemble", *where, *AT)
    assert early.code == 2
    assert "run bfpack plan first" in early.err
    assert bfpack("plan", *where, *AT).code == 0
    assert not list(output.glob("*/sequences-512/_current.json"))
    assert bfpack("path", *where, *AT).code == 2
    assert bfpack("assemble", *where, *AT).code == 0
    for kind in ("tokens", "sequences-512"):
        assert tree(output / "small" / kind) == tree(packed / "small" / kind)


@pytest.mark.parametrize("manifests", ["unwritten", "written"])
def test_a_killed_run_is_continued_in_place(
    manifests: str, corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    """Killed while it wrote, or after the manifests but before it had tidied up and published."""
    output = copy_of(packed, tmp_path)
    places = [output / "small" / kind for kind in ("tokens", "sequences-512")]
    versions = [current(output, "small", place.name) for place in places]
    before = [tree(place) for place in places]
    strays = ["_temporary/x", "documents/part-00077-000.parquet", "plan/part-00077.parquet"]
    strays += ["shards/part-09999.parquet"]
    if manifests == "written":
        strays += [f"_manifest.json.{'0123abcd' * 4}.tmp"]
        (versions[1] / "_plan.json").write_text("{}")
    for place, version in zip(places, versions, strict=True):
        (place / "_current.json").unlink()
        for stray in strays:
            if stray.startswith("_") or (version / stray).parent.is_dir():
                (version / stray).parent.mkdir(exist_ok=True)
                (version / stray).write_bytes(b"half a file")
        if manifests == "unwritten":
            (version / "_manifest.json").unlink()
    if manifests == "unwritten":
        one, two, *_ = sorted((versions[1] / "shards").iterdir())
        one.unlink()
        two.write_bytes(b"half a file")
    assert pack(bfpack, corpus, output) == versions[1]
    for place, held in zip(places, before, strict=True):
        left = tree(place)
        assert left.keys() - held.keys() == set()
        assert left == held
        assert not list(place.rglob("_temporary"))


@pytest.mark.parametrize("damage", ["gone", "empty"])
def test_a_plan_whose_files_are_gone_is_made_anew(
    damage: str, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    output = copy_of(packed, tmp_path)
    expected = shard_hashes(at_512(output))
    shutil.rmtree(output / "small" / "sequences-512")
    where = ("--output", output, "--bucket", "small", *AT)
    folder = Path(bfpack("plan", *where).out.strip())
    if damage == "gone":
        shutil.rmtree(folder)
    else:
        (folder.parent / "_plan.json").write_text("{}")
    said = bfpack("assemble", *where).err
    if damage == "gone":
        assert "run bfpack plan first" in said
    else:
        assert "_plan.json: lacks files; remove it, and the plan is made anew" in said
        (folder.parent / "_plan.json").unlink()
    assert bfpack("plan", *where).code == 0
    assert bfpack("assemble", *where).code == 0
    assert shard_hashes(at_512(output)) == expected


def test_an_output_whose_name_looks_like_a_pattern_is_itself(
    corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    output = tmp_path / "out [v1] {a,b} x*"
    shutil.copytree(packed, output)
    where = ("--output", output, "--bucket", "small")
    assert bfpack("pack", *pack_options(corpus, output), "--seq-len", 100).code == 0
    assert bfpack("verify", *where, "--seq-len", 100).code == 0
    assert json.loads(bfpack("stats", *where, "--seq-len", 100, "--json").out)


@pytest.mark.parametrize("fate", ["lost", "doubled"])
def test_a_document_lost_or_doubled_between_plan_and_assembly_fails_the_job(
    fate: str, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    """The last one of a row: what remains of the row has no gap."""
    output = copy_of(packed, tmp_path)
    shutil.rmtree(output / "small" / "sequences-512")
    where = ("--output", output, "--bucket", "small", *AT)
    ran = bfpack("plan", *where)
    assert ran.code == 0
    pieces = plan_rows(Path(ran.out.strip()).parent)
    last = {row["sequence_id"]: row for row in pieces}
    times = Counter(row["doc_id"] for row in pieces)
    doc_id = next(
        row["doc_id"] for row in last.values() if row["position"] and times[row["doc_id"]] == 1
    )

    def change(rows: list[dict[str, Any]]) -> None:
        at = next(n for n, row in enumerate(rows) if row["doc_id"] == doc_id)
        rows.append(rows[at])
        if fate == "lost":
            del rows[at], rows[-1]

    store = current(output, "small", "tokens")
    (path,) = (p for p in (store / "documents").iterdir() if doc_id in set(ids_in(p)))
    rewrite(path, change)
    reseal(store)
    assert bfpack("assemble", *where).code == 5
    assert not (output / "small" / "sequences-512" / "_current.json").exists()
    assert not list((output / "small" / "sequences-512").rglob("_manifest.json"))


def ids_in(path: Path) -> list[str]:
    return pq.read_table(path, columns=["doc_id"])["doc_id"].to_pylist()


# The same bytes


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


@pytest.mark.parametrize(("num_files", "more"), [(1, ()), (7, SMALL_BATCHES)])
def test_bytes_do_not_depend_on_files_row_order_or_batches(
    num_files: int,
    more: tuple[str, ...],
    corpus: Corpus,
    packed: Path,
    bfpack: Bfpack,
    spark: SparkSession,
    settings_restored: None,
    tmp_path: Path,
) -> None:
    other = reordered(corpus, tmp_path / "corpus", num_files)
    version = pack(bfpack, other, tmp_path / "output", *more)
    if more:
        assert spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == "7"
    assert version.name != at_512(packed).name  # another inventory
    assert shard_hashes(version) == shard_hashes(at_512(packed))
    assert plan_rows(version) == plan_rows(at_512(packed))


def test_bytes_of_many_groups_do_not_depend_on_files_or_row_order(
    corpus: Corpus, packed: Path, bfpack: Bfpack, settings_restored: None, tmp_path: Path
) -> None:
    many = ("--group-documents-max", 50)
    output = copy_of(packed, tmp_path)
    version = pack(bfpack, corpus, output, *many)
    other = reordered(corpus, tmp_path / "corpus", 2)
    again = pack(bfpack, other, tmp_path / "other", *many, *SMALL_BATCHES)
    assert shard_hashes(version) == shard_hashes(again)
    rows = plan_rows(version)
    assert rows == plan_rows(again)
    assert {row["group"] for row in rows} == set(range(6))
    assert len({row["sequence_id"] for row in rows}) == manifest(version)["totals"]["sequences"]
    assert bfpack("verify", "--output", output, "--bucket", "small", *AT).code == 0
    check_stats(version, bfpack, output, *many)


def test_a_seed_changes_the_order_and_not_the_documents(
    corpus: Corpus, expected: Ids, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    one = read_segments(at_512(packed))
    two = read_segments(pack(bfpack, corpus, copy_of(packed, tmp_path), "--seed", 1))
    for held in (one, two):
        assert_each_token_once(held, expected)
    assert len(one.num_padding) == len(two.num_padding)
    pieces = [list(zip(held.doc_id, held.start, strict=True)) for held in (one, two)]
    assert sorted(pieces[0]) == sorted(pieces[1])
    moved = sum(a != b for a, b in zip(*pieces, strict=True))
    assert moved > 0.9 * len(pieces[0])


# Shards and files


def test_shards_are_equal_and_as_many_as_told(
    corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    total = manifest(at_512(packed))["totals"]["sequences"]
    default = max(n for n in (1, 2, 4, 8, 16, 32) if n == 1 or total >= 64 * n)
    assert rows_of_shards(at_512(packed)) == in_equal_parts(total, default)
    output = copy_of(packed, tmp_path)
    for more, num_shards in (
        (("--num-shards", 7), 7),
        (("--rows-per-shard", 100), -(-total // 100)),
    ):
        assert rows_of_shards(pack(bfpack, corpus, output, *more)) == in_equal_parts(
            total, num_shards
        )


def rows_of_shards(version: Path) -> list[int]:
    """By footers, in order of name."""
    return [pq.read_metadata(path).num_rows for path in sorted((version / "shards").iterdir())]


def in_equal_parts(total: int, parts: int) -> list[int]:
    """10 in 4 -> [3, 3, 2, 2]."""
    return [len(range(part, total, parts)) for part in range(parts)]


def test_the_output_tells_nothing_of_machine_or_time_and_parquet_lies_alone(
    packed: Path, corpus: Corpus
) -> None:
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
