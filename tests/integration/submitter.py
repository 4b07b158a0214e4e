"""Where spark-submit is typed: a machine that has Spark, Java and what `make dist` made."""

import os
import tarfile
from pathlib import Path

import pyspark
import pytest
from conftest import ROOT

SPARK_HOME = Path(pyspark.__file__).parent
ARCHIVE = ROOT / "dist" / "environment.tar.gz"


def bare_environment() -> dict[str, str]:
    """Of a machine that has Spark and Java, and no Python environment that is active."""
    told = {"SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1", "PATH": "/usr/bin:/bin"}
    return {**told, "HOME": os.environ["HOME"], "JAVA_HOME": os.environ["JAVA_HOME"]}


@pytest.fixture(scope="session")
def submit_from(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with jobs, settings and dist/, the archive unpacked, no .venv."""
    if not ARCHIVE.exists():
        pytest.skip(f"{ARCHIVE.relative_to(ROOT)} is missing: run `make dist`")
    folder = tmp_path_factory.mktemp("submit")
    for name in ("conf", "dist", "jobs"):
        (folder / name).symlink_to(ROOT / name)
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(folder / "environment", filter="tar")
    return folder
