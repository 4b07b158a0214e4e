"""Every invariant broken on purpose, and caught where it was broken."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Corpus, Ran
from outputs import copy_of, current, manifest, plan_rows, read, reseal, rewrite, shard_hashes
from tokenizers import Tokenizer

from bfpack_spark.verifying import retokenize

SEQ_LEN = 16
Row = dict[str, Any]
Rows = list[Row]
Bfpack = Callable[..., Ran]


@pytest.fixture(scope="module")
def tiny(demo_corpus: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty short documents in two shards, some cut; folders `output` and `corpus`."""
    folder = tmp_path_factory.mktemp("tiny")
    words = ["def", "return", "import os", "x = 1", "yield from it", "class A: pass"]
    texts = [
        " ".join(words[: 1 + n % 6]) + "\n" + "y\n" * (n % 5 + 14 * (n % 7 == 0)) for n in range(30)
    ]
    (folder / "corpus").mkdir()
    rows = [{"doc_id": f"d{n:02d}", "text": text} for n, text in enumerate(texts)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "corpus" / "a.parquet")
    pack(bfpack, demo_corpus, folder / "corpus", folder / "output")
    held = manifest(sequences(folder / "output"))
    assert held["totals"]["sequences"] > 20
    assert held["accounting"]["num_documents_cut"] > 2
    return folder


def pack(bfpack: Bfpack, corpus: Corpus, folder: Path, output: Path, *more: object) -> None:
    where = ["--input", folder, "--output", output, "--bucket", "b", "--seq-len", SEQ_LEN]
    options = ["--tokenizer", corpus.tokenizer, "--id-column", "doc_id", "--num-shards", 2]
    ran = bfpack("pack", *where, *options, *more)
    assert ran.code == 0, ran.err


@pytest.fixture
def broken(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the output, to be broken."""
    return copy_of(tiny / "output", tmp_path)


def run_verify(bfpack: Bfpack, output: Path, *more: object) -> Ran:
    return bfpack("verify", "--output", output, "--bucket", "b", "--seq-len", SEQ_LEN, *more)


def verify(bfpack: Bfpack, output: Path, *more: object) -> list[dict[str, Any]]:
    """The violations; the exit code is checked to fit them."""
    ran = run_verify(bfpack, output, "--json", *more)
    assert ran.code in (0, 1), ran.err
    (report,) = json.loads(ran.out)
    assert (ran.code == 0) == (not report["violations"])
    return list(report["violations"])


def sequences(output: Path) -> Path:
    return current(output, "b", f"sequences-{SEQ_LEN}")


def shard(output: Path, number: int = 0) -> Path:
    return sequences(output) / "shards" / f"part-{number:05d}.parquet"


def plan_file(output: Path) -> Path:
    (path,) = (sequences(output) / "plan").iterdir()
    return path


def token_file(output: Path) -> Path:
    (path,) = (current(output, "b", "tokens") / "documents").iterdir()
    return path


def test_an_untouched_output_holds_every_invariant(
    tiny: Path, tmp_path: Path, bfpack: Bfpack
) -> None:
    """Compared with a copy of the corpus: other times of the files, the same bytes."""
    copied = shutil.copytree(tiny / "corpus", tmp_path / "c", copy_function=shutil.copyfile)
    assert verify(bfpack, tiny / "output", "--input", copied) == []
    ran = run_verify(bfpack, tiny / "output")
    assert ran.code == 0
    assert "every invariant holds" in ran.out


# Rows that are wrong by themselves: many at once, each must be named with its row.


def lose_an_id(row: Row) -> None:
    row["input_ids"].pop()


def misstate_a_length(row: Row) -> None:
    row["seq_lengths"][0] += 1


def drop_a_start(row: Row) -> None:
    row["doc_starts"].pop()


def add_a_document(row: Row) -> None:
    row["doc_ids"].append("d00")


def lose_doc_lengths(row: Row) -> None:
    row["doc_lengths"] = []


def use_a_large_id(row: Row) -> None:
    row["input_ids"][0] = 10**6


def use_a_negative_id(row: Row) -> None:
    row["input_ids"][-1] = -1


def name_another_bucket(row: Row) -> None:
    row["bucket"] = "other"


def name_no_bucket(row: Row) -> None:
    row["bucket"] = None


def misstate_num_tokens(row: Row) -> None:
    row["num_tokens"] -= 1


def misstate_num_padding(row: Row) -> None:
    row["num_padding"] += 1


def change_sequence_id(row: Row) -> None:
    row["sequence_id"] += 1


def call_a_document_padding(row: Row) -> None:
    row["doc_ids"][-1] = None


def add_an_empty_segment(row: Row) -> None:
    for name in ("seq_lengths", "doc_starts", "doc_lengths"):
        row[name].insert(0, 0)
    row["doc_ids"].insert(0, "d00")


@pytest.mark.parametrize(
    "faults",
    [
        {
            lose_an_id: f"input_ids are not {SEQ_LEN}",
            misstate_a_length: f"seq_lengths do not sum to {SEQ_LEN}",
            drop_a_start: "doc_starts and seq_lengths are not parallel",
            add_a_document: "doc_ids and seq_lengths are not parallel",
            lose_doc_lengths: "doc_lengths and seq_lengths are not parallel",
        },
        {
            use_a_large_id: "outside the vocabulary",
            use_a_negative_id: "outside the vocabulary",
            name_another_bucket: "bucket is not b",
            name_no_bucket: "bucket is not b",
            misstate_num_tokens: "num_tokens + num_padding != seq_len",
            misstate_num_padding: "num_tokens + num_padding != seq_len",
            change_sequence_id: "sequence_id out of order",
        },
        {
            call_a_document_padding: "padding is not the last segment",
            add_an_empty_segment: "padding is not the last segment",
        },
    ],
    ids=["shape", "values", "segments"],
)
def test_a_wrong_row_is_named_with_its_row(
    faults: dict[Callable[[Row], None], str], broken: Path, bfpack: Bfpack
) -> None:
    places: dict[int, str] = {}

    def change(rows: Rows) -> None:
        full = [at for at, row in enumerate(rows) if not row["num_padding"]]
        for at, (fault, says) in zip(full[1:], faults.items(), strict=False):
            fault(rows[at])
            places[at] = says

    rewrite(shard(broken), change)
    reseal(sequences(broken))
    named = [v for v in verify(bfpack, broken) if v["invariant"] == 2 and v["row"] is not None]
    assert len(places) == len(faults)
    for at, says in places.items():
        assert [v for v in named if v["row"] == at and says in v["problem"]], (at, says, named)
    assert {v["shard"] for v in named} == {"shards/part-00000.parquet"}
    assert {v["row"] for v in named} == set(places)


def test_a_start_that_is_null_is_caught(broken: Path, bfpack: Bfpack) -> None:
    changed = []

    def change(rows: Rows) -> None:
        changed.append(next(n for n, row in enumerate(rows) if 0 in row["doc_starts"]))
        starts = rows[changed[0]]["doc_starts"]
        starts[starts.index(0)] = None

    rewrite(shard(broken), change)
    reseal(sequences(broken))
    assert [v for v in verify(bfpack, broken) if v["row"] == changed[0]]


# Faults that only a look at other rows, the plan or the token store can find. Every hash fits.


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


def skip_a_sequence_id(rows: Rows) -> dict[str, object]:
    rows[-1]["sequence_id"] += 1
    return {"row": len(rows) - 1}


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
        (skip_a_sequence_id, 2, "sequence_id out of order"),
        (misstate_a_document, 1, "doc_lengths says"),
    ],
)
def test_a_change_in_a_shard_is_caught_though_every_hash_fits(
    change: Callable[[Rows], dict[str, object]],
    invariant: int,
    says: str,
    broken: Path,
    bfpack: Bfpack,
) -> None:
    where: dict[str, object] = {"shard": "shards/part-00000.parquet"}
    rewrite(shard(broken), lambda rows: where.update(change(rows)))
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    found = [v for v in violations if v["invariant"] == invariant and says in v["problem"]]
    assert [v for v in found if where.items() <= v.items()], (where, violations)


def test_violations_are_lines_that_name_the_place(broken: Path, bfpack: Bfpack) -> None:
    where: dict[str, object] = {}
    rewrite(shard(broken), lambda rows: where.update(change_one_id(rows)))
    reseal(sequences(broken))
    ran = run_verify(bfpack, broken)
    assert ran.code == 1
    (line,) = ran.out.splitlines()
    assert line.startswith(f"b {SEQ_LEN} {sequences(broken).name}: invariant 1: ")
    assert f"(shard shards/part-00000.parquet, document {where['document']})" in line


def fill_padding_with_another_id(row: Row) -> None:
    row["input_ids"][-1] = 7


def put_padding_in_front(row: Row) -> None:
    for name in ("seq_lengths", "doc_ids", "doc_starts", "doc_lengths"):
        row[name] = [row[name][-1], *row[name][:-1]]
    row["input_ids"] = row["input_ids"][row["num_tokens"] :] + row["input_ids"][: row["num_tokens"]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (fill_padding_with_another_id, "padding is not id"),
        (put_padding_in_front, "padding is not the last segment"),
    ],
)
def test_padding_out_of_place_is_caught(
    change: Callable[[Row], None], says: str, broken: Path, bfpack: Bfpack
) -> None:
    paths = [shard(broken, number) for number in (0, 1)]
    number, at = next(
        (number, at)
        for number, path in enumerate(paths)
        for at, row in enumerate(read(path))
        if row["num_padding"]
    )
    rewrite(paths[number], lambda rows: change(rows[at]))
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    named = [v for v in violations if v["invariant"] == 2 and says in v["problem"]]
    assert [v["row"] for v in named] == [at], violations
    assert named[0]["shard"] == f"shards/part-{number:05d}.parquet"


def test_a_document_packed_over_another_is_caught_though_the_plan_says_so(
    broken: Path, bfpack: Bfpack
) -> None:
    """The whole of one document replaces one of equal length, in rows and plan alike."""
    version = sequences(broken)
    whole: dict[int, list[Row]] = {}
    for piece in plan_rows(version):
        if piece["sequence_id"] < len(read(shard(broken))) and piece["start"] == 0:
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

    rewrite(shard(broken), copy_row)
    rewrite(plan_file(broken), copy_piece)
    reseal(version)
    violations = verify(bfpack, broken)
    problems = {v["document"]: v["problem"] for v in violations if v["invariant"] == 1}
    assert "tokens packed" in problems[one["doc_id"]]
    assert "none packed" in problems[two["doc_id"]]
    assert len(violations) == 2, violations


def test_a_sequence_too_many_and_a_cut_that_need_not_be_are_caught(
    broken: Path, bfpack: Bfpack
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
    rewrite(plan_file(broken), cut_in_plan)
    reseal(version)
    violations = verify(bfpack, broken)
    cut = [v for v in violations if "a document that fits is cut" in v["problem"]]
    assert {v["document"] for v in cut} == {doc_id}, violations
    assert {v["shard"] for v in cut} == {"shards/part-00001.parquet"}
    assert {row["sequence_id"] - rows[0]["sequence_id"], len(rows)} == {v["row"] for v in cut}
    problems = [v["problem"] for v in violations]
    assert [p for p in problems if p.startswith("group 0 has")], problems
    assert not [p for p in problems if "the plan" in p or "tokens differ" in p], problems


def test_shards_that_differ_by_more_than_a_row_are_caught(broken: Path, bfpack: Bfpack) -> None:
    moved: Rows = []
    rewrite(shard(broken, 1), lambda rows: moved.extend(rows.pop(0) for _ in range(2)))
    rewrite(shard(broken, 0), lambda rows: rows.extend(moved))
    reseal(sequences(broken))
    (violation,) = verify(bfpack, broken)
    assert violation["invariant"] == 4
    assert violation["problem"].startswith("shards of ")


# The plan


def test_a_plan_that_names_another_segment_is_caught(broken: Path, bfpack: Bfpack) -> None:
    changed: Rows = []

    def change(rows: Rows) -> None:
        rows[0]["start"] += 1
        changed.append(rows[0])

    rewrite(plan_file(broken), change)
    reseal(sequences(broken))
    violations = [v for v in verify(bfpack, broken) if "the plan has" in v["problem"]]
    where = {"shard": "shards/part-00000.parquet", "row": 0, "document": changed[0]["doc_id"]}
    assert [v for v in violations if {"invariant": 5, **where}.items() <= v.items()], violations


def test_a_plan_that_names_a_segment_twice_is_caught(broken: Path, bfpack: Bfpack) -> None:
    added: Rows = []

    def change(rows: Rows) -> None:
        added.append(next(row for row in rows if row["position"] > 0))
        rows.append(added[0])

    rewrite(plan_file(broken), change)
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    named = [v for v in violations if v["document"] == added[0]["doc_id"]]
    assert [v for v in named if v["invariant"] == 5], violations


def test_a_sequence_in_a_group_that_there_is_not_is_caught(broken: Path, bfpack: Bfpack) -> None:
    def change(rows: Rows) -> None:
        for row in rows:
            row["group"] = 7 if row["sequence_id"] == 0 else row["group"]

    rewrite(plan_file(broken), change)
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    assert [v for v in violations if v["invariant"] == 4 and "group" in v["problem"]], violations


def test_a_plan_without_a_column_is_caught(broken: Path, bfpack: Bfpack) -> None:
    table = pq.read_table(plan_file(broken))
    pq.write_table(table.drop_columns(["group"]), plan_file(broken))
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    assert [v for v in violations if v["shard"] == "plan/part-00000.parquet"], violations


# Files


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 255
    path.write_bytes(raw)


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flip, halve, Path.unlink])
@pytest.mark.parametrize("find", [shard, plan_file, token_file])
def test_a_damaged_file_is_named(
    find: Callable[[Path], Path], damage: Callable[[Path], None], broken: Path, bfpack: Bfpack
) -> None:
    path = find(broken)
    damage(path)
    violations = verify(bfpack, broken)
    says = "not on disk" if damage is Path.unlink else "sha256"
    name = f"{path.parent.name}/{path.name}"
    assert [v for v in violations if v["shard"] == name and says in v["problem"]], violations


def test_a_flipped_byte_anywhere_is_a_violation_and_never_a_crash(
    broken: Path, bfpack: Bfpack
) -> None:
    """Page, page header, footer: what reads a damaged shard may fail in many ways. The manifest
    lists a hundred copies of a shard, each with another byte flipped."""
    version = sequences(broken)
    raw = shard(broken).read_bytes()
    copies = [f"shards/part-x{at:05d}.parquet" for at in range(0, len(raw), 23)]
    assert len(copies) > 60
    for number, name in enumerate(copies):
        at = 23 * number
        (version / name).write_bytes(raw[:at] + bytes([raw[at] ^ 255]) + raw[at + 1 :])

    def list_copies(held: dict[str, Any]) -> None:
        entry = next(e for e in held["files"] if e["path"] == "shards/part-00000.parquet")
        held["files"] += [{**entry, "path": name} for name in copies]

    reseal(version, list_copies)
    violations = verify(bfpack, broken)
    named = {v["shard"] for v in violations if "sha256" in v["problem"]}
    assert len(named & set(copies)) > 3, violations


def test_a_file_too_many_is_caught(broken: Path, bfpack: Bfpack) -> None:
    store = current(broken, "b", "tokens")
    added = (
        (shard(broken), sequences(broken) / "shards" / "part-00009.parquet"),
        (shard(broken), sequences(broken) / "shards" / "notes.txt"),
        (plan_file(broken), sequences(broken) / "plan" / "part-00009.parquet"),
        (token_file(broken), store / "documents" / "part-00009-000.parquet"),
    )
    for source, extra in added:
        shutil.copyfile(source, extra)
    found = {
        v["shard"] for v in verify(bfpack, broken) if v["problem"] == "on disk, not in the manifest"
    }
    assert found == {f"{extra.parent.name}/{extra.name}" for _, extra in added}


def test_a_token_store_that_was_changed_is_caught(broken: Path, bfpack: Bfpack) -> None:
    changed: Rows = []

    def change(rows: Rows) -> None:
        rows[0]["tokens"] = b"\1\0\0\0" + rows[0]["tokens"][4:]
        changed.append(rows[0])

    rewrite(token_file(broken), change)
    reseal(current(broken, "b", "tokens"))
    (violation,) = verify(bfpack, broken)
    assert violation["invariant"] == 1
    assert "tokens differ" in violation["problem"]
    assert violation["document"] == changed[0]["doc_id"]


def test_a_tokenizer_beside_the_tokens_that_is_not_theirs_is_caught(
    broken: Path, bfpack: Bfpack
) -> None:
    path = current(broken, "b", "tokens") / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b"\n")
    violations = verify(bfpack, broken)
    assert [v for v in violations if "tokenizer" in f"{v['shard']} {v['problem']}"], violations


def test_a_column_of_another_type_is_caught(broken: Path, bfpack: Bfpack) -> None:
    others = {"num_tokens": pa.int64(), "doc_starts": pa.list_(pa.int32())}
    for number, (column, other) in enumerate(others.items()):
        table = pq.read_table(shard(broken, number))
        at = table.schema.get_field_index(column)
        assert table.schema.field(at).type != other
        changed = table.set_column(at, column, table[column].cast(other))
        pq.write_table(changed, shard(broken, number))
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    named = {v["shard"] for v in violations}
    assert named >= {"shards/part-00000.parquet", "shards/part-00001.parquet"}, violations


def test_key_value_metadata_that_tell_another_tokenizer_are_caught(
    broken: Path, bfpack: Bfpack
) -> None:
    table = pq.read_table(shard(broken))
    told = {**table.schema.metadata, b"bfpack.pad_id": b"77"}
    assert told != table.schema.metadata
    pq.write_table(table.replace_schema_metadata(told), shard(broken))
    reseal(sequences(broken))
    violations = verify(bfpack, broken)
    assert [v for v in violations if v["shard"] == "shards/part-00000.parquet"], violations


# The manifests


@pytest.fixture(scope="module")
def concat(tiny: Path, demo_corpus: Corpus, bfpack: Bfpack) -> Path:
    """The same corpus, concatenated and cut."""
    pack(bfpack, demo_corpus, tiny / "corpus", tiny / "concat", "--packing", "concat")
    return tiny / "concat"


def one_more(numbers: dict[str, Any]) -> None:
    """Every count one more; counts by reason get a reason."""
    for name, value in numbers.items():
        numbers[name] = {**value, "empty": 1} if isinstance(value, dict) else value + 1


@pytest.mark.parametrize("packing", ["best_fit", "concat"])
def test_every_wrong_count_in_the_manifest_is_named(
    packing: str, tiny: Path, concat: Path, tmp_path: Path, bfpack: Bfpack
) -> None:
    broken = copy_of(concat if packing == "concat" else tiny / "output", tmp_path)
    held = manifest(sequences(broken))
    names = {f"{block}.{name}" for block in ("accounting", "totals") for name in held[block]}
    assert len(names) > 15

    def change(held: dict[str, Any]) -> None:
        one_more(held["accounting"])
        one_more(held["totals"])

    reseal(sequences(broken), change)
    problems = [v["problem"] for v in verify(bfpack, broken)]
    unnoticed = {n for n in names if not [p for p in problems if p.startswith(f"{n} ")]}
    assert not unnoticed, problems


def test_every_wrong_count_in_the_token_stores_manifest_is_named(
    broken: Path, bfpack: Bfpack
) -> None:
    names = [("accounting", n) for n in ("documents", "tokens", "tokens_inserted")]
    names += [("totals", n) for n in ("documents", "tokens")]

    def change(held: dict[str, Any]) -> None:
        for block, name in names:
            held[block][name] += 1

    reseal(current(broken, "b", "tokens"), change)
    problems = [v["problem"] for v in verify(bfpack, broken)]
    unnoticed = [n for n in names if not [p for p in problems if p.startswith(".".join(n) + " ")]]
    assert not unnoticed, problems


@pytest.mark.parametrize("name", ["documents_in", "documents_empty"])
def test_documents_that_do_not_add_up_are_caught(name: str, broken: Path, bfpack: Bfpack) -> None:
    def change(held: dict[str, Any]) -> None:
        held["accounting"][name] += 1

    reseal(current(broken, "b", "tokens"), change)
    problems = [v["problem"] for v in verify(bfpack, broken)]
    assert [p for p in problems if "not the sum" in p], problems


def test_rows_that_were_not_read_are_caught_by_the_inventory(broken: Path, bfpack: Bfpack) -> None:
    def change(held: dict[str, Any]) -> None:
        held["inventory"][0]["documents"] -= 1

    reseal(current(broken, "b", "tokens"), change)
    named = [v["problem"] for v in verify(bfpack, broken) if v["invariant"] == 0]
    assert named == [
        "inventory: 29 documents came of 30 rows of a.parquet",
        "inventory: its files gave 29 documents, accounting.documents_in 30",
    ]


@pytest.mark.parametrize("field", ["bytes", "tokens", "rows"])
def test_files_that_are_not_what_the_manifest_says_are_named(
    field: str, broken: Path, bfpack: Bfpack
) -> None:
    named = []

    def change(held: dict[str, Any]) -> None:
        for kind in {e["kind"] for e in held["files"]}:
            entry = next(e for e in held["files"] if e["kind"] == kind)
            entry[field] += 1
            named.append(entry["path"])

    reseal(sequences(broken), change)
    reseal(current(broken, "b", "tokens"), change)
    violations = verify(bfpack, broken)
    assert {path.partition("/")[0] for path in named} == {"shards", "plan", "documents"}
    unnoticed = [
        path
        for path in named
        if not [v for v in violations if v["shard"] == path and field in v["problem"]]
    ]
    assert not unnoticed, violations


def another_seed(held: dict[str, Any]) -> None:
    held["inputs"]["configuration"]["seed"] = 5


def test_a_manifest_of_another_configuration_is_caught(broken: Path, bfpack: Bfpack) -> None:
    reseal(sequences(broken), another_seed)
    problems = [v["problem"] for v in verify(bfpack, broken)]
    assert "fingerprint is not that of the inputs" in problems


def test_a_manifest_that_tells_of_another_bucket_or_tokenizer_is_caught(
    broken: Path, bfpack: Bfpack
) -> None:
    def change(held: dict[str, Any]) -> None:
        held |= {"bucket": "other", "seq_len": 17, "format_version": 99}
        told = held["tokenizer"]
        told["pad_is_eos"] ^= True
        for name in ("vocabulary_size", "eos_id"):
            told[name] += 1

    reseal(sequences(broken), change)
    problems = [v["problem"] for v in verify(bfpack, broken)]
    wrong = ("bucket", "seq_len", "format_version", "pad_is_eos", "vocabulary_size", "eos_id")
    unnoticed = [name for name in wrong if not [p for p in problems if name in p]]
    assert not unnoticed, problems


def test_a_manifest_that_is_not_the_published_one_is_caught(broken: Path, bfpack: Bfpack) -> None:
    path = sequences(broken) / "_manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")
    (violation,) = verify(bfpack, broken)
    assert "_current.json" in violation["problem"]


@pytest.mark.parametrize("name", ["inputs", "totals", "files"])
def test_a_manifest_that_lacks_something_is_named(name: str, broken: Path, bfpack: Bfpack) -> None:
    for version in (sequences(broken), current(broken, "b", "tokens")):
        path = version / "_manifest.json"
        held = json.loads(path.read_text())
        before = path.read_text()
        del held[name]
        path.write_text(json.dumps(held))
        ran = run_verify(bfpack, broken)
        assert (ran.code, ran.out) == (2, "")
        assert f"{path}: lacks {name}" in ran.err
        path.write_text(before)


@pytest.mark.parametrize("name", ["_manifest.json", "../_current.json"])
def test_a_manifest_cut_short_is_named(name: str, broken: Path, bfpack: Bfpack) -> None:
    halve(sequences(broken) / name)
    ran = run_verify(bfpack, broken)
    assert ran.code in (1, 2)
    assert Path(name).name in ran.out + ran.err


# The text


@pytest.mark.parametrize("column", ["text", "tokens"])
def test_a_text_that_is_not_what_was_packed_is_caught(
    column: str, tiny: Path, demo_corpus: Corpus, tmp_path: Path, bfpack: Bfpack
) -> None:
    """One document changed, one added, one removed, in text or in ready tokens."""
    rows = pq.read_table(tiny / "corpus").to_pylist()
    output = tiny / "output"
    if column == "tokens":
        engine = Tokenizer.from_file(str(demo_corpus.tokenizer / "tokenizer.json"))
        for row in rows:
            row["tokens"] = engine.encode(row.pop("text"), add_special_tokens=False).ids
        write_corpus(rows, tmp_path / "corpus")
        output = tmp_path / "output"
        pack(bfpack, demo_corpus, tmp_path / "corpus", output, "--tokens-column", "tokens")
        assert shard_hashes(sequences(output)) == shard_hashes(sequences(tiny / "output"))
        assert verify(bfpack, output, "--input", tmp_path / "corpus") == []
    change = rows[4][column]
    rows[4][column] = change[:-2] + "z\n" if column == "text" else [change[0] ^ 1, *change[1:]]
    rows.append({"doc_id": "d99", column: change})
    del rows[5]
    write_corpus(rows, tmp_path / "other")
    violations = verify(bfpack, output, "--input", tmp_path / "other")
    problems = {v["document"]: v["problem"] for v in violations if v["document"]}
    assert set(problems) == {"d04", "d05", "d99"}, violations
    assert "anew" in problems["d04"]
    assert "not in the text" in problems["d05"]
    assert "not in the token store" in problems["d99"]


LINES = b'{"doc_id": "a", "text": "%s"}\n{"doc_id": "b", "text": ""}\n' % (b"some words " * 20)


@pytest.fixture
def of_lines(demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path) -> Path:
    """The file of an input, beside its output: a document, and one that is empty."""
    path = tmp_path / "lines" / "a.jsonl"
    path.parent.mkdir()
    path.write_bytes(LINES)
    pack(bfpack, demo_corpus, path.parent, tmp_path / "output")
    assert verify(bfpack, tmp_path / "output", "--input", path.parent) == []
    return path


def test_a_document_without_tokens_that_does_not_come_again_is_caught(
    of_lines: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    """The file is as large as it was, and the line is blank."""
    last = LINES.splitlines()[1]
    of_lines.write_bytes(LINES.replace(last, b" " * len(last)))
    violations = verify(bfpack, tmp_path / "output", "--input", of_lines.parent)
    named = [(v["invariant"], v["problem"]) for v in violations]
    assert named == [(0, "the text gives 1 documents, accounting.documents_in is 2")]


def test_an_input_that_changes_after_it_was_compared_is_named(
    of_lines: Path, bfpack: Bfpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = retokenize._compare

    def grow_afterwards(*frames: Any) -> Any:
        found = compare(*frames)
        of_lines.write_bytes(LINES * 2)
        return found

    monkeypatch.setattr(retokenize, "_compare", grow_afterwards)
    ran = run_verify(bfpack, tmp_path / "output", "--input", of_lines.parent)
    assert ran.code == 2
    assert "--input: a.jsonl had 276 bytes when it was listed, it has 552; run it" in ran.err


def write_corpus(rows: Rows, folder: Path) -> None:
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "a.parquet")
