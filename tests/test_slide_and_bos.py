"""Whole runs with BOS before each fragment, and with tokens repeated: rows, accounts, verify,
labels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus
from outputs import manifest, reseal, rewrite, segments, shard_rows
from packings import Ids, Packing, at_512
from tokenizers import Tokenizer

from bfpack_spark.reading import PackedSequences, layouts

BOS = "<|endoftext|>"
SLIDE = ("--long-documents", "slide", "--overlap", 64)
AT_FRAGMENT = ("--bos-token", BOS, "--bos-at", "fragment")


@pytest.fixture(scope="module")
def bos(corpus: Corpus) -> int:
    return int(Tokenizer.from_file(str(corpus.tokenizer / "tokenizer.json")).token_to_id(BOS))


@pytest.fixture(scope="module")
def slid(corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path_factory: Any) -> Packing:
    """An output whose current version at 512 repeats 64 tokens."""
    packing = Packing(packed, corpus, bfpack).copy(tmp_path_factory.mktemp("slid"))
    packing.pack(*SLIDE)
    return packing


def check_rows(version: Path, wanted: Ids, overlap: int, bos: int | None) -> tuple[int, int]:
    """Each segment holds the tokens of its document from doc_starts on, behind BOS if it goes on;
    each token is new once. Returns the tokens repeated and the BOS inserted."""
    reached: dict[str, list[tuple[int, int]]] = {name: [] for name in wanted}
    inserted = 0
    for row in shard_rows(version):
        for name, start, _, ids, _ in segments(row):
            if name is None:
                continue
            if start and bos is not None:
                assert ids[0] == bos
                ids, inserted = ids[1:], inserted + 1
            assert ids == wanted[name][start : start + len(ids)].tolist()
            reached[name].append((start, start + len(ids)))
    repeated = 0
    for name, spans in reached.items():
        end = 0
        for start, stop in sorted(spans):
            assert start == max(end - overlap, 0)
            repeated, end = repeated + end - start, stop
        assert end == len(wanted[name])
    return repeated, inserted


def check_accounts(version: Path, wanted: Ids, repeated: int, inserted: int) -> None:
    account = manifest(version)["accounting"]
    num_tokens = sum(map(len, wanted.values()))
    assert account["num_tokens"] == num_tokens
    assert account.get("num_tokens_repeated", 0) == repeated
    assert account.get("num_bos_at_fragments", 0) == inserted
    assert account["num_tokens_packed"] == num_tokens + repeated + inserted
    assert manifest(version)["totals"]["tokens"] == account["num_tokens_packed"]


def test_bos_stands_before_each_fragment(packing: Packing, expected: Ids, bos: int) -> None:
    version = packing.pack(*AT_FRAGMENT)
    wanted = {name: np.concatenate([[bos], ids]) for name, ids in expected.items()}
    repeated, inserted = check_rows(version, wanted, 0, bos)
    assert repeated == 0
    assert inserted > 50
    check_accounts(version, wanted, repeated, inserted)
    packing.check_stats("--bos-at", "fragment")
    assert not packing.problems()
    shard = version / "shards" / "part-00000.parquet"
    changed: list[str] = []

    def break_bos(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["doc_starts"][0] and not changed:
                row["input_ids"][0] = bos + 1
                changed.append(row["doc_ids"][0])

    rewrite(shard, break_bos)
    reseal(version)
    (violation,) = packing.run("verify", "--json").violations()
    assert violation["problem"].endswith("does not begin with BOS")
    assert violation["document"] == changed[0]


def test_both_together_repeat_behind_bos(packing: Packing, expected: Ids, bos: int) -> None:
    version = packing.pack(*AT_FRAGMENT, *SLIDE, "--max-documents", 4)
    wanted = {name: np.concatenate([[bos], ids]) for name, ids in expected.items()}
    repeated, inserted = check_rows(version, wanted, 64, bos)
    assert repeated == 64 * inserted > 0
    check_accounts(version, wanted, repeated, inserted)
    assert not packing.problems("--input", packing.corpus.path)
    check_targets(packing.output, wanted)


def check_targets(output: Path, wanted: Ids) -> None:
    """Each token of a document but its first is a target once; those that are repeated are twice
    if they are kept."""
    data = PackedSequences(str(output), bucket="small", seq_len=512)
    targets = again = segments = 0
    for batch in data.batches(8):
        targets += int((layouts.labels(batch) != layouts.IGNORED).sum())
        again += int((layouts.labels(batch, repeated=True) != layouts.IGNORED).sum())
        segments += int((~batch["is_padding"]).sum())
        assert (layouts.labels(batch, shifted=True)[:, :-1] == layouts.labels(batch)[:, 1:]).all()
    assert targets == sum(map(len, wanted.values())) - len(wanted)
    assert again == manifest(at_512(output))["totals"]["tokens"] - segments
    one = data[0]
    assert one["num_repeated"].dtype == np.int32


def test_tokens_are_repeated_and_no_target_twice(
    slid: Packing, packed: Path, expected: Ids
) -> None:
    version = at_512(slid.output)
    repeated, inserted = check_rows(version, expected, 64, None)
    assert inserted == 0
    assert repeated > 1000
    check_accounts(version, expected, repeated, 0)
    slid.check_stats(*SLIDE)
    assert not slid.problems()
    check_targets(slid.output, expected)
    plain = manifest(at_512(packed))["accounting"]
    assert not {"num_tokens_repeated", "num_bos_at_fragments"} & plain.keys()


def test_a_repeated_token_that_differs_is_seen(slid: Packing, tmp_path: Path) -> None:
    other = slid.copy(tmp_path)
    changed: list[str] = []

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["doc_starts"][0] and not changed:
                row["input_ids"][3] += 1 if row["input_ids"][3] < 9 else -1
                changed.append(row["doc_ids"][0])

    version = at_512(other.output)
    rewrite(version / "shards" / "part-00000.parquet", change)
    reseal(version)
    (violation,) = other.run("verify", "--json").violations()
    assert (violation["invariant"], violation["document"]) == (1, changed[0])
    assert violation["problem"] == "its tokens differ from the token store's"


def test_metadata_names_the_overlap(slid: Packing) -> None:
    held = pq.read_schema(at_512(slid.output) / "shards" / "part-00000.parquet").metadata
    assert held[b"bfpack.overlap"] == b"64"
    assert b"bfpack.bos_at" not in held


def test_show_counts_each_token_once(slid: Packing, expected: Ids) -> None:
    name = max(expected, key=lambda name: len(expected[name]))
    (where,) = json.loads(slid.run("show", "--doc", name, "--json").out)
    starts = [each["start"] for each in where["fragments"]]
    assert starts == [0, *range(512 - 64, len(expected[name]) - 64, 512 - 64)][: len(starts)]
    assert len(starts) > 2
    assert "left out" not in slid.run("show", "--doc", name).out


def test_stats_tell_what_overlaps_gain(packing: Packing, expected: Ids) -> None:
    ((at,),) = (bucket["at"] for bucket in json.loads(packing.run("stats", "--json").out))
    found = {each["overlap"]: each for each in at["overlaps"]}
    assert list(found) == [64, 128, 256]
    for overlap, each in found.items():
        later = sum(-(-max(len(ids) - 512, 0) // (512 - overlap)) for ids in expected.values())
        assert each["num_tokens_repeated"] == later * overlap
    gained = [each["gained_share"] for each in found.values()]
    assert 0 < gained[0] < gained[1] < gained[2]
    assert "slide gains" in packing.run("stats", "--details").out


def test_an_export_says_that_tokens_count_twice(
    slid: Packing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = slid.copy(tmp_path)
    other.export("mds").succeeds()
    assert "tokens are repeated by --overlap 64: rows of mds have no mark" in caplog.text


def test_the_export_for_bridge_masks_repeated_tokens(
    slid: Packing, expected: Ids, tmp_path: Path
) -> None:
    other = slid.copy(tmp_path)
    ran = other.export("bridge").succeeds()
    files = sorted(Path(ran.out.strip()).glob("*.parquet"))
    masks = [row for path in files for row in pq.read_table(path)["loss_mask"].to_pylist()]
    targets = sum(map(sum, masks))
    assert targets == sum(map(len, expected.values())) - len(expected)
    assert not other.problems()


def test_bos_before_fragments_needs_documents_with_bos(packing: Packing) -> None:
    ran = packing.run("plan", "--bos-at", "fragment")
    ran.refuses("--bos-at fragment: the documents of this token store have no BOS")
