"""What stats say of documents with loss masks: the policy that a run would take, and the targets in
rows that are published, of each bucket and of all."""

import csv
import io
import json
from pathlib import Path

import pytest
from conftest import Bfpack, Corpus
from conversations import conversations, options, write, write_tokenizer
from inputs import write_input
from outputs import current, manifest, shard_rows

Rows = dict[tuple[str, int], dict[str, str]]
CHATS = ("chats", "talks")
BOTH = ("--bucket", "chats", "--bucket", "talks")


@pytest.fixture(scope="module")
def output(bfpack: Bfpack, demo_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two buckets of conversations, truncated at 256 and whole at 512, and one of text."""
    tmp = tmp_path_factory.mktemp("chats")
    for number, bucket in enumerate(CHATS):
        told = options(tmp, write(tmp / bucket, conversations(40 + 20 * number, seed=number)))
        told[told.index("--bucket") + 1] = bucket
        for more in ((256, "--long-documents", "truncate"), (512,)):
            bfpack("pack", *told, "--loss-mask-column", "mask", "--seq-len", *more).succeeds()
    write_input(tmp / "text" / "a.jsonl", [{"text": "a word " * 90}])
    where = ("--input", tmp / "text", "--tokenizer", demo_corpus.tokenizer, "--output", tmp / "out")
    assert bfpack("pack", *where, "--bucket", "text", "--seq-len", 256).code == 0
    return tmp / "out"


@pytest.fixture
def rows(output: Path, bfpack: Bfpack) -> Rows:
    """`bfpack stats --csv` of all buckets, by bucket ("" for all) and seq_len."""
    ran = bfpack("stats", "--output", output, "--seq-len", 256, "--seq-len", 512, "--csv")
    assert ran.code == 0, ran.err
    read = csv.DictReader(io.StringIO(ran.out))
    return {(row["bucket"], int(row["seq_len"])): row for row in read}


def test_the_policy_is_the_one_that_pack_would_take(rows: Rows) -> None:
    policies = {bucket: row["long_documents"] for (bucket, _), row in rows.items()}
    assert policies == {"chats": "error", "talks": "error", "text": "split", "": "error, split"}


def test_a_policy_that_is_named_holds_for_all(output: Path, bfpack: Bfpack) -> None:
    where = ("stats", "--output", output, "--seq-len", 256, "--json")
    for more, says in (((), "error"), (("--long-documents", "drop"), "drop")):
        chats, _, text, total = json.loads(bfpack(*where, *more).out)
        assert (chats["long_documents"], chats["packing"]) == (says, "best_fit")
        assert text["long_documents"] == (says if more else "split")
        assert total["long_documents"] == (says if more else "error, split")
    said = bfpack("stats", "--output", output, "--bucket", "chats", "--seq-len", 256).out
    assert "--long-documents error: bfpack pack fails at --seq-len 256, since " in said


@pytest.mark.parametrize("seq_len", [256, 512])
def test_targets_and_whole_conversations_are_those_of_the_rows(
    seq_len: int, rows: Rows, output: Path
) -> None:
    sums = dict.fromkeys(("targets", "tokens", "rows", "documents", "whole"), 0)
    for bucket in CHATS:
        version = current(output, bucket, f"sequences-{seq_len}")
        account, row = manifest(version)["accounting"], rows[bucket, seq_len]
        held = shard_rows(version)
        targets = sum(sum(one["loss_mask"]) for one in held)
        targets -= sum(  # the first token of a segment is none
            one["loss_mask"][sum(one["seq_lengths"][:n])]
            for one in held
            for n in range(len(one["seq_lengths"]))
        )
        for name in ("num_targets", "num_targets_dropped", "num_targets_truncated"):
            assert int(float(row[f"published_{name}"])) == account["targets"][name]
        assert float(row["published_num_targets_packed"]) == targets > 0
        documents = [
            (doc_id, length == whole)
            for one in held
            for doc_id, length, whole in zip(
                one["doc_ids"], one["seq_lengths"], one["doc_lengths"], strict=True
            )
            if doc_id is not None
        ]
        whole = sum(is_whole for _, is_whole in documents)
        assert float(row["published_whole_share"]) == pytest.approx(whole / len(documents))
        assert (whole == len(documents)) == (seq_len == 512)
        for name, value in zip(
            sums,
            (targets, account["num_tokens_packed"], len(held), len(documents), whole),
            strict=True,
        ):
            sums[name] += value
    total = rows["", seq_len]
    assert float(total["published_num_targets_packed"]) == sums["targets"]
    assert float(total["published_target_share"]) == sums["targets"] / sums["tokens"]
    assert float(total["published_mean_targets"]) == sums["targets"] / sums["rows"]
    assert float(total["published_whole_share"]) == sums["whole"] / sums["documents"]
    assert total["published_p1_targets"] == ""  # quantiles cannot be added
    assert rows["text", seq_len]["published_num_targets"] == ""


def test_a_sum_of_which_a_bucket_is_not_published_is_not_given(
    output: Path, bfpack: Bfpack
) -> None:
    pointer = output / "talks" / "sequences-256" / "_current.json"
    held = pointer.read_bytes()
    pointer.unlink()
    where = ("stats", "--output", output, "--seq-len", 256, "--seq-len", 512, "--json")
    *_, total = json.loads(bfpack(*where).out)
    pointer.write_bytes(held)
    assert [at["seq_len"] for at in total["targets"]] == [512]


def test_the_page_of_an_output_adds_targets(output: Path, bfpack: Bfpack, rows: Rows) -> None:
    ran = bfpack("report", "--output", output, "--seq-len", 512, *BOTH).succeeds()
    packed = int(float(rows["", 512]["published_num_targets_packed"]))
    assert f"{packed:,} (100.0 %)" in ran.out
    table = bfpack("stats", "--output", output, "--seq-len", 512).out
    assert f"{packed:,} (100.0 %)" in table


def test_a_sample_of_documents_with_masks_says_what_lengths_do_not_tell(
    bfpack: Bfpack, tmp_path: Path
) -> None:
    write(tmp_path / "in", conversations(20))
    write_tokenizer(tmp_path / "tokenizer")
    drawn = ("--input", tmp_path / "in", "--tokenizer", tmp_path / "tokenizer", "--sample", 50)
    policy = ("--seq-len", 64, "--long-documents", "truncate", "--tokens-column", "ids")
    for more, says in (((), False), (("--loss-mask-column", "mask"), True)):
        ran = bfpack("stats", *drawn, *policy, *more).succeeds()
        assert ("lengths do not tell which tokens are targets" in ran.out) == says
