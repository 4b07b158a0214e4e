"""A run that has not read all of its input publishes nothing, and says which file it is."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus, Run
from inputs import write_input
from outputs import current, manifest

from bfpack_spark.tokens import make_tokens


def write(folder: Path, name: str, numbers: range) -> None:
    write_input(folder / name, ({"text": f"document {n:02d} of {name}"} for n in numbers))


@pytest.fixture
def run(demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path) -> Run:
    where = ("--input", tmp_path / "in", "--output", tmp_path / "out", "--bucket", "b")
    return lambda command: bfpack(command, *where, "--tokenizer", demo_corpus.tokenizer)


def test_an_input_that_shrinks_after_the_listing_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        write(tmp_path / "in", name, range(25))
    look_at = make_tokens.engine_for

    def cut_meanwhile(*arguments: Any) -> Any:
        choice = look_at(*arguments)
        write(tmp_path / "in", "b.jsonl", range(10))
        return choice

    with monkeypatch.context() as patch:
        patch.setattr(make_tokens, "engine_for", cut_meanwhile)
        ran = run("tokenize")
    ran.refuses("--input: b.jsonl had 875 bytes when it was listed, it has 350; run it", code=5)
    assert not list((tmp_path / "out").rglob("_manifest.json"))
    assert run("tokenize").code == 0
    held = manifest(current(tmp_path / "out", "b", "tokens"))
    assert [(e["name"], e["size"], e["rows"], e["documents"]) for e in held["inventory"]] == [
        ("a.jsonl", 875, 25, 25),
        ("b.jsonl", 350, 10, 10),
    ]


def test_a_parquet_file_without_rows_is_read(run: Run, tmp_path: Path) -> None:
    """Spark writes such parts where a task has nothing to write."""
    (tmp_path / "in").mkdir()
    table = pa.table({"text": ["some words"]})
    pq.write_table(table, tmp_path / "in" / "full.parquet")
    pq.write_table(table.slice(0, 0), tmp_path / "in" / "empty.parquet")
    pq.ParquetWriter(tmp_path / "in" / "none.parquet", table.schema).close()
    assert run("tokenize").code == 0
    held = manifest(current(tmp_path / "out", "b", "tokens"))
    assert [(e["name"], e["rows"]) for e in held["inventory"]] == [
        ("empty.parquet", 0),
        ("full.parquet", 1),
        ("none.parquet", 0),
    ]


def test_a_file_written_after_it_was_read_fails_the_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "in", "a.jsonl", range(5))
    collect = make_tokens.collect_messages

    def grow_afterwards(messages: Any) -> Any:
        found = collect(messages)
        write(tmp_path / "in", "a.jsonl", range(6))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(make_tokens, "collect_messages", grow_afterwards)
        ran = run("tokenize")
    ran.refuses("a.jsonl had 175 bytes when it was listed, it has 210; run it again when", code=5)
    assert not list((tmp_path / "out").rglob("_manifest.json"))


def test_the_manifest_says_what_was_read_of_files_not_read_anew(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "in", "a.jsonl", range(5))
    assert run("tokenize").code == 0
    write(tmp_path / "in", "b.jsonl", range(3))
    assert run("tokenize").code == 0
    held = manifest(current(tmp_path / "out", "b", "tokens"))
    assert [(e["name"], e["rows"]) for e in held["inventory"]] == [("a.jsonl", 5), ("b.jsonl", 3)]
    listed = [[e["name"], e["size"], e["modified"]] for e in held["inventory"]]
    assert listed == held["inputs"]["inventory"]
