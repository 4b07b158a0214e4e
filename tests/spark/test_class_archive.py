"""The archive of Spark's classes: used where it fits, ignored in silence where it does not."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import run_python

from bfpack_spark.spark.class_archive import make_archive

START = """
import sys
from pathlib import Path
from bfpack_spark.spark import session
session.CLASS_ARCHIVE = Path(sys.argv[1])
settings = {"spark.driver.extraClassPath": sys.argv[2]} if sys.argv[2:] else {}
spark = session.get_session(settings)
print(spark.range(5).count())
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("a place") / "classes.jsa"
    make_archive(path)
    yield path
    path.unlink()  # 173 MB


def start(archive: Path, log: Path, *jars: Path) -> str:
    """What a session says on stdout that is told of the archive, and of other jars to look into
    first; it logs where each class came from."""
    # A user's own options are heeded, too.
    ran = run_python(START, archive, *jars, JAVA_TOOL_OPTIONS=f"-Xlog:class+load:file={log}")
    assert ran.code == 0, ran.err
    return ran.out


def from_archive(log: Path) -> tuple[int, int]:
    """Classes of Spark that came from the archive, and that came from jars (not those which Java
    made itself)."""
    spark = re.findall(r" org\.apache\.spark\.\S+ source: (shared|file):? ?", log.read_text())
    return spark.count("shared"), spark.count("file")


def test_classes_come_from_the_archive(archive: Path, tmp_path: Path) -> None:
    assert start(archive, tmp_path / "log") == "5\n"
    shared, others = from_archive(tmp_path / "log")
    assert shared > 1000
    assert others < shared / 20
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


def test_an_archive_that_is_cut_is_ignored(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "classes.jsa"
    other.write_bytes(archive.read_bytes()[: 50 << 20])
    assert start(other, tmp_path / "log") == "5\n"
    assert_from_jars(tmp_path / "log")


def test_an_archive_of_another_class_path_is_ignored_in_silence(
    archive: Path, tmp_path: Path
) -> None:
    assert start(archive, tmp_path / "log", tmp_path) == "5\n"
    assert_from_jars(tmp_path / "log")


def assert_from_jars(log: Path) -> None:
    shared, others = from_archive(log)
    assert shared == 0
    assert others > 1000


def test_where_java_makes_none_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "classes.jsa"
    path.write_bytes(b"old")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xshare:off")  # so that there is nothing to add to
    with pytest.raises(RuntimeError, match="base CDS archive"):
        make_archive(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_that_failed_leaves_no_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", os.devnull)
    with pytest.raises(RuntimeError, match="holds no bin/java"):
        make_archive(tmp_path / "classes.jsa")
    assert not list(tmp_path.iterdir())
