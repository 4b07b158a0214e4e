"""Every invariant broken on purpose, and caught where it was broken."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Corpus, Ran
from outputs import copy_of, current, manifest, read, reseal, rewrite

SEQ_LEN = 16
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def tiny(
    demo_corpus: Corpus, bfpack: Callable[..., Ran], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Thirty short documents in two shards, some cut; folders `output` and `corpus`."""
    folder = tmp_path_factory.mktemp("tiny")
    words = ["def", "return", "import os", "x = 1", "yield from it", "class A: pass"]
    texts = [
        " ".join(words[: 1 + n % 6]) + "\n" + "y\n" * (n % 5 + 14 * (n % 7 == 0)) for n in range(30)
    ]
    (folder / "corpus").mkdir()
    rows = [{"doc_id": f"d{n:02d}", "text": text} for n, text in enumerate(texts)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "corpus" / "a.parquet")
    where = ["--input", folder / "corpus", "--output", folder / "output", "--bucket", "b"]
    options = ["--tokenizer", demo_corpus.tokenizer, "--id-column", "doc_id", "--num-shards", 2]
    ran = bfpack("pack", *where, *options, "--seq-len", SEQ_LEN)
    assert ran.code == 0, ran.err
    held = manifest(current(folder / "output", "b", f"sequences-{SEQ_LEN}"))
    assert held["totals"]["sequences"] > 8
    assert held["accounting"]["num_documents_cut"] > 2
    return folder


@pytest.fixture
def broken(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the output, to be broken."""
    return copy_of(tiny / "output", tmp_path)


def verify(bfpack: Callable[..., Ran], output: Path, *more: object) -> tuple[int, list[Any]]:
    ran = bfpack(
        "verify", "--output", output, "--bucket", "b", "--seq-len", SEQ_LEN, "--json", *more
    )
    assert ran.code in (0, 1), ran.err
    (report,) = json.loads(ran.out)
    assert (ran.code == 0) == (not report["violations"])
    return ran.code, report["violations"]


def sequences(output: Path) -> Path:
    return current(output, "b", f"sequences-{SEQ_LEN}")


def shard(output: Path, number: int = 0) -> Path:
    return sequences(output) / "shards" / f"part-{number:05d}.parquet"


def test_an_untouched_output_holds_every_invariant(tiny: Path, bfpack: Callable[..., Ran]) -> None:
    assert verify(bfpack, tiny / "output") == (0, [])
    assert verify(bfpack, tiny / "output", "--input", tiny / "corpus") == (0, [])


def swap_segments(rows: Rows) -> None:
    """Two documents' tokens change places in a row; labels stay."""
    row = next(r for r in rows if r["num_padding"] == 0 and len(set(r["doc_ids"])) > 1)
    one, two = row["seq_lengths"][:2]
    ids = row["input_ids"]
    assert ids[:one] != ids[one : one + two]
    row["input_ids"] = ids[one : one + two] + ids[:one] + ids[one + two :]


def relabel_segments(rows: Rows) -> None:
    """A row claims another document of the same length."""
    row = next(r for r in rows if r["doc_ids"][0] is not None)
    row["doc_ids"][0] = "d99"


def double_a_row(rows: Rows) -> None:
    """One row's content over another's: some documents twice, some not at all."""
    names = [n for n in rows[0] if n != "sequence_id"]
    rows[1].update({name: rows[0][name] for name in names})


def drop_a_row(rows: Rows) -> None:
    del rows[2]


def skip_a_sequence_id(rows: Rows) -> None:
    rows[-1]["sequence_id"] += 1


def use_a_wrong_id(rows: Rows) -> None:
    rows[3]["input_ids"][0] = 10**6


def change_one_id(rows: Rows) -> None:
    rows[3]["input_ids"][0] ^= 1


def name_another_bucket(rows: Rows) -> None:
    rows[1]["bucket"] = "other"


def shorten_the_ids(rows: Rows) -> None:
    rows[1]["input_ids"].pop()


def misstate_a_length(rows: Rows) -> None:
    rows[1]["seq_lengths"][0] += 1


def misstate_a_document(rows: Rows) -> None:
    rows[1]["doc_lengths"][0] += SEQ_LEN


def drop_a_start(rows: Rows) -> None:
    rows[1]["doc_starts"].pop()


def misstate_num_tokens(rows: Rows) -> None:
    rows[1]["num_tokens"] -= 1


@pytest.mark.parametrize(
    ("change", "invariant", "says"),
    [
        (swap_segments, 1, "tokens differ"),
        (change_one_id, 1, "tokens differ"),
        (relabel_segments, 5, "the plan has"),
        (double_a_row, 5, "the plan has"),
        (drop_a_row, 2, "sequence_id out of order"),
        (skip_a_sequence_id, 2, "sequence_id out of order"),
        (use_a_wrong_id, 2, "outside the vocabulary"),
        (name_another_bucket, 2, "bucket is not b"),
        (shorten_the_ids, 2, f"input_ids are not {SEQ_LEN}"),
        (misstate_a_length, 2, "seq_lengths do not sum"),
        (misstate_a_document, 1, "doc_lengths says"),
        (drop_a_start, 2, "not parallel"),
        (misstate_num_tokens, 2, "num_tokens + num_padding"),
    ],
)
def test_a_change_in_a_shard_is_caught_though_every_hash_fits(
    change: Callable[[Rows], None],
    invariant: int,
    says: str,
    broken: Path,
    bfpack: Callable[..., Ran],
) -> None:
    rewrite(shard(broken), change)
    reseal(sequences(broken))
    _, violations = verify(bfpack, broken)
    found = [v for v in violations if v["invariant"] == invariant and says in v["problem"]]
    assert found, violations
    assert found[0]["shard"] == "shards/part-00000.parquet"
    assert found[0]["row"] is not None or found[0]["document"] is not None


def padded(rows: Rows) -> dict[str, Any]:
    return next(row for row in rows if row["num_padding"])


def fill_padding_with_another_id(rows: Rows) -> None:
    padded(rows)["input_ids"][-1] = 7


def put_padding_in_front(rows: Rows) -> None:
    row = padded(rows)
    for name in ("seq_lengths", "doc_ids", "doc_starts", "doc_lengths"):
        row[name] = [row[name][-1], *row[name][:-1]]
    row["input_ids"] = row["input_ids"][row["num_tokens"] :] + row["input_ids"][: row["num_tokens"]]


def call_a_document_padding(rows: Rows) -> None:
    row = next(row for row in rows if not row["num_padding"])
    row["doc_ids"][-1] = None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (fill_padding_with_another_id, "padding is not id"),
        (put_padding_in_front, "padding is not"),
        (call_a_document_padding, "padding is not the last segment"),
    ],
)
def test_padding_out_of_place_is_caught(
    change: Callable[[Rows], None], says: str, broken: Path, bfpack: Callable[..., Ran]
) -> None:
    paths = [shard(broken, 0), shard(broken, 1)]
    if change is not call_a_document_padding:
        paths = [
            p for p in paths if any(row["num_padding"] for row in pq.read_table(p).to_pylist())
        ]
    rewrite(paths[0], change)
    reseal(sequences(broken))
    _, violations = verify(bfpack, broken)
    assert [v for v in violations if v["invariant"] == 2 and says in v["problem"]], violations


def test_a_flipped_byte_is_caught(broken: Path, bfpack: Callable[..., Ran]) -> None:
    raw = bytearray(shard(broken).read_bytes())
    raw[len(raw) // 3] ^= 1
    shard(broken).write_bytes(raw)
    code, violations = verify(bfpack, broken)
    assert code == 1
    assert [
        v for v in violations if "sha256" in v["problem"] and v["shard"].endswith("00000.parquet")
    ]


def test_a_deleted_shard_is_caught(broken: Path, bfpack: Callable[..., Ran]) -> None:
    shard(broken, 1).unlink()
    _, violations = verify(bfpack, broken)
    assert ("listed in the manifest, not on disk", "shards/part-00001.parquet") in [
        (v["problem"], v["shard"]) for v in violations
    ]


@pytest.mark.parametrize("kind", ["shards", "plan"])
def test_a_file_too_many_is_caught(kind: str, broken: Path, bfpack: Callable[..., Ran]) -> None:
    extra = sequences(broken) / kind / "part-00009.parquet"
    extra.write_bytes((sequences(broken) / kind / "part-00000.parquet").read_bytes())
    _, violations = verify(bfpack, broken)
    assert [v for v in violations if v["shard"] == f"{kind}/part-00009.parquet"], violations


def count_one_more(held: dict[str, Any]) -> None:
    held["accounting"]["num_documents_cut"] += 1


def total_one_less(held: dict[str, Any]) -> None:
    held["totals"]["sequences"] -= 1


def another_seed(held: dict[str, Any]) -> None:
    held["inputs"]["configuration"]["seed"] = 5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (count_one_more, "accounting.num_documents_cut"),
        (total_one_less, "totals.sequences"),
        (another_seed, "fingerprint"),
    ],
)
def test_a_wrong_manifest_is_caught(
    change: Callable[[dict[str, Any]], None], says: str, broken: Path, bfpack: Callable[..., Ran]
) -> None:
    reseal(sequences(broken), change)
    _, violations = verify(bfpack, broken)
    assert [v for v in violations if says in v["problem"]], violations


def test_a_manifest_that_is_not_the_published_one_is_caught(
    broken: Path, bfpack: Callable[..., Ran]
) -> None:
    path = sequences(broken) / "_manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")
    _, violations = verify(bfpack, broken)
    assert [v for v in violations if "_current.json" in v["problem"]], violations


def move_in_the_plan(rows: Rows) -> None:
    rows[0]["start"] += 1


def test_a_plan_that_names_other_segments_is_caught(
    broken: Path, bfpack: Callable[..., Ran]
) -> None:
    rewrite(sequences(broken) / "plan" / "part-00000.parquet", move_in_the_plan)
    reseal(sequences(broken))
    _, violations = verify(bfpack, broken)
    assert [v for v in violations if v["invariant"] == 5 and "the plan has" in v["problem"]]


def change_a_stored_token(rows: Rows) -> None:
    rows[0]["tokens"] = b"\1\0\0\0" + rows[0]["tokens"][4:]


def test_a_token_store_that_was_changed_is_caught(broken: Path, bfpack: Callable[..., Ran]) -> None:
    store = current(broken, "b", "tokens")
    rewrite(next((store / "documents").glob("*.parquet")), change_a_stored_token)
    reseal(store)
    _, violations = verify(bfpack, broken)
    assert [v for v in violations if v["invariant"] == 1 and "tokens differ" in v["problem"]]


def test_a_sequence_too_many_and_a_cut_that_need_not_be_are_caught(
    broken: Path, bfpack: Callable[..., Ran]
) -> None:
    """A document that fits is cut in two; its second half becomes a row of its own."""
    version = sequences(broken)
    last = shard(broken, 1)
    rows = read(last)
    row = next(r for r in rows if r["doc_lengths"][0] == r["seq_lengths"][0] > 1)
    doc_id, whole = row["doc_ids"][0], row["doc_lengths"][0]
    pad = manifest(version)["tokenizer"]["pad_id"]
    new_id = rows[-1]["sequence_id"] + 1

    def cut_off(held: Rows) -> None:
        mine = next(r for r in held if r["sequence_id"] == row["sequence_id"])
        tail, kept = mine["input_ids"][whole - 1], mine["num_tokens"] - 1
        del mine["input_ids"][whole - 1]
        mine["input_ids"].insert(kept, pad)
        mine["seq_lengths"][0] -= 1
        if mine["num_padding"]:
            mine["seq_lengths"][-1] += 1
        else:
            for name in ("doc_ids", "doc_starts", "doc_lengths"):
                mine[name].append(None)
            mine["seq_lengths"].append(1)
        mine |= {"num_tokens": kept, "num_padding": SEQ_LEN - kept}
        held.append(
            {
                "sequence_id": new_id,
                "input_ids": [tail] + [pad] * (SEQ_LEN - 1),
                "seq_lengths": [1, SEQ_LEN - 1],
                "doc_ids": [doc_id, None],
                "doc_starts": [whole - 1, None],
                "doc_lengths": [whole, None],
                "num_tokens": 1,
                "num_padding": SEQ_LEN - 1,
                "bucket": "b",
            }
        )

    def cut_in_plan(held: Rows) -> None:
        offset = 0
        for piece in held:
            if piece["sequence_id"] == row["sequence_id"]:
                piece["offset"] = offset
                piece["length"] -= piece["doc_id"] == doc_id
                offset += piece["length"]
        names = {"sequence_id": new_id, "position": 0, "offset": 0, "doc_id": doc_id}
        held.append({**names, "start": whole - 1, "length": 1, "group": 0})

    rewrite(last, cut_off)
    rewrite(version / "plan" / "part-00000.parquet", cut_in_plan)
    reseal(version)
    _, violations = verify(bfpack, broken)
    problems = [v["problem"] for v in violations]
    assert [p for p in problems if "a document that fits is cut" in p], problems
    assert [p for p in problems if p.startswith("group 0 has")], problems
    assert not [p for p in problems if "the plan" in p or "tokens differ" in p], problems


@pytest.mark.parametrize("edit", ["changed", "added", "removed"])
def test_a_text_that_is_not_what_was_packed_is_caught(
    edit: str, tiny: Path, tmp_path: Path, bfpack: Callable[..., Ran]
) -> None:
    rows = pq.read_table(tiny / "corpus").to_pylist()
    if edit == "changed":
        rows[4]["text"] = rows[4]["text"].replace("y", "z", 1)
    elif edit == "added":
        rows.append({"doc_id": "d99", "text": "new"})
    else:
        del rows[4]
    (tmp_path / "corpus").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "corpus" / "a.parquet")
    _, violations = verify(bfpack, tiny / "output", "--input", tmp_path / "corpus")
    document = "d99" if edit == "added" else "d04"
    assert [v for v in violations if v["document"] == document], violations
    assert {v["document"] for v in violations} <= {document, None}


def test_violations_are_lines_that_name_the_place(broken: Path, bfpack: Callable[..., Ran]) -> None:
    rewrite(shard(broken), change_one_id)
    reseal(sequences(broken))
    ran = bfpack("verify", "--output", broken, "--bucket", "b", "--seq-len", SEQ_LEN)
    assert ran.code == 1
    (line,) = ran.out.splitlines()
    assert line.startswith(f"b {SEQ_LEN} ")
    assert "shards/part-00000.parquet" in line
    assert ", document d" in line
