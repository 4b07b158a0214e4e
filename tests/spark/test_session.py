"""Which session is taken where there is one, and what is done while a new one starts."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import run_python
from pyspark.sql import SparkSession

from bfpack_spark.spark.session import ON_DATABRICKS, get_session, memory


@pytest.mark.parametrize("environment", [{}, {ON_DATABRICKS: "17.3"}])
def test_a_session_that_another_thread_began_is_taken_as_it_is(
    spark: SparkSession,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is made ready for a JVM, which would need a private folder, and nothing is done
    meanwhile."""

    @contextmanager
    def meanwhile(_: Path) -> Iterator[None]:
        raise AssertionError("nothing is waited for")
        yield

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(get_session, {"spark.master": "local[7]"}, meanwhile).result() is spark
    assert not list(tmp_path.iterdir())


MEANWHILE = """
import os
import sys
from contextlib import contextmanager
from functools import partial

from bfpack_spark.spark.session import get_session
from bfpack_spark.spark.left_call import leave_call
from bfpack_spark.tokenizing.panics import silenced
from pyspark import SparkContext

@contextmanager
def meanwhile(call):
    print("begun", SparkContext._active_spark_context)
    with silenced():
        yield
    leave_call(call, partial(os.putenv, "LEFT", "here"))
    print("done", SparkContext._active_spark_context is not None)

settings = {"spark.master": "local[1]", "spark.driver.memory": sys.argv[1]}
try:
    spark = get_session(settings, meanwhile)
    print(spark.range(1).rdd.map(lambda _: os.popen("echo $LEFT").read().strip()).first())
finally:
    os.write(2, b"own stderr")
"""


@pytest.mark.parametrize("memory", ["512m", "100m"])
def test_a_new_session_starts_while_something_else_is_done(memory: str, tmp_path: Path) -> None:
    """What is silenced meanwhile is this process and not the JVM. The call that was left is made in
    the parent of the workers."""
    ran = run_python(MEANWHILE, memory, TMPDIR=tmp_path)
    if memory == "512m":
        assert ran.out == "begun None\ndone True\nhere\n", ran.err
        assert ran.err.endswith("own stderr")
    else:
        assert ran.out == "begun None\n"
        assert "Error initializing SparkContext" in ran.err  # as log4j writes it
        assert "own stderr" in ran.err


def test_the_memory_is_that_of_the_container(tmp_path: Path) -> None:
    for name, limit in {"none": "max", "small": str(1 << 30), "large": str(1 << 60)}.items():
        (tmp_path / name).write_text(f"{limit}\n")
    whole = memory([tmp_path / "none", tmp_path / "absent", tmp_path / "large"])
    assert whole == memory([])
    assert memory([tmp_path / "none", tmp_path / "small"]) == 1 << 30 < whole
