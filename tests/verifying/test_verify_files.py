"""Files that were damaged, changed or added, and are named."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from outputs import flip, reseal
from verifying.broken import Output, Rows, halve


@pytest.mark.parametrize("damage", [halve, Path.unlink])
@pytest.mark.parametrize("find", [Output.shard, Output.plan_file, Output.token_file])
def test_a_damaged_file_is_named(
    find: Callable[[Output], Path], damage: Callable[[Path], None], broken: Output
) -> None:
    path = find(broken)
    damage(path)
    violations = broken.violations()
    says = "not on disk" if damage is Path.unlink else "sha256"
    name = f"{path.parent.name}/{path.name}"
    assert [v for v in violations if v["shard"] == name and says in v["problem"]], violations


def test_a_flipped_byte_anywhere_is_a_violation_and_never_a_crash(broken: Output) -> None:
    """Page, page header, footer: what reads a damaged shard may fail in many ways. The manifest
    lists a hundred copies of a shard, each with another byte flipped."""
    version = broken.sequences()
    raw = broken.shard().read_bytes()
    copies = [f"shards/part-x{at:05d}.parquet" for at in range(0, len(raw), 23)]
    assert len(copies) > 60
    for number, name in enumerate(copies):
        at = 23 * number
        (version / name).write_bytes(raw[:at] + bytes([raw[at] ^ 255]) + raw[at + 1 :])

    def list_copies(held: dict[str, Any]) -> None:
        entry = next(e for e in held["files"] if e["path"] == "shards/part-00000.parquet")
        held["files"] += [{**entry, "path": name} for name in copies]

    reseal(version, list_copies)
    violations = broken.violations()
    named = {v["shard"] for v in violations if "sha256" in v["problem"]}
    assert len(named & set(copies)) > 3, violations


def test_a_file_too_many_is_caught(broken: Output) -> None:
    added = (
        (broken.shard(), broken.sequences() / "shards" / "part-00009.parquet"),
        (broken.shard(), broken.sequences() / "shards" / "notes.txt"),
        (broken.plan_file(), broken.sequences() / "plan" / "part-00009.parquet"),
        (broken.token_file(), broken.tokens() / "documents" / "part-00009-000.parquet"),
    )
    for source, extra in added:
        shutil.copyfile(source, extra)
    found = {
        v["shard"] for v in broken.violations() if v["problem"] == "on disk, not in the manifest"
    }
    assert found == {f"{extra.parent.name}/{extra.name}" for _, extra in added}


def test_a_token_store_that_was_changed_is_caught(broken: Output) -> None:
    changed: Rows = []

    def change(rows: Rows) -> None:
        rows[0]["low"] = b"\1\0" + rows[0]["low"][2:]
        changed.append(rows[0])

    (violation,) = broken.violations_once(broken.token_file(), change)
    assert violation["invariant"] == 1
    assert "tokens differ" in violation["problem"]
    assert violation["document"] == changed[0]["doc_id"]


def test_a_tokenizer_beside_the_tokens_that_is_not_theirs_is_caught(broken: Output) -> None:
    path = broken.tokens() / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b"\n")
    violations = broken.violations()
    assert [v for v in violations if "tokenizer" in f"{v['shard']} {v['problem']}"], violations


def test_a_column_of_another_type_is_caught(broken: Output) -> None:
    others = {"num_tokens": pa.int64(), "doc_starts": pa.list_(pa.int32())}
    for number, (column, other) in enumerate(others.items()):
        table = pq.read_table(broken.shard(number))
        at = table.schema.get_field_index(column)
        assert table.schema.field(at).type != other
        changed = table.set_column(at, column, table[column].cast(other))
        pq.write_table(changed, broken.shard(number))
    reseal(broken.sequences())
    violations = broken.violations()
    named = {v["shard"] for v in violations}
    assert named >= {"shards/part-00000.parquet", "shards/part-00001.parquet"}, violations


def test_key_value_metadata_that_tell_another_tokenizer_are_caught(broken: Output) -> None:
    table = pq.read_table(broken.shard())
    told = {**table.schema.metadata, b"bfpack.pad_id": b"77"}
    assert told != table.schema.metadata
    pq.write_table(table.replace_schema_metadata(told), broken.shard())
    reseal(broken.sequences())
    violations = broken.violations()
    assert [v for v in violations if v["shard"] == "shards/part-00000.parquet"], violations


def test_a_bucket_that_cannot_be_verified_is_said_beside_a_broken_one(broken: Output) -> None:
    flip(broken.shard(), broken.shard().stat().st_size // 3)
    ran = broken.run("--bucket", "gone")
    assert ran.code == 1
    assert "shards/part-00000.parquet" in ran.out
    assert "--bucket gone: no sequences of 16 published" in ran.err


def test_an_id_of_two_documents_is_caught(broken: Output) -> None:
    named: list[str] = []

    def share(rows: Rows) -> None:
        rows[1]["doc_id"] = rows[0]["doc_id"]
        named.append(rows[0]["doc_id"])

    violations = broken.violations_once(broken.token_file(), share)
    (problem,) = [v["problem"] for v in violations if "times in the token store" in v["problem"]]
    assert problem == f"document {named[0]!r} is 2 times in the token store"
