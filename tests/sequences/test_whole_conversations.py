"""Conversations that are longer than a row, by each policy: what is kept, and what is counted."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack
from conversations import BUCKET, Conversation, conversations, options, pack, pieces_of, write
from core.test_kept_targets import oracle
from outputs import current, manifest

from bfpack_spark.printable import counted

SEQ_LEN = 256
# One whose first 300 tokens have no target, one whose only turn does not fit, and one that fits.
HARD = [
    Conversation("late", [5] * 400, [0] * 300 + [1] * 100),
    Conversation("one turn", [6] * 400, [0] * 10 + [1] * 390),
    Conversation("short", [7] * 20, [0] * 10 + [1] * 10),
]
HELD = [*conversations(150, turns_max=12), *HARD]
TARGETS = ("--loss-mask-column", "mask")


def kept_of(one: Conversation, policy: str) -> int:
    return oracle(one.stored[1], SEQ_LEN, policy)[0]


Packed = dict[str, tuple[Path, str]]  # by policy: the version, and what the command said


@pytest.fixture(scope="module")
def by_policy(bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Pack the conversations in several groups, by each policy that leaves something out."""
    packed: Packed = {}
    for policy in ("drop", "truncate", "truncate_turns"):
        tmp = tmp_path_factory.mktemp(policy)
        given = options(tmp, write(tmp / "in", HELD), *TARGETS, "--long-documents", policy)
        ran = bfpack("pack", *given, "--seq-len", SEQ_LEN, "--group-documents-max", 40).succeeds()
        packed[policy] = (current(tmp / "out", BUCKET, f"sequences-{SEQ_LEN}"), ran.out)
    return packed


@pytest.mark.parametrize("policy", ["drop", "truncate", "truncate_turns"])
def test_what_is_kept_is_whole_turns_and_all_is_counted(
    policy: str, bfpack: Bfpack, by_policy: Packed
) -> None:
    version, _ = by_policy[policy]
    kept = {one.name: kept_of(one, policy) for one in HELD}
    pieces = pieces_of(version)
    assert pieces == {
        one.name: [(0, one.stored[0][: kept[one.name]], one.stored[1][: kept[one.name]])]
        for one in HELD
        if kept[one.name]
    }
    account = manifest(version)["accounting"]
    masks = {one.name: one.stored[1] for one in HELD}
    none = [n for n, mask in masks.items() if not kept[n] and len(mask) > SEQ_LEN]
    truncated = [n for n, mask in masks.items() if 0 < kept[n] < len(mask)]
    targets = account["targets"]
    assert targets["num_targets"] == sum(sum(mask[1:]) for mask in masks.values())
    assert targets["num_targets_packed"] == sum(sum(m[1 : kept[n]]) for n, m in masks.items())
    assert targets["num_targets_dropped"] == sum(sum(masks[n][1:]) for n in none)
    assert targets["num_targets_truncated"] == sum(sum(masks[n][kept[n] :]) for n in truncated)
    assert (targets["num_targets_at_cuts"], targets["num_sequences_without_target"]) == (0, 0)
    assert account["num_documents_truncated"] == account["num_documents_cut"] == len(truncated)
    assert account["num_documents_dropped"] == len(none)
    assert none
    left = [] if policy == "drop" else none
    assert targets["num_documents_without_target"] == len(left)
    if left:
        rows = pq.read_table(version / "quarantine").to_pylist()
        assert sorted(row["doc_id"] for row in rows) == sorted(left)
        assert {row["reason"] for row in rows} == {"no_target"}
    ran = bfpack("verify", "--output", version.parents[2], "--seq-len", SEQ_LEN).succeeds()
    lost = sum(len(one.stored[0]) - kept[one.name] for one in HELD)
    dropped = f"{counted(len(none), 'document')} dropped"
    ends = f"{len(truncated)} documents truncated, " if truncated else ""
    assert f" tokens, {len(HELD) - len(none)} documents packed; left out: " in ran.out
    assert f"left out: {dropped}, {ends}{lost:,} tokens; " in ran.out


def test_by_default_a_long_conversation_fails_the_run_and_tokens_stay(
    bfpack: Bfpack, tmp_path: Path
) -> None:
    given = write(tmp_path / "in", HELD)
    lengths = np.array([len(one.stored[0]) for one in HELD])
    longer = int((lengths > SEQ_LEN).sum())
    ran = bfpack("pack", *options(tmp_path, given), *TARGETS, "--seq-len", SEQ_LEN)
    ran.refuses(f"{longer} of {len(HELD)} documents", f"--seq-len {lengths.max()} takes all")
    assert (tmp_path / "out" / BUCKET / "tokens" / "_current.json").exists()
    version = pack(bfpack, tmp_path, given, *TARGETS, seq_len=int(lengths.max()))
    account = manifest(version)["accounting"]
    assert (account["num_documents_cut"], account["num_documents_packed"]) == (0, len(HELD))


def test_split_by_name_cuts_and_counts_targets_lost_at_cuts(bfpack: Bfpack, tmp_path: Path) -> None:
    given = write(tmp_path / "in", HELD)
    more = (*TARGETS, "--long-documents", "split")
    version = pack(bfpack, tmp_path, given, *more, seq_len=SEQ_LEN)
    at_cuts = sum(sum(one.stored[1][SEQ_LEN::SEQ_LEN]) for one in HELD)
    targets = manifest(version)["accounting"]["targets"]
    assert targets["num_targets_at_cuts"] == at_cuts > 0
    bfpack("verify", "--output", tmp_path / "out", "--seq-len", SEQ_LEN).succeeds()


def test_concatenation_counts_targets_lost_at_its_cuts(bfpack: Bfpack, tmp_path: Path) -> None:
    given = write(tmp_path / "in", HELD)
    concat = (*TARGETS, "--packing", "concat", "--long-documents")
    told = (*options(tmp_path, given), "--seq-len", SEQ_LEN, *concat, "truncate")
    bfpack("pack", *told).refuses("goes with --packing best_fit")
    version = pack(bfpack, tmp_path, given, *concat, "split", seq_len=SEQ_LEN)
    targets = manifest(version)["accounting"]["targets"]
    lost = [mask[0] for held in pieces_of(version).values() for start, _, mask in held if start]
    assert targets["num_targets_at_cuts"] == sum(lost) > 0
    bfpack("verify", "--output", tmp_path / "out", "--seq-len", SEQ_LEN).succeeds()


def test_turns_are_not_known_without_masks(bfpack: Bfpack, tmp_path: Path) -> None:
    given = write(tmp_path / "in", HELD)
    more = ("--seq-len", SEQ_LEN, "--long-documents", "truncate_turns")
    bfpack("pack", *options(tmp_path, given), *more).refuses("have no loss masks")


@pytest.mark.parametrize("policy", ["truncate", "truncate_turns"])
def test_the_policy_that_leaves_something_out_is_named_with_its_reason(
    policy: str, bfpack: Bfpack, by_policy: Packed
) -> None:
    version, said = by_policy[policy]
    first, dropped, ends, *_ = said.splitlines()
    why = f"no target is left (--long-documents {policy})"
    assert dropped.endswith(f" of the tokens, dropped: {why}"), first
    assert ends.endswith(f" of the tokens, left out (--long-documents {policy})")
    where = ("--output", version.parents[2], "--bucket", BUCKET, "--seq-len", SEQ_LEN)
    assert bfpack("show", *where, "--doc", "late").out.endswith(
        f": 401 tokens, in no sequence, by --long-documents {policy}: no target is left\n"
    )
    cut = next(one.name for one in HELD if 0 < kept_of(one, policy) < len(one.stored[0]))
    shown = bfpack("show", *where, "--doc", cut).out
    assert shown.endswith(f" tokens left out, by --long-documents {policy}\n")
    page = bfpack("report", *where).out
    assert "dropped: no target is left" in page
    assert "dropped: longer" not in page
    assert f"--long-documents {policy}: lengths do not tell" in page
    account = manifest(version)["accounting"]
    left_out = account["num_tokens_truncated"] + account["num_tokens_dropped"]
    table = page.partition(f"Published of {BUCKET}")[2].partition("</table>")[0]
    assert "tokens left out" in table
    assert f"{100 * left_out / account['num_tokens']:.1f} %" in table
