"""Rows of shards broken on purpose, and caught where they were broken."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from outputs import manifest, plan_rows, read, reseal, rewrite
from verifying.broken import SEQ_LEN, Output, Row, Rows

Change = Callable[[Row], object]


def add(numbers: Any, at: object, more: int) -> None:
    numbers[at] += more


def test_an_untouched_output_holds_every_invariant(
    tiny: Output, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Compared with a copy of the corpus: other times of the files, the same bytes."""
    copied = shutil.copytree(tiny.corpus, tmp_path / "c", copy_function=shutil.copyfile)
    ran = tiny.run("--input", copied).succeeds()
    assert ran.out.endswith(
        "30 documents equal their text tokenized anew, 0 too large to compare "
        "(more than 1,048,576 bytes)\n"
    )
    assert caplog.text.count("the text of --input is tokenized anew") == 1
    caplog.clear()
    ran = tiny.run().succeeds()
    assert "anew" not in caplog.text
    assert "every invariant holds" in ran.out
    assert ran.out.endswith(" tokens, 30 documents packed\n"), "nothing is left out"


def add_an_empty_segment(row: Row) -> None:
    for name in ("seq_lengths", "doc_starts", "doc_lengths"):
        row[name].insert(0, 0)
    row["doc_ids"].insert(0, "d00")


SHAPES: dict[Change, str] = {
    lambda row: row["input_ids"].pop(): f"input_ids are not {SEQ_LEN}",
    lambda row: add(row["seq_lengths"], 0, 1): f"seq_lengths do not sum to {SEQ_LEN}",
    lambda row: row["doc_starts"].pop(): "doc_starts and seq_lengths are not parallel",
    lambda row: row["doc_ids"].append("d00"): "doc_ids and seq_lengths are not parallel",
    lambda row: row["doc_lengths"].clear(): "doc_lengths and seq_lengths are not parallel",
}
VALUES: dict[Change, str] = {
    lambda row: row["input_ids"].__setitem__(0, 10**6): "outside the vocabulary",
    lambda row: row["input_ids"].__setitem__(-1, -1): "outside the vocabulary",
    lambda row: row.update(bucket="other"): "bucket is not b",
    lambda row: row.update(bucket=None): "bucket is not b",
    lambda row: add(row, "num_tokens", -1): "num_tokens + num_padding != seq_len",
    lambda row: add(row, "num_padding", 1): "num_tokens + num_padding != seq_len",
    lambda row: add(row, "sequence_id", 1): "sequence_id out of order",
}
SEGMENTS: dict[Change, str] = {
    lambda row: row["doc_ids"].__setitem__(-1, None): "padding is not the last segment",
    add_an_empty_segment: "padding is not the last segment",
}


@pytest.mark.parametrize("faults", [SHAPES, VALUES, SEGMENTS], ids=["shape", "values", "segments"])
def test_a_wrong_row_is_named_with_its_row(faults: dict[Change, str], broken: Output) -> None:
    places: dict[int, str] = {}

    def change(rows: Rows) -> None:
        full = [at for at, row in enumerate(rows) if not row["num_padding"]]
        for at, (fault, says) in zip(full[1:], faults.items(), strict=False):
            fault(rows[at])
            places[at] = says

    violations = broken.violations_once(broken.shard(), change)
    named = [v for v in violations if v["invariant"] == 2 and v["row"] is not None]
    assert len(places) == len(faults)
    for at, says in places.items():
        assert [v for v in named if v["row"] == at and says in v["problem"]], (at, says, named)
    assert {v["shard"] for v in named} == {"shards/part-00000.parquet"}
    assert {v["row"] for v in named} == set(places)


def test_a_start_that_is_null_is_caught(broken: Output) -> None:
    changed = []

    def change(rows: Rows) -> None:
        changed.append(next(n for n, row in enumerate(rows) if 0 in row["doc_starts"]))
        starts = rows[changed[0]]["doc_starts"]
        starts[starts.index(0)] = None

    violations = broken.violations_once(broken.shard(), change)
    assert [v for v in violations if v["row"] == changed[0]]


def swap_segments(rows: Rows) -> dict[str, object]:
    """Two documents' tokens change places in a row; labels stay."""
    row = next(r for r in rows if r["num_padding"] == 0 and len(set(r["doc_ids"])) > 1)
    one, two = row["seq_lengths"][:2]
    ids = row["input_ids"]
    assert ids[:one] != ids[one : one + two]
    row["input_ids"] = ids[one : one + two] + ids[:one] + ids[one + two :]
    return {"document": row["doc_ids"][0]}


def change_one_id(rows: Rows) -> dict[str, object]:
    rows[3]["input_ids"][0] ^= 1
    return {"document": rows[3]["doc_ids"][0]}


def relabel_a_segment(rows: Rows) -> dict[str, object]:
    """A row claims another document of the same length."""
    rows[4]["doc_ids"][0] = "d99"
    return {"row": 4, "document": "d99"}


def move_a_boundary(rows: Rows) -> dict[str, object]:
    at, row = next((n, r) for n, r in enumerate(rows) if len(r["seq_lengths"]) > 1)
    row["seq_lengths"][0] += 1
    row["seq_lengths"][1] -= 1
    assert row["seq_lengths"][1]
    return {"row": at, "document": row["doc_ids"][0]}


def double_a_row(rows: Rows) -> dict[str, object]:
    """One row's content over another's: some documents twice, some not at all."""
    names = [n for n in rows[0] if n != "sequence_id"]
    rows[1].update({name: rows[0][name] for name in names})
    return {"row": 1}


def drop_a_row(rows: Rows) -> dict[str, object]:
    del rows[2]
    return {"row": 2}


def misstate_a_document(rows: Rows) -> dict[str, object]:
    rows[1]["doc_lengths"][0] += SEQ_LEN
    return {"document": rows[1]["doc_ids"][0]}


@pytest.mark.parametrize(
    ("change", "invariant", "says"),
    [
        (swap_segments, 1, "tokens differ"),
        (change_one_id, 1, "tokens differ"),
        (relabel_a_segment, 5, "the plan has"),
        (move_a_boundary, 5, "the plan has"),
        (double_a_row, 5, "the plan has"),
        (drop_a_row, 2, "sequence_id out of order"),
        (misstate_a_document, 1, "doc_lengths says"),
    ],
)
def test_a_change_in_a_shard_is_caught_though_every_hash_fits(
    change: Callable[[Rows], dict[str, object]],
    invariant: int,
    says: str,
    broken: Output,
) -> None:
    where: dict[str, object] = {"shard": "shards/part-00000.parquet"}
    violations = broken.violations_once(broken.shard(), lambda rows: where.update(change(rows)))
    found = [v for v in violations if v["invariant"] == invariant and says in v["problem"]]
    assert [v for v in found if where.items() <= v.items()], (where, violations)


def test_violations_are_lines_that_name_the_place(broken: Output) -> None:
    where: dict[str, object] = {}
    rewrite(broken.shard(), lambda rows: where.update(change_one_id(rows)))
    reseal(broken.sequences())
    ran = broken.run()
    assert ran.code == 1
    (line,) = ran.out.splitlines()
    assert line.startswith(f"b {SEQ_LEN} {broken.sequences().name}: invariant 1 (every token ")
    assert f"(shard shards/part-00000.parquet, document {where['document']})" in line


def test_padding_with_another_id_is_caught(broken: Output) -> None:
    paths = [broken.shard(number) for number in (0, 1)]
    number, at = next(
        (number, at)
        for number, path in enumerate(paths)
        for at, row in enumerate(read(path))
        if row["num_padding"]
    )

    def change(rows: Rows) -> None:
        rows[at]["input_ids"][-1] = 7

    violations = broken.violations_once(paths[number], change)
    named = [v for v in violations if v["invariant"] == 2 and "padding is not id" in v["problem"]]
    assert [v["row"] for v in named] == [at], violations
    assert named[0]["shard"] == f"shards/part-{number:05d}.parquet"


def test_a_document_packed_over_another_is_caught_though_the_plan_says_so(broken: Output) -> None:
    """The whole of one document replaces one of equal length, in rows and plan alike."""
    version = broken.sequences()
    whole: dict[int, list[Row]] = {}
    for piece in plan_rows(version):
        if piece["sequence_id"] < len(read(broken.shard())) and piece["start"] == 0:
            whole.setdefault(piece["length"], []).append(piece)
    one, two = next(
        pair
        for length, pair in whole.items()
        if length < SEQ_LEN and len(pair) == 2 and pair[0]["doc_id"] != pair[1]["doc_id"]
    )

    def copy_row(rows: Rows) -> None:
        source, target = rows[one["sequence_id"]], rows[two["sequence_id"]]
        begin, end = one["offset"], one["offset"] + one["length"]
        ids = target["input_ids"]
        ids[two["offset"] : two["offset"] + two["length"]] = source["input_ids"][begin:end]
        target["doc_ids"][two["position"]] = one["doc_id"]

    def copy_piece(rows: Rows) -> None:
        rows[rows.index(two)]["doc_id"] = one["doc_id"]

    rewrite(broken.shard(), copy_row)
    violations = broken.violations_once(broken.plan_file(), copy_piece)
    problems = {v["document"]: v["problem"] for v in violations if v["invariant"] == 1}
    assert "tokens packed" in problems[one["doc_id"]]
    assert "none packed" in problems[two["doc_id"]]
    assert len(violations) == 2, violations


def test_a_sequence_too_many_and_a_cut_that_need_not_be_are_caught(broken: Output) -> None:
    """A document that fits is cut in two; its second half becomes a row of its own."""
    version = broken.sequences()
    last = broken.shard(1)
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
            for name, padding in (("doc_ids", None), ("doc_starts", 0), ("doc_lengths", 0)):
                mine[name].append(padding)
            mine["seq_lengths"].append(1)
        mine |= {"num_tokens": kept, "num_padding": SEQ_LEN - kept}
        held.append(
            {
                "sequence_id": new_id,
                "input_ids": [tail] + [pad] * (SEQ_LEN - 1),
                "seq_lengths": [1, SEQ_LEN - 1],
                "doc_ids": [doc_id, None],
                "doc_starts": [whole - 1, 0],
                "doc_lengths": [whole, 0],
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
    violations = broken.violations_once(broken.plan_file(), cut_in_plan)
    cut = [v for v in violations if "a document that fits is cut" in v["problem"]]
    assert {v["document"] for v in cut} == {doc_id}, violations
    assert {v["shard"] for v in cut} == {"shards/part-00001.parquet"}
    assert {row["sequence_id"] - rows[0]["sequence_id"], len(rows)} == {v["row"] for v in cut}
    problems = [v["problem"] for v in violations]
    assert [p for p in problems if p.startswith("group 0 has")], problems
    assert not [p for p in problems if "the plan" in p or "tokens differ" in p], problems
