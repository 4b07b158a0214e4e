"""A disk that fills up by bytes or by inodes or takes permission away in the middle of a run, or is
read-only: one line, the old version stands or the new one is complete, and once there is room
again the run goes on to the same bytes."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from faults.injection import holding
from faults.kit import Cases, Drivers, complete, one_line
from faults.matrix import LONG, SLOW, Matrix
from faults.points import divided

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk"),
]


POINTS = {
    "token file": "rename */documents/* before",
    "token manifest": "write */tokens/*/_manifest.json before",
    "token pointer": "write */tokens/_current.json before",
    "plan note": "write */_plan.json before",
    "shard": "rename */shards/* before",
    "manifest": "write */sequences-128/*/_manifest.json before",
    "pointer": "write */sequences-128/_current.json before",
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB and 400 inodes."""
    where = tmp_path / "disk"
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=400", "tmpfs", where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted: {done.stderr.strip()}")
    yield where
    subprocess.run(["umount", "--lazy", where], check=True)


@contextmanager
def no_bytes(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(1 << 12))
    assert os.statvfs(disk).f_bavail == 0
    yield
    filler.unlink()


@contextmanager
def no_inodes(disk: Path) -> Iterator[None]:
    fillers = [disk / f"filler-{number}" for number in range(400)]
    with suppress(OSError):
        for path in fillers:
            path.touch()
    assert os.statvfs(disk).f_favail == 0
    yield
    for path in fillers:
        path.unlink(missing_ok=True)


@contextmanager
def no_permission(disk: Path) -> Iterator[None]:
    """Root may write where modes forbid it, but not into a folder that may not be changed."""
    folders = [path for path in disk.glob("output/b/**/") if path.is_dir()]
    assert folders
    done = subprocess.run(["chattr", "+i", *folders], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"permission cannot be taken away here: {done.stderr.strip()}")
    yield
    subprocess.run(["chattr", "-i", *folders], check=True)


HARM = {
    "full by bytes": no_bytes,
    "full by inodes": no_inodes,
    "permission lost": no_permission,
}


@pytest.mark.parametrize(
    ("harm", "points"),
    [
        pytest.param(harm, points, marks=marks)
        for harm in HARM
        for points, marks in (("some", [] if harm == "full by bytes" else SLOW), ("others", LONG))
    ],
)
def test_a_disk_that_fails_in_the_middle_of_a_run_loses_nothing(
    case_of: Cases, drivers: Drivers, matrix: Matrix, disk: Path, harm: str, points: str
) -> None:
    """One run after another on the same output, each stopped some points later than the last."""
    case = case_of("parquet")
    output = case.copy(disk)
    for point in divided(POINTS, 6)[points].values():
        with holding(drivers.host.faults, point) as gate:
            driver = drivers.start(*case.pack(output))
            driver.wait_at(gate)
            with HARM[harm](disk):
                gate.let_go()
                ran = driver.wait()
        assert one_line(ran, 5)
        case.check_published(output)
        matrix.add(f"disk {harm}, at a named point", "one line, exit 5; same bytes when run again")
    complete(case, drivers, output)


def test_a_disk_that_is_read_only_is_said_and_nothing_changes(
    case_of: Cases, drivers: Drivers, matrix: Matrix, disk: Path
) -> None:
    """Before the run: in the middle of one the kernel refuses, since the lock is open."""
    case = case_of("parquet")
    output = case.copy(disk)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    ran = drivers.run(*case.pack(output))
    assert "ead-only" in one_line(ran, 5)
    assert case.check_published(output) == 0
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    complete(case, drivers, output)
    matrix.add("disk read-only", "one line, exit 5; same bytes when run again")
