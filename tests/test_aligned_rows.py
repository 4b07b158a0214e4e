"""Whole runs with documents at multiples of a number, and with rows of padding at the end."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Bfpack, Corpus
from outputs import manifest, reseal, rewrite, shard_rows
from packings import Ids, Packing, assert_each_token_once, at_512, read_segments

from bfpack_spark.reading import PackedSequences, layouts

MULTIPLE = 4000
ROWS_OF_PADDING = ("--num-sequences-multiple", MULTIPLE, "--num-shards", 3)


@pytest.fixture(scope="module")
def aligned(corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path_factory: Any) -> Packing:
    packing = Packing(packed, corpus, bfpack).copy(tmp_path_factory.mktemp("aligned"))
    packing.pack("--align", 64)
    return packing


def check_padding(row: dict[str, Any], align: int, pad: int) -> int:
    """Padding is what lies between documents, and the end, in one piece each; returns pieces that
    another document follows."""
    begin, pieces = 0, 0
    names = [*row["doc_ids"], None]
    columns = (row["seq_lengths"], row["doc_ids"], row["doc_starts"], row["doc_lengths"])
    for at, (length, name, start, whole) in enumerate(zip(*columns, strict=True)):
        end = begin + length
        if name is None:
            assert (start, whole) == (0, 0)
            assert set(row["input_ids"][begin:end]) == {pad}
            assert at == len(row["doc_ids"]) - 1 or length < align
            assert at == 0 or names[at - 1] is not None
            pieces += names[at + 1] is not None
        else:
            assert begin % align == 0
        begin = end
    missing = zip(row["seq_lengths"], row["doc_ids"], strict=True)
    assert row["num_padding"] == sum(length for length, name in missing if name is None)
    return pieces


def test_documents_begin_at_multiples(aligned: Packing, expected: Ids) -> None:
    version = at_512(aligned.output)
    assert_each_token_once(read_segments(version), expected)
    pad = manifest(version)["tokenizer"]["pad_id"]
    assert sum(check_padding(row, 64, pad) for row in shard_rows(version)) > 100
    account = manifest(version)["accounting"]
    assert account["num_padding"] == sum(row["num_padding"] for row in shard_rows(version))
    aligned.check_stats("--align", 64)
    assert aligned.problems() == []


def test_padding_between_documents_is_padding_to_readers(aligned: Packing) -> None:
    rows = shard_rows(at_512(aligned.output))
    data = PackedSequences(str(aligned.output), bucket="small", seq_len=512)
    seen = between = 0
    for batch in data.batches(4):
        labels, numbers = layouts.labels(batch), layouts.segment_ids(batch)
        padded = np.repeat(batch["is_padding"], batch["seq_lengths"]).reshape(labels.shape)
        assert (labels[padded] == layouts.IGNORED).all()
        assert ((numbers == 0) == padded).all()
        own, ends = layouts.cu_seqlens_padded(batch)
        assert (ends % 64 == 0).all()
        assert own[-1] == batch["num_tokens"].sum()
        for number, of_row, own in zip(
            batch["sequence_id"].tolist(), numbers, batch["num_tokens"].tolist(), strict=True
        ):
            names = [name for name in rows[number]["doc_ids"] if name is not None]
            assert sorted(set(of_row.tolist()) - {0}) == list(range(1, len(names) + 1))
            assert own == rows[number]["num_tokens"]
            seen += 1
            between += None in rows[number]["doc_ids"][:-1]
    assert seen == len(rows)
    assert between > 50


def swap_padding(rows: list[dict[str, Any]]) -> None:
    """Move the padding that follows a document in front of it: every sum stays."""
    for row in rows:
        if len(row["doc_ids"]) > 2 and row["doc_ids"][1] is None:
            first, filler = row["seq_lengths"][:2]
            ids = row["input_ids"]
            row["input_ids"] = ids[first : first + filler] + ids[:first] + ids[first + filler :]
            for name in ("seq_lengths", "doc_ids", "doc_starts", "doc_lengths"):
                row[name][:2] = row[name][1::-1]
            return
    raise AssertionError("no padding between documents")


def test_a_document_that_is_moved_off_a_multiple_is_seen(aligned: Packing, tmp_path: Path) -> None:
    moved = aligned.copy(tmp_path)
    rewrite(at_512(moved.output) / "shards" / "part-00000.parquet", swap_padding)
    reseal(at_512(moved.output))
    assert any("padding is not where align leaves it" in each for each in moved.problems())


def test_padding_that_holds_another_id_is_seen(aligned: Packing, tmp_path: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if None in row["doc_ids"][:-1])
        row["input_ids"][sum(row["seq_lengths"][: row["doc_ids"].index(None)])] = 5

    moved = aligned.copy(tmp_path)
    rewrite(at_512(moved.output) / "shards" / "part-00000.parquet", change)
    reseal(at_512(moved.output))
    (problem,) = moved.problems()
    assert problem.startswith("padding is not id")


def test_rows_of_padding_fill_up_the_last_shards(packing: Packing, expected: Ids) -> None:
    """The last of three shards holds rows of padding alone."""
    before = manifest(at_512(packing.output))["accounting"]["num_sequences"]
    version = packing.pack(*ROWS_OF_PADDING)
    rows = shard_rows(version)
    assert len(rows) == MULTIPLE
    assert before < 2 * MULTIPLE // 3
    assert [row["sequence_id"] for row in rows] == list(range(MULTIPLE))
    assert all(row["num_tokens"] > 0 for row in rows[:before])
    for row in rows[before:]:
        assert (row["seq_lengths"], row["doc_ids"], row["num_padding"]) == ([512], [None], 512)
    account = manifest(version)["accounting"]
    assert account["num_sequences"] == MULTIPLE
    assert account["num_padding_sequences"] == MULTIPLE - before
    packing.check_stats(*ROWS_OF_PADDING[:2])
    assert packing.problems() == []
    data = PackedSequences(str(packing.output), bucket="small", seq_len=512)
    targets = sum(int((layouts.labels(b) != layouts.IGNORED).sum()) for b in data.batches(8))
    pieces = sum(name is not None for row in rows for name in row["doc_ids"])
    assert targets == sum(map(len, expected.values())) - pieces
    packing.run("show", "--sequence", MULTIPLE - 1).succeeds()


def test_all_options_together(packing: Packing) -> None:
    slide = ("--long-documents", "slide", "--overlap", 100, "--max-documents", 3)
    bos = ("--bos-token", "<|endoftext|>", "--bos-at", "fragment")
    more = (*slide, *bos, "--align", 32, "--num-sequences-multiple", 64)
    version = packing.pack(*more)
    assert packing.problems() == []
    packing.check_stats(*slide, *bos[2:], "--align", 32, *more[-2:])
    said = packing.run("stats", *slide, *more[-4:]).out
    for option in ("--max-documents 3", "--overlap 100", "--align 32", "--num-sequences-multiple"):
        assert option in said
    chosen = manifest(version)["inputs"]["configuration"]
    assert (chosen["align"], chosen["overlap"], chosen["bos_at"]) == (32, 100, "fragment")


def test_exports_that_leave_padding_out_refuse_it(aligned: Packing) -> None:
    ran = aligned.export("bridge")
    ran.refuses("export bridge: leaves padding out, and rows of --align 64 need it")


def test_concatenation_too_is_filled_up_to_a_multiple(packing: Packing, expected: Ids) -> None:
    more = ("--packing", "concat", "--num-sequences-multiple", 1000)
    version = packing.pack(*more)
    assert_each_token_once(read_segments(version), expected)
    rows = shard_rows(version)
    assert len(rows) % 1000 == 0
    planned = manifest(version)["accounting"]["lower_bound"]
    assert [row["num_tokens"] > 0 for row in rows] == [n < planned for n in range(len(rows))]
    assert packing.problems() == []
