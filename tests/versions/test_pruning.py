"""What prune removes, says and refuses to remove, on versions that are made by hand."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from made_versions import below, publish, run, version, write

from bfpack_spark.files.locks import hold_bucket
from bfpack_spark.versions.publication import Version

HEX = "0123456789abcdef" * 2
WEEK = 7 * 24 * 3600


class Two(NamedTuple):
    """Sequences of two nights; the second is current, the first is what prune would remove."""

    output: Path
    old: Version
    new: Version

    @property
    def pointer(self) -> Path:
        return self.output / "b/sequences-8/_current.json"

    def refuse(self, *says: str) -> None:
        """Check that prune removes nothing, and says why in a line that holds all of these."""
        before = below(self.output)
        for more in ((), ("--yes",)):
            ran = run("prune", self.output, *more)
            ran.refuses()
            (line,) = ran.err.splitlines()
            assert [said for said in says if said not in line] == []
        assert below(self.output) == before


@pytest.fixture
def two(tmp_path: Path) -> Two:
    old, new = (publish(tmp_path, seed)[1] for seed in (1, 2))
    return Two(tmp_path, old, new)


def test_prune_says_what_goes_and_why_and_how_much(two: Two) -> None:
    output, old, new = two
    out = run("prune", output, "--yes").succeeds().out
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


def pointing_at(name: str) -> dict[str, str]:
    return {"version": name, "manifest": f"{name}/_manifest.json"}


def one_digit_changed(name: str) -> str:
    return ("1" if name[0] == "0" else "0") + name[1:]


CHANGES: list[tuple[Callable[[Two], dict[str, str]], str]] = [
    (lambda two: pointing_at(one_digit_changed(two.new.name)), "which is not complete there; run"),
    # Another complete version, whose manifest has another hash.
    (lambda two: pointing_at(two.old.name), "its manifest_sha256 is not that of"),
    (lambda _: {"manifest_sha256": "0" * 64}, "its manifest_sha256 is not that of"),
    (lambda _: {"version": "../../other"}, "put back the one that was written"),
]


@pytest.mark.parametrize(("change", "says"), CHANGES)
def test_prune_removes_nothing_where_the_pointer_is_damaged(
    change: Callable[[Two], dict[str, str]], says: str, two: Two
) -> None:
    held = json.loads(two.pointer.read_text())
    two.pointer.write_text(json.dumps(held | change(two)))
    two.refuse(f"{two.pointer}: ", says)


@pytest.mark.parametrize("raw", [None, b"", b"{", b"[]", b'{"version": 5}'])
def test_prune_removes_nothing_where_the_pointer_is_gone_or_no_pointer(
    raw: bytes | None, two: Two
) -> None:
    two.pointer.unlink() if raw is None else two.pointer.write_bytes(raw)
    says = "is missing beside complete versions" if raw is None else ""
    two.refuse(f"{two.pointer}: ", says)


def test_prune_removes_nothing_where_a_manifest_is_damaged(two: Two) -> None:
    path = Path(two.old.directory) / "_manifest.json"
    path.write_bytes(path.read_bytes()[:-50])
    two.refuse(f"{path}: not readable as JSON", "repair or remove it")


def test_the_store_of_a_home_whose_pointer_is_damaged_stays_too(two: Two) -> None:
    """Nobody knows which token store the current sequences are made of."""
    two.pointer.unlink()
    before = below(two.output / "b/tokens")
    assert run("prune", two.output, "--yes").code == 2
    assert below(two.output / "b/tokens") == before


def test_versions_shows_a_damaged_home_and_the_rest(two: Two) -> None:
    output, old, new = two
    two.pointer.write_text("{")
    (Path(old.directory) / "_manifest.json").write_text("{}")
    out = run("versions", output).succeeds().out
    assert f"b sequences-8 {old.name}: damaged; " in out
    assert f"b sequences-8 {new.name}: complete; " in out
    assert f"b sequences-8: damaged: {two.pointer}: not readable as JSON" in out
    rows = json.loads(run("versions", output, "--json").out)
    assert [row["state"] for row in rows].count("damaged") == 3


@pytest.mark.parametrize(
    ("at", "value"),
    [("bucket", "c"), ("seq_len", "9"), ("version", "0" * 16), ("fingerprint", "0" * 64)],
)
def test_prune_refuses_a_snapshot_that_names_what_is_not_there(
    at: str, value: str, two: Two
) -> None:
    """A flipped digit in it, and what it held on to is held by nothing."""
    output, old, _ = two
    held = {"bucket": "b", "seq_len": "8", "version": old.name, "fingerprint": old.fingerprint}
    path = output / "_snapshots" / "run.json"
    for given in (held, {**held, at: value}):
        own = {name: given[name] for name in ("version", "fingerprint")}
        write(path, json.dumps({"buckets": {given["bucket"]: {given["seq_len"]: own}}}))
        if given is held:
            left = f"kept b sequences-8 {old.name}: in snapshot run"
            assert left in run("prune", output).out.splitlines()
    two.refuse(f"{path}: names ", "which is not there; correct the snapshot, or remove it")


def test_prune_does_nothing_while_a_snapshot_cannot_be_read(two: Two) -> None:
    path = write(two.output / "_snapshots/run-1.json", '{"buckets": ')
    two.refuse(f"{path}: not readable as JSON")


def test_prune_leaves_a_bucket_that_another_run_holds(two: Two) -> None:
    before = below(two.output)
    with hold_bucket(str(two.output), "b"):
        assert run("prune", two.output, "--yes").code == 3
        assert run("snapshot", two.output, "x").code == 3
    assert below(two.output) == before
    assert run("prune", two.output, "--yes").code == 0
    assert not Path(two.old.directory).exists()
    assert Path(two.new.directory).exists()


def test_what_killed_runs_left_goes_too(two: Two) -> None:
    output, _, new = two
    own = Path(new.directory)
    left = [
        own / f"report/report.json.{HEX}.tmp",
        own / "_temporary" / f"{HEX}-part-00000.parquet",
        own.parent / f"_current.json.{HEX}.tmp",
        output / "_snapshots" / f"run.json.{HEX}.tmp",
    ]
    for path in left:
        write(path, "half")
    young = write(output / "_snapshots" / f"other.json.{HEX}.tmp", "being written, perhaps")
    os.utime(left[-1], (time.time() - WEEK - 60,) * 2)
    mine = [write(own.parent / "notes.tmp", "mine"), write(own / "report/report.json", "{}")]
    out = run("prune", output).succeeds().out
    for path in left:
        named = f"would remove {path.relative_to(output)}: 4 bytes; left by a run that was killed"
        assert named in out.splitlines()
        assert path.exists()
    assert run("prune", output, "--yes").code == 0
    assert not [path for path in left if path.exists()]
    assert all(path.exists() for path in (*mine, young))
    assert run("prune", output, "--yes").out.startswith("nothing to remove\n")


def test_a_place_with_nothing_complete_needs_no_pointer(tmp_path: Path) -> None:
    made = version(tmp_path)
    write(Path(made.directory) / "shards/part-00000.parquet", "half a file")
    out = run("prune", tmp_path, "--yes").succeeds().out
    assert out.splitlines()[0] == "nothing to remove"
    assert out.endswith(f"{made.name}: unfinished, and written to in the last 7 days\n")
