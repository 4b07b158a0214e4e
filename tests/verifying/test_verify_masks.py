"""Loss masks broken on purpose: in a row, in the token store, in the accounts (invariant 7)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import Bfpack
from conversations import BUCKET, Conversation, conversations, pack, write
from outputs import copy_of, current, manifest, reseal, rewrite

SEQ_LEN = 512
Row = dict[str, Any]


@pytest.fixture(scope="module")
def chats(bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conversations packed whole, of which some rows have padding."""
    tmp = tmp_path_factory.mktemp("chats")
    version = pack(bfpack, tmp, write(tmp / "in", conversations(60)), "--loss-mask-column", "mask")
    assert manifest(version)["accounting"]["num_padding"] > 0
    return tmp / "out"


@pytest.fixture
def broken(chats: Path, tmp_path: Path) -> Path:
    return copy_of(chats, tmp_path)


def verify(bfpack: Bfpack, output: Path) -> list[dict[str, Any]]:
    return bfpack("verify", "--output", output, "--seq-len", SEQ_LEN, "--json").violations()


def violations(bfpack: Bfpack, output: Path) -> list[str]:
    return [f"{v['invariant']}: {v['problem']}" for v in verify(bfpack, output)]


def version_of(output: Path) -> Path:
    return current(output, BUCKET, f"sequences-{SEQ_LEN}")


# Refused: two have an id outside the vocabulary, and the mask of the last cannot be read.
REFUSED = [
    Conversation("negative id", [5, -1, 7], [1, 1, 0]),
    Conversation("wrong id", [5, 10**6, 7], [0, 1, 1]),
    Conversation("a null", [5, 6, 7], [1, None, 1]),  # type: ignore[list-item]
]


@pytest.fixture(scope="module")
def refused(bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conversations of which three go to quarantine, and one more because none of its targets lies
    in the tokens that are kept."""
    tmp = tmp_path_factory.mktemp("refused")
    late = Conversation("late", [5] * 600, [0] * 550 + [1] * 50)
    given = write(tmp / "in", [*conversations(60), *REFUSED, late])
    more = ("--max-quarantined", 0.5, "--long-documents", "truncate")
    pack(bfpack, tmp, given, "--loss-mask-column", "mask", *more)
    return tmp / "out"


def quarantined(version: Path) -> dict[str, int | None]:
    """The targets of each document in the quarantine of a version."""
    rows = pq.read_table(version / "quarantine", columns=["doc_id", "num_targets"]).to_pylist()
    return {row["doc_id"]: row["num_targets"] for row in rows}


def test_the_targets_of_refused_documents_are_counted(refused: Path, bfpack: Bfpack) -> None:
    store, version = current(refused, BUCKET, "tokens"), version_of(refused)
    accounting = manifest(store)["accounting"]
    assert sum(accounting["documents_quarantined"].values()) == len(REFUSED)
    assert accounting["targets_quarantined"] == 4
    assert accounting["documents_with_unknown_targets"] == 1
    held = manifest(version)["accounting"]["targets"]
    assert held["num_targets_quarantined"] == 4
    assert held["num_documents_with_unknown_targets"] == 1
    assert quarantined(store) == {"negative id": 2, "wrong id": 2, "a null": None}
    assert quarantined(version) == {"late": 51}  # with EOS, since the token before it is one
    assert violations(bfpack, refused) == []
    page = (version / "report" / "report.html").read_text()
    assert "The documents in quarantine have 4 targets more by their own masks." in page
    assert (
        "Of 1 document in quarantine nobody knows the targets, since no mask can be read." in page
    )


def test_wrong_accounts_of_refused_targets_are_found(
    refused: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    output = copy_of(refused, tmp_path)
    names = ("targets_quarantined", "documents_with_unknown_targets")
    reseal(current(output, BUCKET, "tokens"), lambda held: add_one(held["accounting"], names))
    found = violations(bfpack, output)
    for name in names:
        assert [one for one in found if one.startswith(f"7: accounting.{name} is")], found


def add_one(counts: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        counts[name] += 1


def shift(row: Row) -> None:
    row["loss_mask"] = [0, *row["loss_mask"][:-1]]


def swap_two(row: Row) -> None:
    mask = row["loss_mask"]
    at = next(n for n in range(1, len(mask)) if mask[n] != mask[n - 1])
    mask[at - 1], mask[at] = mask[at], mask[at - 1]


Faults = dict[Callable[[Row], object], str]

MOVED: Faults = {
    shift: "1: its tokens differ from the token store's",
    swap_two: "1: its tokens differ from the token store's",
}
VALUES: Faults = {
    lambda row: row.update(loss_mask=[0] * SEQ_LEN): "7: no token of the row is a target",
    lambda row: row["loss_mask"].__setitem__(3, 2): "7: the loss mask has another value than 0",
    lambda row: row["loss_mask"].__setitem__(-1, 1): "7: the loss mask makes padding a target",
}
SHAPE: Faults = {
    lambda row: row["loss_mask"].pop(): f"2: shape: the loss mask has not {SEQ_LEN} values"
}


@pytest.mark.parametrize("faults", [MOVED, VALUES, SHAPE], ids=["moved", "values", "shape"])
def test_a_mask_that_is_changed_in_a_row_is_found(
    faults: Faults, broken: Path, bfpack: Bfpack
) -> None:
    """Each fault is in a row of its own, and is named with that row or a document of it."""
    version = version_of(broken)
    (path,) = (version / "shards").iterdir()
    places: dict[int, tuple[str, list[str]]] = {}

    def change(rows: list[Row]) -> None:
        padded = [at for at, row in enumerate(rows) if row["num_padding"]]
        for at, (fault, says) in zip(padded, faults.items(), strict=False):
            fault(rows[at])
            places[at] = (says, rows[at]["doc_ids"])

    rewrite(path, change)
    reseal(version)
    found = verify(bfpack, broken)
    assert len(places) == len(faults)
    for at, (says, documents) in places.items():
        named = [v for v in found if v["row"] == at or (v["document"] or "") in documents]
        assert [v for v in named if f"{v['invariant']}: {v['problem']}".startswith(says)], found


def test_a_mask_that_is_changed_in_the_token_store_is_found(broken: Path, bfpack: Bfpack) -> None:
    store = current(broken, BUCKET, "tokens")
    (path,) = (store / "documents").iterdir()

    def change(rows: list[Row]) -> None:
        mask = bytearray(rows[5]["loss_mask"])
        mask[1] ^= 1
        rows[5]["loss_mask"] = bytes(mask)

    rewrite(path, change)
    reseal(store)
    found = violations(bfpack, broken)
    assert [one for one in found if "its tokens differ" in one], found
    assert [one for one in found if one.startswith("7: loss masks mark")], found
    assert [one for one in found if one.startswith("7: accounting.targets is")], found


def test_wrong_accounts_of_targets_are_found(broken: Path, bfpack: Bfpack) -> None:
    names = ("num_targets", "num_targets_packed", "num_sequences_without_target", "p99_targets")
    reseal(version_of(broken), lambda held: add_one(held["accounting"]["targets"], names))
    found = violations(bfpack, broken)
    assert len(found) == len(names), found
    for name in names:
        assert [one for one in found if one.startswith(f"7: accounting.targets.{name} is")], found


def test_verify_stats_and_report_say_the_targets(chats: Path, bfpack: Bfpack) -> None:
    account = manifest(version_of(chats))["accounting"]
    targets = account["targets"]
    share = 100 * targets["num_targets_packed"] / account["num_tokens_packed"]
    ran = bfpack("verify", "--output", chats, "--seq-len", SEQ_LEN)
    assert f"{share:.1f} % of the tokens are targets, 100 % of the documents are whole" in ran.out
    assert f"0 rows have no target, a row has {targets['mean_targets']:,.1f} targets" in ran.out
    held = json.loads(bfpack("stats", "--output", chats, "--seq-len", SEQ_LEN, "--json").out)
    ((at,),) = (bucket["targets"] for bucket in held)
    assert (at["seq_len"], at["whole_share"]) == (SEQ_LEN, 1)
    assert at["num_targets_packed"] == targets["num_targets_packed"]
    assert "Targets in the rows" in bfpack("stats", "--output", chats, "--seq-len", SEQ_LEN).out
    page = (version_of(chats) / "report" / "report.html").read_text()
    assert f"{share:.1f} % of the tokens are targets" in page
