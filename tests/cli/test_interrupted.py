"""Ctrl-C, to the process or to its group: one line, exit code 130, and nothing goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, Corpus, pack_options

LINE = "bfpack: error: interrupted; the same command continues"
SECONDS = 120


def started(corpus: Corpus, output: Path, *python: str) -> subprocess.Popen[str]:
    options = [*pack_options(corpus, output), "--seq-len", 512]
    command = [sys.executable, *python, "-m", "bfpack_spark", "pack", *map(str, options)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


def children_of(run: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(run.pid).children(recursive=True)


def says(word: str) -> Callable[[subprocess.Popen[str]], None]:
    """Wait until a line of stderr has this word."""

    def wait(run: subprocess.Popen[str]) -> None:
        assert run.stderr is not None
        assert any(word in line for line in run.stderr)

    return wait


def has_a_jvm(run: subprocess.Popen[str]) -> None:
    """Wait until a JVM is starting."""
    end = time.monotonic() + SECONDS
    while "java" not in map(name_of, children_of(run)):
        assert run.poll() is None
        assert time.monotonic() < end


def name_of(process: psutil.Process) -> str:
    """Its name; none if it has ended."""
    with suppress(psutil.NoSuchProcess):
        return process.name()
    return ""


@pytest.mark.parametrize("whom", [os.kill, os.killpg])
@pytest.mark.parametrize(
    ("python", "comes"),
    [
        (("-X", "importtime"), says("pyarrow.lib")),
        ((), has_a_jvm),
        ((), says("the largest document")),
    ],
    ids=["while it loads", "while Java starts", "while it tokenizes"],
)
def test_an_interrupted_run_says_one_line_and_leaves_no_process(
    whom: Callable[[int, int], None],
    python: tuple[str, ...],
    comes: Callable[[subprocess.Popen[str]], None],
    corpus: Corpus,
    tmp_path: Path,
) -> None:
    run = started(corpus, tmp_path / "out", *python)
    comes(run)
    family = children_of(run)
    whom(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=SECONDS)  # ends when nobody can write there any more
    lines = [line for line in err.splitlines() if not line.startswith(("import time:", '{"time"'))]
    assert [line for line in lines if line] == [LINE]
    assert (run.returncode, out) == (130, "")
    assert not psutil.wait_procs(family, SECONDS)[1]
