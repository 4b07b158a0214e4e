"""What prune removes, says and refuses to remove, on versions that are made by hand."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_versions import below, publish, run, version, write

from bfpack_spark.files.locks import hold_bucket
from bfpack_spark.versions.publication import Version

HEX = "0123456789abcdef" * 2
WEEK = 7 * 24 * 3600


@pytest.fixture
def two(tmp_path: Path) -> tuple[Version, Version]:
    """Sequences of two nights; the second is current, the first is what prune would remove."""
    _, old = publish(tmp_path, seed=1)
    _, new = publish(tmp_path, seed=2)
    return old, new


def pointer(made: Version) -> Path:
    return Path(made.home.directory) / "_current.json"


def test_prune_says_what_goes_and_why_and_how_much(
    two: tuple[Version, Version], tmp_path: Path
) -> None:
    old, new = two
    out = run("prune", tmp_path, "--yes").succeeds().out
    line = next(said for said in out.splitlines() if f"sequences-8 {old.name}" in said)
    assert line.startswith(f"removed b sequences-8 {old.name}: complete; made ")
    assert "; 3 files, " in line
    assert line.endswith(
        "; it is not current, in no snapshot or mixture, and nothing that is kept needs it"
    )
    (total,) = [said for said in out.splitlines() if said.endswith(" bytes) in all")]
    assert total.startswith("removed ")
    assert f"kept b sequences-8 {new.name}: current" in out.splitlines()
    assert not Path(old.directory).exists()
    assert Path(new.directory).exists()


def one_digit(held: dict[str, Any], two: tuple[Version, Version]) -> None:
    digit = "1" if held["version"][0] == "0" else "0"
    held["version"] = digit + held["version"][1:]
    held["manifest"] = f"{held['version']}/_manifest.json"


def name_the_old(held: dict[str, Any], two: tuple[Version, Version]) -> None:
    """Another complete version, whose manifest has another hash."""
    held |= {"version": two[0].name, "manifest": f"{two[0].name}/_manifest.json"}


def another_hash(held: dict[str, Any], two: tuple[Version, Version]) -> None:
    held["manifest_sha256"] = "0" * 64


def climb(held: dict[str, Any], two: tuple[Version, Version]) -> None:
    held["version"] = "../../other"


Change = Callable[[dict[str, Any], tuple[Version, Version]], None]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (one_digit, "which is not complete there; run bfpack pack again"),
        (name_the_old, "its manifest_sha256 is not that of"),
        (another_hash, "its manifest_sha256 is not that of"),
        (climb, "put back the one that was written"),
    ],
)
def test_prune_removes_nothing_where_the_pointer_is_damaged(
    change: Change, says: str, two: tuple[Version, Version], tmp_path: Path
) -> None:
    path = pointer(two[1])
    held = json.loads(path.read_text())
    change(held, two)
    path.write_text(json.dumps(held))
    refuses(tmp_path, f"{path}: ", says)


@pytest.mark.parametrize("raw", [None, b"", b"{", b"[]", b'{"version": 5}'])
def test_prune_removes_nothing_where_the_pointer_is_gone_or_no_pointer(
    raw: bytes | None, two: tuple[Version, Version], tmp_path: Path
) -> None:
    path = pointer(two[1])
    path.unlink() if raw is None else path.write_bytes(raw)
    says = "is missing beside complete versions" if raw is None else ""
    refuses(tmp_path, f"{path}: ", says)


def test_prune_removes_nothing_where_a_manifest_is_damaged(
    two: tuple[Version, Version], tmp_path: Path
) -> None:
    path = Path(two[0].directory) / "_manifest.json"
    path.write_bytes(path.read_bytes()[:-50])
    refuses(tmp_path, f"{path}: not readable as JSON", "repair or remove it")


def test_the_store_of_a_home_whose_pointer_is_damaged_stays_too(
    two: tuple[Version, Version], tmp_path: Path
) -> None:
    """Nobody knows which token store the current sequences are made of."""
    pointer(two[1]).unlink()
    before = below(tmp_path / "b/tokens")
    assert run("prune", tmp_path, "--yes").code == 2
    assert below(tmp_path / "b/tokens") == before


def refuses(output: Path, *says: str) -> None:
    before = below(output)
    for more in ((), ("--yes",)):
        ran = run("prune", output, *more)
        ran.refuses()
        (line,) = ran.err.splitlines()
        assert [said for said in says if said not in line] == []
    assert below(output) == before


def test_versions_shows_a_damaged_home_and_the_rest(
    two: tuple[Version, Version], tmp_path: Path
) -> None:
    old, new = two
    pointer(new).write_text("{")
    (Path(old.directory) / "_manifest.json").write_text("{}")
    out = run("versions", tmp_path).succeeds().out
    assert f"b sequences-8 {old.name}: damaged; " in out
    assert f"b sequences-8 {new.name}: complete; " in out
    assert f"b sequences-8: damaged: {pointer(new)}: not readable as JSON" in out
    rows = json.loads(run("versions", tmp_path, "--json").out)
    assert [row["state"] for row in rows].count("damaged") == 3


@pytest.mark.parametrize(
    ("at", "value"),
    [("bucket", "c"), ("seq_len", "9"), ("version", "0" * 16), ("fingerprint", "0" * 64)],
)
def test_prune_refuses_a_snapshot_that_names_what_is_not_there(
    at: str, value: str, two: tuple[Version, Version], tmp_path: Path
) -> None:
    """A flipped digit in it, and what it held on to is held by nothing."""
    old, _ = two
    held = {"bucket": "b", "seq_len": "8", "version": old.name, "fingerprint": old.fingerprint}
    path = tmp_path / "_snapshots" / "run.json"
    for given in (held, {**held, at: value}):
        own = {name: given[name] for name in ("version", "fingerprint")}
        write(path, json.dumps({"buckets": {given["bucket"]: {given["seq_len"]: own}}}))
        if given is held:
            left = f"kept b sequences-8 {old.name}: in snapshot run"
            assert left in run("prune", tmp_path).out.splitlines()
    refuses(tmp_path, f"{path}: names ", "which is not there; correct the snapshot, or remove it")


def test_prune_does_nothing_while_a_snapshot_cannot_be_read(
    two: tuple[Version, Version], tmp_path: Path
) -> None:
    path = write(tmp_path / "_snapshots/run-1.json", '{"buckets": ')
    refuses(tmp_path, f"{path}: not readable as JSON")


def test_prune_leaves_a_bucket_that_another_run_holds(
    two: tuple[Version, Version], tmp_path: Path
) -> None:
    before = below(tmp_path)
    with hold_bucket(str(tmp_path), "b"):
        assert run("prune", tmp_path, "--yes").code == 3
        assert run("snapshot", tmp_path, "x").code == 3
    assert below(tmp_path) == before
    assert run("prune", tmp_path, "--yes").code == 0
    assert not Path(two[0].directory).exists()
    assert Path(two[1].directory).exists()


def test_what_killed_runs_left_goes_too(two: tuple[Version, Version], tmp_path: Path) -> None:
    _, new = two
    own = Path(new.directory)
    left = [
        own / f"report/report.json.{HEX}.tmp",
        own / "_temporary" / f"{HEX}-part-00000.parquet",
        own.parent / f"_current.json.{HEX}.tmp",
        tmp_path / "_snapshots" / f"run.json.{HEX}.tmp",
    ]
    for path in left:
        write(path, "half")
    young = write(tmp_path / "_snapshots" / f"other.json.{HEX}.tmp", "being written, perhaps")
    os.utime(left[-1], (time.time() - WEEK - 60,) * 2)
    mine = [write(own.parent / "notes.tmp", "mine"), write(own / "report/report.json", "{}")]
    out = run("prune", tmp_path).succeeds().out
    for path in left:
        named = f"would remove {path.relative_to(tmp_path)}: 4 bytes; left by a run that was killed"
        assert named in out.splitlines()
        assert path.exists()
    assert run("prune", tmp_path, "--yes").code == 0
    assert not [path for path in left if path.exists()]
    assert all(path.exists() for path in (*mine, young))
    assert run("prune", tmp_path, "--yes").out.startswith("nothing to remove\n")


def test_a_place_with_nothing_complete_needs_no_pointer(tmp_path: Path) -> None:
    made = version(tmp_path)
    write(Path(made.directory) / "shards/part-00000.parquet", "half a file")
    out = run("prune", tmp_path, "--yes").succeeds().out
    assert out.splitlines()[0] == "nothing to remove"
    assert out.endswith(f"{made.name}: unfinished, and written to in the last 7 days\n")
