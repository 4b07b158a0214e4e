"""Local sessions whose JVM, memory or disks give out: each says so in one line, and leaves nothing
behind for others to read."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, Corpus, pack_options, run_python

BFPACK = Path(sys.executable).parent / "bfpack"
CHEAP = ("--spark-conf", "spark.master=local[2]", "--spark-conf", "spark.driver.memory=1g")


def start(temporary: Path, *arguments: object, mask: int = 0o022) -> subprocess.Popen[str]:
    """A bfpack of its own, in a process group of its own."""
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [str(part) for part in (BFPACK, *arguments, *CHEAP)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        umask=mask,
        start_new_session=True,
    )


def wait_until_it_says(words: str, process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(said)


def error_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and the one line."""
    out, err = process.communicate()
    (line,) = [line for line in err.splitlines() if "bfpack: error:" in line]
    assert out == ""
    assert "Traceback" not in err
    assert "Exception in thread" not in err
    return process.returncode, line.removeprefix("bfpack: error: ")


def test_a_killed_jvm_is_one_line_and_the_next_run_publishes(
    corpus: Corpus, tmp_path: Path
) -> None:
    temporary, output = tmp_path / "tmp", tmp_path / "output"
    options = ("pack", *pack_options(corpus, output), "--seq-len", 512)

    # The JVM alone.
    with start(temporary, *options) as run:
        wait_until_it_says("tokens: engine", run)
        (jvm,) = (p for p in psutil.Process(run.pid).children(recursive=True) if p.name() == "java")
        jvm.kill()
        code, line = error_of(run)
    assert code == 5
    assert line.startswith("Spark's JVM was ended by SIGKILL, as the system does where memory is ")
    assert not list(output.rglob("_manifest.json"))
    assert not list(temporary.iterdir())

    # All of it, in the middle of a shuffle.
    with start(temporary, *options) as run:
        wait_until_it_says("plan of 512", run)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    (left,) = temporary.iterdir()
    assert list(left.rglob("shuffle_*"))
    assert left.stat().st_mode & 0o777 == 0o700

    with start(temporary, *options, mask=0o002) as run:
        _, err = run.communicate()
    assert run.returncode == 0, err
    assert not list(temporary.iterdir())
    (shards,) = output.glob("small/sequences-512/*/shards")
    assert shards.stat().st_mode & 0o777 == 0o775
    assert {path.stat().st_mode & 0o777 for path in shards.iterdir()} == {0o664}


def test_a_run_without_streams_publishes_and_prints_into_no_file(
    corpus: Corpus, tmp_path: Path
) -> None:
    """As some schedulers start it. A file that took the number of stderr would have the log."""
    options = ("pack", *pack_options(corpus, tmp_path / "output"), "--seq-len", 512, *CHEAP)
    subprocess.run(
        ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", BFPACK, *map(str, options)],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    )
    verified = start(tmp_path / "tmp", "verify", "--output", tmp_path / "output")
    verified.communicate()
    assert verified.returncode == 0


FULL = """
import json, os, sys
from pathlib import Path
from bfpack_spark.cli.main import main
from bfpack_spark.spark.session import get_session

def fill(disk):
    ballast = Path(disk) / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            pass
    return ballast

def run(options):
    try:
        main(options)
    except SystemExit as end:
        print("exit", end.code, file=sys.stderr, flush=True)

disk, elsewhere, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
get_session({"spark.master": "local[2]", "spark.driver.memory": "512m"})
ballast = fill(disk)
run([*options, "--output", elsewhere])
ballast.unlink()
ballast = fill(disk)
os.truncate(ballast, ballast.stat().st_size - (1 << 20))
run([*options, "--output", f"{disk}/output"])
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"no small disk can be made here: {error}")
    if mounted.returncode:
        pytest.skip(f"no small disk can be made here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_one_line_wherever_it_fills_up(
    corpus: Corpus, tmp_path: Path, small_disk: Path
) -> None:
    where = pack_options(corpus, tmp_path / "output")
    at = where.index("--output")
    options = ["pack", *map(str, [*where[:at], *where[at + 2 :]]), "--seq-len", "512"]
    told = (small_disk, tmp_path / "output", json.dumps(options))
    ran = run_python(FULL, *told, TMPDIR=small_disk)
    errors = [line for line in ran.err.splitlines() if line.startswith("bfpack: error: ")]
    exits = [line for line in ran.err.splitlines() if line.startswith("exit ")]
    assert ran.out == ""
    assert len(errors) == len(exits) == 2, ran.err
    # Shuffle files, in the JVM; then token files, in a worker, unless too little is seen before.
    assert exits[0] in ("exit 5", "exit 2")
    for line in errors:
        assert "disk" in line
        assert "free" in line
    assert any("No space left on device" in line for line in errors)
    assert not list((tmp_path / "output").rglob("sequences-*/_current.json"))


OUT_OF_MEMORY = """
import sys
import pyarrow as pa
from bfpack_spark.cli.explain import explain
from bfpack_spark.spark.session import get_session

def large(batches):
    for _ in batches:
        yield pa.RecordBatch.from_pydict({"b": pa.array([bytes(300 << 20)], pa.binary())})

spark = get_session({"spark.master": "local[1]", "spark.driver.memory": "512m"})
try:
    spark.range(1).mapInArrow(large, "b binary").collect()
except Exception as error:
    print(*explain(error))
"""


def test_a_jvm_out_of_memory_is_told_what_to_raise(tmp_path: Path) -> None:
    ran = run_python(OUT_OF_MEMORY, TMPDIR=tmp_path)
    assert ran.out.startswith(
        "Spark's JVM ran out of memory: raise its heap by --spark-conf spark.driver.memory"
    ), ran.err
    assert ran.out.endswith("run it again to go on 5\n")
