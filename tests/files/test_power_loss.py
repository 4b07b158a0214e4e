"""What is published is on the disk before it is named: files, then their folders, then the
manifest, then the pointer."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_versions import finish, version

from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.versions import publication

Said = list[tuple[str, str]]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """What is synced and what gets its name, in order, by paths in tmp_path."""
    told: Said = []

    def path_of(descriptor: int) -> str:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path))

    def watch(name: str, tell: Callable[..., str]) -> None:
        real = getattr(os, name)

        def act(*arguments: Any, **more: Any) -> Any:
            told.append((name, tell(*arguments, **more)))
            return real(*arguments, **more)

        monkeypatch.setattr(os, name, act)

    watch("fsync", path_of)
    watch("rename", lambda _, new, *, dst_dir_fd, **rest: f"{path_of(dst_dir_fd)}/{new}")
    return told


def place_of(said: Said, act: str, path: str) -> int:
    found = [n for n, (done, where) in enumerate(said) if done == act and where.endswith(path)]
    assert found, (act, path, said)
    return found[0]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, said: Said) -> None:
    file = HashingFile(version(tmp_path).directory, "shards/part-00000.parquet")
    file.write(b"tokens")
    file.publish()
    assert [act for act, _ in said] == ["fsync", "rename"]
    assert said[0][1].startswith(f"{version(tmp_path).inside}/_temporary/")
    assert said[1][1] == f"{version(tmp_path).inside}/shards/part-00000.parquet"


def test_folders_are_synced_before_the_manifest_and_it_before_the_pointer(
    tmp_path: Path, said: Said
) -> None:
    made = version(tmp_path)
    finish(made, "shards/part-00000.parquet")
    manifest = place_of(said, "rename", f"{made.inside}/_manifest.json")
    for folder in (f"{made.inside}/shards", made.inside, made.home.inside, "b", "."):
        assert place_of(said, "fsync", folder) < manifest
    assert said[manifest - 1][0] == "fsync"
    assert said[manifest - 1][1].startswith(f"{made.inside}/_manifest.json.")
    assert said[manifest + 1] == ("fsync", made.inside)
    del said[:]
    publication.publish(made)
    assert [act for act, _ in said] == ["fsync", "rename", "fsync"]
    assert said[0][1].startswith(f"{made.home.inside}/_current.json.")
    assert said[1:] == [
        ("rename", f"{made.home.inside}/_current.json"),
        ("fsync", made.home.inside),
    ]
