"""What is complete, what is current, and what an output must not be mixed with."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from conftest import run_python
from made_versions import below, finish, inputs, publish, version, write

from bfpack_spark.errors import InputError
from bfpack_spark.versions import publication
from bfpack_spark.versions.publication import Home


def test_a_version_is_named_by_the_sha256_of_what_decides_it(tmp_path: Path) -> None:
    made = version(tmp_path, seed=3)
    canonical = (
        '{"format_version":2,"inputs":{"configuration":{"group_documents_max":9,'
        '"long_documents":"split","packing":"best_fit","pad_id":0,"seed":3},'
        f'"tokens_fingerprint":"{"0" * 64}"}},"seq_len":8}}'
    )
    assert made.fingerprint == hashlib.sha256(canonical.encode()).hexdigest()
    assert made.directory == f"{tmp_path}/b/sequences-8/{made.fingerprint[:16]}"
    assert version(tmp_path, seq_len=None).directory.startswith(f"{tmp_path}/b/tokens/")
    assert version(tmp_path / "elsewhere", seed=3).name == made.name
    others = [version(tmp_path, seed=4), version(tmp_path, seed=3, seq_len=9)]
    assert len({made.name, *(other.name for other in others)}) == 3


def test_a_version_is_complete_when_its_manifest_is_there(tmp_path: Path) -> None:
    made = version(tmp_path)
    write(Path(made.directory) / "shards/part-00000.parquet", "x")
    assert made.manifest() is None
    finish(made, "shards/part-b.parquet", "shards/part-a.parquet")
    held = made.manifest()
    assert held is not None
    raw = (Path(made.directory) / "_manifest.json").read_text()
    assert raw == json.dumps(held.as_json(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert [listed.path for listed in held.files] == [
        "shards/part-a.parquet",
        "shards/part-b.parquet",
    ]
    assert (held.kind, held.bucket, held.seq_len) == ("sequences", "b", 8)
    assert (held.fingerprint, held.inputs) == (made.fingerprint, inputs(0))


def test_what_an_unfinished_run_left_is_removed_behind_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = version(tmp_path)
    root = Path(made.directory)
    data = ("documents", "quarantine", "plan", "shards")
    for kind in data:
        write(root / kind / "part-00099.parquet", "left over")
    for name in ("_temporary/abc-part-00000.parquet", "tokenizer.json", "_plan.json", "report/r"):
        write(root / name, "kept, but for the temporary")
    seen: list[list[str]] = []
    delete = publication.own_files.delete_file

    def watch(output: str, inside: str) -> None:
        seen.append(below(root))
        delete(output, inside)

    monkeypatch.setattr(publication.own_files, "delete_file", watch)
    finish(made, "shards/part-00000.parquet", "plan/part-00000.parquet")
    assert len(seen) == len(data)
    assert all("_manifest.json" in names for names in seen)
    assert below(root) == [
        "_manifest.json",
        "_plan.json",
        "plan/part-00000.parquet",
        "report/r",
        "shards/part-00000.parquet",
        "tokenizer.json",
    ]


def test_publication_names_the_version_and_the_hash_of_its_manifest(tmp_path: Path) -> None:
    made = version(tmp_path)
    finish(made)
    with pytest.raises(InputError, match="no sequences of 8 published"):
        publication.current(made.home)
    publication.publish(made)
    raw = (Path(made.directory) / "_manifest.json").read_bytes()
    assert json.loads((tmp_path / "b/sequences-8/_current.json").read_text()) == {
        "version": made.name,
        "manifest": f"{made.name}/_manifest.json",
        "manifest_sha256": hashlib.sha256(raw).hexdigest(),
    }
    directory, held = publication.current(made.home)
    assert (directory, held.fingerprint) == (made.directory, made.fingerprint)


def test_only_a_complete_version_can_be_published(tmp_path: Path) -> None:
    made = version(tmp_path)
    write(Path(made.directory) / "shards/part-00000.parquet", "x")
    with pytest.raises(AssertionError, match="only a complete version"):
        publication.publish(made)
    assert not (tmp_path / "b/sequences-8/_current.json").exists()


def test_a_newer_version_replaces_the_pointer_and_leaves_the_older_one(tmp_path: Path) -> None:
    """Who has opened it, at whatever moment, reads the old pointer or the new one, whole."""
    old, new = version(tmp_path, seed=1), version(tmp_path, seed=2)
    for made in (old, new):
        finish(made, "shards/part-00000.parquet")
    publication.publish(old)
    pointer = tmp_path / "b/sequences-8/_current.json"
    before = pointer.read_bytes()
    with pointer.open("rb") as held_open:
        publication.publish(new)
        assert held_open.read() == before
    assert [p.name for p in pointer.parent.iterdir() if p.is_file()] == ["_current.json"]
    assert publication.current(new.home)[0] == new.directory
    assert publication.current(new.home, old.name)[0] == old.directory
    assert below(old.directory) == ["_manifest.json", "shards/part-00000.parquet"]
    assert below(tmp_path / "b/sequences-8")[0] == f"{min(old.name, new.name)}/_manifest.json"
    assert not list(tmp_path.rglob("*.tmp"))


# As on a disk that is full in the middle of a file.
WRITE_64_BYTES_AT_MOST = """
import resource, sys
from bfpack_spark.files import confined
confined.write(sys.argv[1], "b/_current.json", b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
confined.write(sys.argv[1], "b/_current.json", bytes(65))
"""


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    ran = run_python(WRITE_64_BYTES_AT_MOST, tmp_path)
    assert ran.err.endswith("OSError: [Errno 27] File too large\n")
    assert below(tmp_path) == ["b/_current.json"]
    assert (tmp_path / "b/_current.json").read_bytes() == b"old"


def test_what_a_killed_write_of_a_pointer_left_is_removed_with_the_next(tmp_path: Path) -> None:
    made = version(tmp_path)
    finish(made)
    home = tmp_path / "b/sequences-8"
    write(home / f"_current.json.{'0' * 32}.tmp", "")
    write(home / "notes.tmp", "of somebody else")
    publication.publish(made)
    names = {path.name for path in home.iterdir() if path.is_file()}
    assert names == {"_current.json", "notes.tmp"}


def test_publishing_what_is_current_touches_nothing(tmp_path: Path) -> None:
    _, made = publish(tmp_path)
    pointer = tmp_path / "b/sequences-8/_current.json"
    os.utime(pointer, ns=(1, 1))
    publication.publish(made)
    assert pointer.stat().st_mtime_ns == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("0123", "not a version; it is 16 hex digits"),
        ("../../../../etc", "not a version"),
        ("0123456789abcdef", "is not complete; run bfpack pack again"),
    ],
)
def test_a_version_that_is_none_is_an_error_that_names_it(
    name: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "b/sequences-8/0123456789abcdef/shards").mkdir(parents=True)
    with pytest.raises(InputError, match=f"--version {name}: {says}"):
        publication.current(Home(output=str(tmp_path), bucket="b", seq_len=8), name)


def test_a_current_version_without_its_manifest_says_to_pack_again(tmp_path: Path) -> None:
    _, made = publish(tmp_path)
    (Path(made.directory) / "_manifest.json").unlink()
    with pytest.raises(InputError) as raised:
        publication.current(made.home)
    assert str(raised.value) == (
        f"{made.home.directory}: the current version {made.name} is not complete; run bfpack pack "
        "again"
    )
