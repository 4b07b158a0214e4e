"""The parent of Python workers."""

import gc
import os
import sys
from functools import partial
from pathlib import Path

import psutil
import pyspark
import pytest
from pyspark.sql import SparkSession

from bfpack_spark.spark.left_call import CALL, leave_call, make_call
from bfpack_spark.spark.worker_daemon import leave_out_archives


def test_workers_are_forked_from_who_has_imported_what_they_need(
    spark: SparkSession,
) -> None:
    def libraries_of_parent(_: object) -> list[str]:
        return [held.path for held in psutil.Process(os.getppid()).memory_maps()]

    libraries = "\n".join(spark.sparkContext.parallelize([0], 1).map(libraries_of_parent).first())
    for name in ("/numpy/", "/pandas/", "/pyarrow/_parquet", "/fastokens/", "/tokenizers/"):
        assert name in libraries


def test_what_was_imported_before_is_never_looked_through_for_garbage(spark: SparkSession) -> None:
    def num_frozen(_: object) -> int:
        return gc.get_freeze_count()

    assert spark.sparkContext.parallelize([0], 1).map(num_frozen).first() > 10_000


def test_pyspark_is_taken_from_where_it_is_installed(spark: SparkSession) -> None:
    def where(_: object) -> list[str]:
        held = [module.__file__ for name in ("pyspark", "py4j") if (module := sys.modules[name])]
        archives = [p for p, f in sys.path_importer_cache.items() if "zip" in type(f).__name__]
        return [*map(str, held), *archives]

    packages = Path(pyspark.__file__).parent.parent
    assert spark.sparkContext.parallelize([0], 1).map(where).first() == [
        f"{packages}/{name}/__init__.py" for name in ("pyspark", "py4j")
    ]


def test_archives_of_another_spark_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is the home of a Spark that is no package, or of one whose packages are not looked
    through."""
    library = tmp_path / "pyspark" / "python" / "lib"
    (tmp_path / "py4j").mkdir()
    library.mkdir(parents=True)
    archives = [
        *(str(library / name) for name in ("pyspark.zip", "py4j-0.10.9.9-src.zip")),
        str(tmp_path / "pyspark" / "jars" / "spark-core_2.13-4.2.0.jar"),
        "/a.zip",
    ]
    monkeypatch.setattr(sys, "path", [*archives, str(tmp_path)])
    leave_out_archives()
    assert sys.path == [*archives, str(tmp_path)]
    (tmp_path / "pyspark" / "__init__.py").touch()
    leave_out_archives()
    assert sys.path == ["/a.zip", str(tmp_path)]
    monkeypatch.setattr(sys, "path", archives)
    leave_out_archives()
    assert sys.path == archives


def test_a_call_that_was_left_is_made_and_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = tmp_path / "call"
    monkeypatch.setenv(CALL, str(call))
    make_call()  # none was left
    leave_call(call, partial(os.mkdir, str(tmp_path / "made")))
    make_call()
    assert (tmp_path / "made").is_dir()
    make_call()  # a folder that is there cannot be made
    call.write_bytes(b"cut")
    make_call()
    monkeypatch.delenv(CALL)
    make_call()
