"""A bucket over the nights: what a new version says, what is taken over, listed, held, removed."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from cli.commands import rows
from conftest import Bfpack, Corpus, Ran, Run
from inputs import write_input
from outputs import current, manifest, read, shard_hashes

AT = ("--seq-len", 64)
WEEK = 7 * 24 * 3600


@pytest.fixture
def run(demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path) -> Run:
    """`bfpack pack` of tmp_path/corpus, to tmp_path/output unless told otherwise."""

    def pack(*more: object, output: str = "output") -> Ran:
        where = ("--input", tmp_path / "corpus", "--output", tmp_path / output)
        what = ("--tokenizer", demo_corpus.tokenizer, "--bucket", "b", "--id-column", "doc_id")
        return bfpack("pack", *where, *what, *AT, "--max-quarantined", 0.5, *more)

    return pack


@pytest.fixture
def keep(bfpack: Bfpack, tmp_path: Path) -> Run:
    """`bfpack COMMAND --output tmp_path/output`."""

    def command(name: str, *more: object) -> Ran:
        return bfpack(name, "--output", tmp_path / "output", *more)

    return command


def tokens(output: Path) -> Path:
    return current(output, "b", "tokens")


def sequences(output: Path) -> Path:
    return current(output, "b", "sequences-64")


# What has changed


def test_a_new_version_says_which_field_changed(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 20))
    with caplog.at_level("INFO", logger="bfpack"):
        assert run().code == 0
        assert "new version" not in caplog.text
        before = sequences(tmp_path / "output")
        caplog.clear()
        assert run("--bos-token", "<|pad|>").code == 0
    after = sequences(tmp_path / "output")
    assert after != before
    assert before.is_dir()
    assert f"new version {after.name} beside {before.name}: " in caplog.text
    assert "bos_id None -> 1" in caplog.text


# New files


def test_only_new_files_are_tokenized_and_nothing_differs(
    run: Run, bfpack: Bfpack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Three nights, with a bad document each, against one run over all the files."""
    output = tmp_path / "output"
    nights = []
    for night in range(3):
        bad = {"doc_id": f"bad{night}", "text": None}
        empty = {"doc_id": f"empty{night}", "text": ""}
        held = [*rows(20 * night, 20 * night + 20), bad, empty]
        write_input(tmp_path / "corpus" / f"{night}.jsonl", held)
        with caplog.at_level("INFO", logger="bfpack"):
            caplog.clear()
            assert run().code == 0
        nights.append(tokens(output))
        own = {row["doc_id"] for path in (nights[-1] / "documents").iterdir() for row in read(path)}
        assert own == {row["doc_id"] for row in held[:20]}
    assert "1 new beside 2 that are unchanged; only they are read" in caplog.text
    assert "1 file new (2.jsonl)" in caplog.text
    assert run(output="fresh").code == 0
    fresh = tmp_path / "fresh"
    assert nights[2].name == tokens(fresh).name
    assert sequences(output).name == sequences(fresh).name
    assert shard_hashes(sequences(output)) == shard_hashes(sequences(fresh))
    one, other = manifest(nights[2]), manifest(tokens(fresh))
    assert (one["accounting"], one["totals"]) == (other["accounting"], other["totals"])
    assert one["accounting"]["documents_quarantined"] == {"null_text": 3}
    listed = [entry["path"] for entry in one["files"] if entry["kind"] == "documents"]
    names = [path.partition("/documents/")[0] for path in listed]
    assert sorted(names[:2]) == sorted(f"../{night.name}" for night in nights[:2])
    assert len({path.rpartition("/")[2] for path in listed}) == len(listed) == 3
    where = ("--output", output, "--bucket", "b", *AT, "--input", tmp_path / "corpus")
    ran = bfpack("verify", *where).succeeds()
    assert "60 documents equal their text tokenized anew" in ran.out


def test_an_earlier_file_that_changed_makes_everything_anew(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 10))
    assert run().code == 0
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 12))
    write_input(tmp_path / "corpus" / "b.jsonl", rows(12, 20))
    with caplog.at_level("INFO", logger="bfpack"):
        assert run().code == 0
    assert (
        "everything is tokenized anew: of the earlier input 1 file changed (a.jsonl)" in caplog.text
    )
    held = manifest(tokens(tmp_path / "output"))
    assert held["totals"]["documents"] == 20
    assert not [entry for entry in held["files"] if entry["path"].startswith("..")]


def test_an_id_of_an_earlier_file_is_not_taken_twice(run: Run, tmp_path: Path) -> None:
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 10))
    assert run().code == 0
    before = tokens(tmp_path / "output")
    write_input(tmp_path / "corpus" / "b.jsonl", rows(9, 12))
    run().refuses("'d9' (2 times: a.jsonl@", ", b.jsonl@0); make ids unique")
    assert tokens(tmp_path / "output") == before


def test_an_increment_that_was_killed_is_continued(run: Run, tmp_path: Path) -> None:
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 10))
    assert run().code == 0
    first, pointer = tokens(tmp_path / "output"), tmp_path / "output/b/tokens/_current.json"
    before = pointer.read_bytes()
    write_input(tmp_path / "corpus" / "b.jsonl", rows(10, 20))
    assert run().code == 0
    second = tokens(tmp_path / "output")
    held, shards = manifest(second), shard_hashes(sequences(tmp_path / "output"))
    (second / "_manifest.json").unlink()
    (second / "documents" / "part-00099-000.parquet").write_bytes(b"half a file")
    pointer.write_bytes(before)
    assert run().code == 0
    assert manifest(second) == held
    assert shard_hashes(sequences(tmp_path / "output")) == shards
    assert (first / "_manifest.json").is_file()
    assert len(list((second / "documents").iterdir())) == 1


# What is held and what may go


def listed(keep: Run) -> dict[tuple[str, str], dict[str, Any]]:
    """`bfpack versions`, by kind and version."""
    found = json.loads(keep("versions", "--json").out)
    assert found
    return {(row["kind"], row["version"]): row for row in found}


def make_old(version: Path) -> None:
    """As if its youngest file had been written a week ago."""
    for path in [*version.rglob("*"), version]:
        os.utime(path, (time.time() - WEEK - 60,) * 2)


def test_prune_keeps_what_a_snapshot_holds_and_what_that_needs(
    run: Run, keep: Run, bfpack: Bfpack, tmp_path: Path
) -> None:
    """The first night's sequences are in a snapshot, others are held by nothing; the current ones
    need a token store that lists files of the first and of the second night."""
    output = tmp_path / "output"
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 10))
    assert run().code == 0
    pinned, first = sequences(output), tokens(output)
    assert keep("snapshot", "run-1").code == 0
    assert run("--seed", 1).code == 0
    other_seed = sequences(output)
    assert run("--bos-token", "<|pad|>").code == 0
    lone, with_bos = tokens(output), sequences(output)
    assert run().code == 0  # back again
    write_input(tmp_path / "corpus" / "b.jsonl", rows(10, 20))
    assert run().code == 0
    second, of_second = tokens(output), sequences(output)
    write_input(tmp_path / "corpus" / "c.jsonl", rows(20, 30))
    assert run().code == 0
    third, newest = tokens(output), sequences(output)
    states = {version: row["state"] for (_, version), row in listed(keep).items()}
    assert (states[newest.name], states[pinned.name], states[lone.name]) == (
        *("current", "complete", "complete"),
    )
    assert listed(keep)["sequences", pinned.name]["snapshots"] == ["run-1"]

    before = sorted(output.rglob("*"))
    dry = keep("prune").succeeds()
    gone = [other_seed, with_bos, lone, of_second]
    for version in gone:
        assert f" {version.name}: complete; " in dry.out
    assert dry.out.count("would remove b ") == len(gone)
    assert dry.out.count("would keep b ") == 5
    assert "this was only a list, and nothing is removed; add --yes to remove it" in dry.out
    assert sorted(output.rglob("*")) == before

    pruned = keep("prune", "--yes", "--json").succeeds()
    assert all(row["removed"] for row in json.loads(pruned.out))
    assert set(listed(keep)) == {
        *(("tokens", version.name) for version in (first, second, third)),
        *(("sequences", version.name) for version in (pinned, newest)),
    }
    assert not [version for version in gone if version.exists()]
    for version in (pinned, newest):
        where = ("--output", output, "--bucket", "b", *AT, "--version", version.name)
        bfpack("verify", *where).succeeds()
    nothing, *kept = keep("prune", "--yes").out.splitlines()
    assert nothing == "nothing to remove"
    assert f"kept b tokens {third.name}: current" in kept
    assert f"kept b sequences-64 {pinned.name}: in snapshot run-1" in kept
    needed_by = f"needed by tokens {third.name}, sequences-64 {pinned.name}"
    assert f"kept b tokens {first.name}: {needed_by}" in kept
    assert len(kept) == 5


def test_versions_say_when_what_and_how_they_differ(run: Run, keep: Run, tmp_path: Path) -> None:
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 10))
    assert run("--long-documents", "drop").code == 0
    old = sequences(tmp_path / "output")
    assert run().code == 0
    new, store = sequences(tmp_path / "output"), tokens(tmp_path / "output")
    for number, made in enumerate((old, new)):
        os.utime(made / "_manifest.json", (86_400 * (number + 1),) * 2)
    lines = keep("versions").out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        *(f"b tokens {store.name}", f"b sequences-64 {old.name}", f"b sequences-64 {new.name}"),
    ]
    assert f"needed by sequences-64 {new.name}" in lines[0]
    assert ": complete; made 1970-01-02 00:00 UTC; 10 documents, " in lines[1]
    assert lines[1].endswith("; from this to the current one: long_documents drop -> split")
    assert ": current; made 1970-01-03 00:00 UTC; 10 documents, " in lines[2]
    held = listed(keep)
    assert held["sequences", old.name]["until_current"] == ["long_documents drop -> split"]
    totals = manifest(new)["totals"]
    row = held["sequences", new.name]
    assert (row["tokens"], row["sequences"]) == (totals["tokens"], totals["sequences"])


def test_unfinished_versions_are_kept_for_a_week(run: Run, keep: Run, tmp_path: Path) -> None:
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 10))
    assert run().code == 0
    made = sequences(tmp_path / "output")
    unfinished = made.parent / ("0" * 16)
    foreign = made.parent / "my notes"
    for folder in (unfinished, foreign):
        (folder / "shards").mkdir(parents=True)
        (folder / "shards" / "part-00000.parquet").write_bytes(b"half a file")
    assert (
        listed(keep)["sequences", unfinished.name]["kept"]
        == "unfinished, and written to in the last 7 days"
    )
    assert keep("prune", "--yes").out.startswith("nothing to remove\n")
    assert f" {unfinished.name}: unfinished; " in keep("prune", "--unfinished-days", 0).out
    make_old(unfinished)
    make_old(made)
    make_old(foreign)
    assert f"removed b sequences-64 {unfinished.name}: unfinished; " in keep("prune", "--yes").out
    assert not unfinished.exists()
    assert made.is_dir()
    assert foreign.is_dir()


def test_a_snapshot_names_what_is_current_and_is_never_another(
    run: Run, keep: Run, tmp_path: Path
) -> None:
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 10))
    assert run("--seq-len", 128).code == 0
    path = Path(keep("snapshot", "run-1").out.strip())
    assert path == tmp_path / "output/_snapshots/run-1.json"
    held = manifest(sequences(tmp_path / "output"))
    said = json.loads(path.read_text())["buckets"]["b"]
    assert said.keys() == {"64", "128"}
    assert said["64"] == {
        "version": sequences(tmp_path / "output").name,
        "fingerprint": held["fingerprint"],
        **held["totals"],
    }
    before = path.read_bytes()
    keep("snapshot", "n" * 201).refuses("use only letters, digits and ._-, at most 200")
    assert keep("prune", "--unfinished-days", "nan").code == 2
    assert keep("snapshot", "run-1").code == 0
    assert run("--seed", 1).code == 0
    keep("snapshot", "run-1").refuses("snapshot run-1: there is another of this name")
    assert path.read_bytes() == before
    assert json.loads(Path(keep("snapshot", "just-64", *AT).out.strip()).read_text())["buckets"][
        "b"
    ].keys() == {"64"}
    for name in ("../x", "_x", ""):
        assert keep("snapshot", name).code == 2
    assert sorted(p.name for p in path.parent.iterdir()) == ["just-64.json", "run-1.json"]
