"""Which session is taken where there is one, and what is done while a new one starts."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT
from pyspark.sql import SparkSession

from bfpack_spark.spark.session import ON_DATABRICKS, get_session


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
    def meanwhile() -> Iterator[None]:
        raise AssertionError("nothing is waited for")
        yield

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(get_session, {"spark.master": "local[7]"}, meanwhile()).result() is spark
    assert not list(tmp_path.iterdir())


MEANWHILE = """
import os
import sys
from contextlib import contextmanager

from bfpack_spark.spark.session import get_session
from bfpack_spark.tokenizing.panics import silenced
from pyspark import SparkContext

@contextmanager
def meanwhile():
    print("begun", SparkContext._active_spark_context)
    with silenced():
        yield
    print("done", SparkContext._active_spark_context is not None)

settings = {"spark.master": "local[1]", "spark.driver.memory": sys.argv[1]}
try:
    print(get_session(settings, meanwhile()).range(3).count())
finally:
    os.write(2, b"own stderr")
"""


@pytest.mark.parametrize("memory", ["512m", "100m"])
def test_a_new_session_starts_while_something_else_is_done(memory: str, tmp_path: Path) -> None:
    """What is silenced meanwhile is this process and not the JVM."""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", MEANWHILE, memory],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    )
    if memory == "512m":
        assert ran.stdout == "begun None\ndone True\n3\n", ran.stderr
        assert ran.stderr.endswith("own stderr")
    else:
        assert ran.stdout == "begun None\n"
        assert "Error initializing SparkContext" in ran.stderr  # as log4j writes it
        assert "own stderr" in ran.stderr
