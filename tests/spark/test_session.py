"""Which session is taken where there is one."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from bfpack_spark.spark.session import ON_DATABRICKS, get_session


@pytest.mark.parametrize("environment", [{}, {ON_DATABRICKS: "17.3"}])
def test_a_session_that_another_thread_began_is_taken_as_it_is(
    spark: SparkSession,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is made ready for a JVM, which would need a private folder."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(get_session, {"spark.master": "local[7]"}).result() is spark
    assert not list(tmp_path.iterdir())
