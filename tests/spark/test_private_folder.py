"""A session's folder is its user's alone, and goes with its process, or by the next start."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import holding_python

from bfpack_spark.spark.private_folder import make_private_folder

HOLD = """
import sys
from bfpack_spark.spark.private_folder import make_private_folder
folder = make_private_folder(sys.argv[1])
(folder / "shuffle").write_text("x")
print(folder, flush=True)
sys.stdin.read()
"""

Holder = tuple[subprocess.Popen[str], Path]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    """Another process that holds a folder until its stdin ends."""
    with holding_python(HOLD, tmp_path) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def test_a_folder_is_entered_by_its_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = make_private_folder(str(tmp_path))
    finally:
        os.umask(before)
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_goes_with_its_process(holder: Holder) -> None:
    process, folder = holder
    assert folder.is_dir()
    process.communicate()
    assert process.returncode == 0
    assert not folder.exists()


def test_the_next_process_removes_what_a_killed_one_left(holder: Holder, tmp_path: Path) -> None:
    process, folder = holder
    another = tmp_path / "bfpack-session-file"
    another.write_text("no folder")
    link = tmp_path / "bfpack-session-link"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    link.symlink_to(elsewhere)
    own = make_private_folder(str(tmp_path))
    assert (folder / "shuffle").exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (folder / "shuffle").exists()
    second = make_private_folder(str(tmp_path))
    assert not folder.exists()
    assert own.exists()
    assert second.exists()
    assert another.exists()
    assert (elsewhere / "kept").exists()


def test_a_folder_removed_before_it_was_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, really = [], os.open

    def removed_at_first(path: object, *more: object) -> int:
        descriptor = really(path, *more)  # type: ignore[arg-type]
        if not made:
            Path(str(path)).rmdir()
        made.append(str(path))
        return descriptor

    monkeypatch.setattr(os, "open", removed_at_first)
    folder = make_private_folder(str(tmp_path))
    monkeypatch.undo()
    assert len(made) == 2
    assert folder.is_dir()
    assert str(folder) == made[1] != made[0]


def test_a_folder_of_another_user_is_let_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "bfpack-session-theirs"
    theirs.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(os, "getuid", lambda: theirs.stat().st_uid + 1)
        make_private_folder(str(tmp_path))
    assert theirs.exists()
    make_private_folder(str(tmp_path))
    assert not theirs.exists()


def test_a_folder_that_another_start_removes_at_once_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = tempfile.mkdtemp, []

    def make_and_lose(**where: str) -> str:
        made.append(make(**where))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_lose)
    assert make_private_folder(str(tmp_path)) == Path(made[1])
    assert Path(made[1]).is_dir()
