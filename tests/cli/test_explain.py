"""A failure is one line: what is wrong, where, and what to do."""

import errno
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from outputs import flip, plan_rows, shard_rows
from packings import Packing
from py4j import java_gateway
from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark import SparkContext
from pyspark.errors import PySparkException

from bfpack_spark.cli.each_bucket import run_each
from bfpack_spark.cli.explain import explain
from bfpack_spark.errors import JobError, was_interrupted
from bfpack_spark.files.stored_parquet import open_own_parquet
from bfpack_spark.logs import handler_for
from bfpack_spark.spark.failures import why_jvm_ended


def flip_in_column(path: Path, column: str) -> None:
    """Change a byte in the middle of a column's first chunk."""
    group = pq.read_metadata(path).row_group(0)
    names = [group.column(n).path_in_schema for n in range(group.num_columns)]
    chunk = group.column(names.index(column))
    flip(path, chunk.data_page_offset + chunk.total_compressed_size // 2, 1)


def test_a_damaged_page_of_our_own_is_named_with_its_file_and_the_remedy(packing: Packing) -> None:
    (damaged, *_) = sorted((packing.current("tokens") / "documents").iterdir())
    flip_in_column(damaged, "low")
    where = ("--output", packing.output, "--bucket", "small", "--seq-len", 256)
    assert packing.bfpack("plan", *where).code == 0
    ran = packing.bfpack("assemble", *where)
    assert (ran.code, ran.out) == (5, "")
    (line,) = [line for line in ran.err.splitlines() if "error" in line]
    assert line.startswith(f"bfpack: error: {damaged}: cannot be read (")
    assert line.endswith(
        "; restore it from a copy, or remove the _manifest.json of the version that was read and "
        "run bfpack pack again, which makes that version anew"
    )
    shard = packing.current() / "shards" / "part-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-9])
    ran = packing.run("show", "--sequence", 0)
    assert ran.code == 5
    assert ran.err.startswith(f"bfpack: error: {shard}: cannot be read (")


def test_a_file_of_another_version_in_place_of_ours_is_named(packing: Packing) -> None:
    """Each is whole, and holds something else."""
    version, tokens = (packing.current(kind) for kind in ("sequences-512", "tokens"))
    (plan, *_), (shard, *_), (documents, *_) = (
        sorted((at / kind).iterdir())
        for at, kind in ((version, "plan"), (version, "shards"), (tokens, "documents"))
    )
    last = len(shard_rows(version)) - 1
    cut = next(row["doc_id"] for row in plan_rows(version) if row["start"])
    taken = {path: path.read_bytes() for path in (plan, shard, documents)}

    def refused(path: Path, other: Path, command: str, *more: object) -> None:
        path.write_bytes(other.read_bytes())
        ran = packing.run(command, *more)
        path.write_bytes(taken[path])
        assert ran.code == 5, ran.err
        assert ran.err.startswith(f"bfpack: error: {path}: "), ran.err
        assert "bfpack verify names all that is damaged" in ran.err

    refused(shard, documents, "show", "--sequence", 0)
    for folder in (version, packing.current("sequences-2048")):
        (*_, last_shard) = sorted((folder / "shards").iterdir())
        taken[last_shard] = last_shard.read_bytes()
    at_512, at_2048 = list(taken)[-2:]
    refused(at_512, at_2048, "show", "--sequence", last)
    refused(plan, shard, "show", "--doc", cut)
    refused(documents, shard, "stats")
    tokenizer = tokens / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace("0", "1", 1))
    ran = packing.run("show", "--sequence", 0)
    assert ran.code == 2
    assert ran.err.startswith(f"bfpack: error: {tokenizer}: is not what made these tokens")


def test_a_file_of_ours_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = f"{tmp_path}/V/documents/part-0"
    with pytest.raises(JobError, match=f"{gone}: cannot be read "), open_own_parquet(gone):
        pass


def context_that(is_stopped: Callable[[], bool]) -> SimpleNamespace:
    jvm = SimpleNamespace(sc=lambda: SimpleNamespace(isStopped=is_stopped))
    return SimpleNamespace(pythonExec=sys.executable, _jsc=jvm)


@pytest.mark.parametrize(
    ("said", "code", "line"),
    [
        (
            "Job aborted\njava.io.IOException: No space left on device\n\tat java.base",
            5,
            "disk full: java.io.IOException: No space left on device; free space for --output and "
            "for temporary files (TMPDIR or spark.local.dir), or name larger disks; what was",
        ),
        ("Task failed: java.lang.OutOfMemoryError: Java heap space", 5, "Spark's JVM ran out of m"),
        (
            "SparkException: Python worker exited unexpectedly (crashed)",
            5,
            "a Python worker was killed or crashed, as happens where memory is short (then let",
        ),
        (
            "ModuleNotFoundError: No module named 'bfpack_spark'",
            2,
            f"the workers' Python {sys.executable} lacks bfpack_spark; let PYSPARK_PYTHON name one",
        ),
        (
            "x\nValueError: all else",
            5,
            "the Spark job failed (ValueError: all else); what was published stands",
        ),
    ],
)
def test_what_spark_says_is_told_by_cause_and_remedy(
    said: str, code: int, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SparkContext, "_active_spark_context", context_that(lambda: False))
    told, exit_code = explain(PySparkException(said))
    assert told is not None
    assert told.startswith(line)
    assert exit_code == code


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_from_other_faults_of_storage(number: int) -> None:
    told, code = explain(OSError(number, os.strerror(number), "/a/file"))
    assert code == 5
    assert str(told).startswith(
        f"disk full: [Errno {number}] {os.strerror(number)}: '/a/file'; free"
    )
    told, code = explain(PermissionError(errno.EACCES, "Permission denied", "/a/file"))
    assert code == 5
    assert str(told).startswith("storage: [Errno 13] Permission denied: '/a/file'; ")


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(111, "refused"), Py4JNetworkError("gone"), EOFError()]
)
@pytest.mark.parametrize(
    ("ends", "line"),
    [
        (
            f"kill -{signal.SIGKILL} $$",
            "Spark's JVM was ended by SIGKILL, as the system does wh",
        ),
        ("exit 52", "Spark's JVM ran out of memory: raise its heap by --spark-conf spark.driver.m"),
        ("exit 3", "Spark's JVM ended with exit code 3, for the reason above; what was published "),
    ],
)
def test_a_jvm_that_is_gone_is_said_whatever_the_caller_saw(
    ends: str, line: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    jvm = subprocess.Popen(["/bin/sh", "-c", ends])
    monkeypatch.setattr(SparkContext, "_gateway", SimpleNamespace(proc=jvm))
    told, code = explain(error)
    assert str(told).startswith(line)
    assert code == 5


def does_not_answer() -> bool:
    raise Py4JNetworkError("An error occurred while calling o1.isStopped")


@pytest.mark.parametrize("is_stopped", [lambda: True, does_not_answer])
def test_a_job_that_fails_since_its_jvm_ends_is_told_by_why_that_ended(
    is_stopped: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SparkContext, "_active_spark_context", context_that(is_stopped))
    jvm = subprocess.Popen(["/bin/sh", "-c", "exit 52"])
    monkeypatch.setattr(SparkContext, "_gateway", SimpleNamespace(proc=jvm))
    told, code = explain(PySparkException("An error occurred while calling o57.collectToPython"))
    assert str(told).startswith("Spark's JVM ran out of memory: raise its heap by ")
    assert code == 5


def test_a_jvm_that_lives_is_not_said_to_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as jvm:
        monkeypatch.setattr(SparkContext, "_gateway", SimpleNamespace(proc=jvm))
        assert why_jvm_ended(0.01) is None
    monkeypatch.setattr(SparkContext, "_gateway", None)
    told = "the Spark job failed (no such method); what was published stands; run it again to go on"
    assert explain(Py4JError("no such method")) == (told, 5)


def test_what_py4j_logs_of_a_jvm_that_is_gone_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = handler_for(sys.stderr)
    for path in (java_gateway.__file__, __file__):
        record = logging.makeLogRecord({"msg": f"from {path}", "pathname": path, "levelno": 40})
        handler.handle(record)
    said = capsys.readouterr().err
    assert __file__ in said
    assert java_gateway.__file__ not in said


def test_an_error_that_came_of_an_interrupt_is_one() -> None:
    def fail_meanwhile() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise Py4JError("Gateway must be connected")

    with pytest.raises(Py4JError) as raised:
        fail_meanwhile()
    assert was_interrupted(raised.value)
    assert not was_interrupted(Py4JError("Gateway must be connected"))
    with pytest.raises(Py4JError):  # and no other bucket is begun
        run_each([("a", fail_meanwhile), ("b", lambda: pytest.fail("goes on"))])
