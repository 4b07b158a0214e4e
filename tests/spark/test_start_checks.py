"""What a machine lacks is said in one line before a JVM is started."""

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyspark
import pytest
from conftest import ROOT, Corpus, pack_options, run_process

from bfpack_spark.errors import InputError
from bfpack_spark.spark.private_folder import make_private_folder, temporary_directory
from bfpack_spark.spark.settings_file import environment, settings_file, umask
from bfpack_spark.spark.start_checks import check_start

LOCAL = {"spark.master": "local[2]"}


@pytest.fixture(autouse=True)
def fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing is wrong."""
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.delenv("SPARK_HOME", raising=False)
    check_start(LOCAL)


def refusal(settings: dict[str, str] = LOCAL, java_places: Sequence[str] = ()) -> str:
    with pytest.raises(InputError) as raised:
        check_start(settings, java_places)
    said = str(raised.value)
    assert "\n" not in said
    return said


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_no_java_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal() == (
        "no Java: JAVA_HOME is not set and PATH has no java; Spark needs Java 17 or newer; "
        "install one and set JAVA_HOME to it"
    )


def test_a_java_that_is_not_on_the_path_is_found_in_the_usual_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    homes = {version: tmp_path / f"java-{version}" for version in (8, 17)}
    for version, home in homes.items():
        executable(home / "bin" / "java", f"echo 'version \"{version}.0\"' >&2")
    monkeypatch.setenv("JAVA_HOME", str(homes[8]))
    assert "is Java 8; Spark needs" in refusal(java_places=[f"{tmp_path}/*"])  # as it was named
    monkeypatch.delenv("JAVA_HOME")
    assert refusal(java_places=[f"{tmp_path}/java-8"]).startswith("no Java")
    check_start(LOCAL, [f"{tmp_path}/*"])
    assert os.environ["JAVA_HOME"] == str(homes[17])


def test_a_java_home_without_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert refusal().startswith(f"JAVA_HOME {tmp_path}: holds no bin/java; Spark needs Java 17")


@pytest.mark.parametrize("told", ["by its release file", "when asked"])
def test_a_java_that_is_too_old(told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    java = executable(tmp_path / "bin" / "java", "echo 'openjdk version \"11.0.2\"' >&2")
    if told == "by its release file":
        (tmp_path / "release").write_text('IMPLEMENTOR="X"\nJAVA_VERSION="1.8.0_292"\n')
    old = {"by its release file": 8, "when asked": 11}[told]
    assert refusal().startswith(f"JAVA_HOME: {java} is Java {old}; Spark needs Java 17 or newer")


def test_a_spark_home_without_spark_or_of_another_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    assert refusal().startswith(f"SPARK_HOME {tmp_path}: holds no Spark; unset it")
    executable(tmp_path / "bin" / "spark-submit", "")
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark-core_2.13-3.5.1.jar").touch()
    said = f"holds spark-core_2.13-3.5.1.jar, and pyspark is {pyspark.__version__}; unset it"
    assert said in refusal()


@pytest.mark.parametrize("master", ["foo://here", "locale", "local[many]", "spark:", ""])
def test_a_kind_of_master_that_there_is_not(master: str) -> None:
    said = f"spark.master {master}: no such kind of master; write local[*], spark://HOST:PORT"
    assert refusal({"spark.master": master}).startswith(said)


@pytest.mark.parametrize(
    "master", ["local", "local[*]", "local[ 4 ]", "local[2,3]", "local-cluster[2,1,1024]", "yarn"]
)
def test_other_masters_are_taken(master: str) -> None:
    check_start({"spark.master": master})


@pytest.fixture
def port() -> Iterator[int]:
    """At which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_master_that_nobody_answers_for_is_not_waited_for(port: int) -> None:
    alive = f"127.0.0.1:{port}"
    check_start({"spark.master": f"spark://127.0.0.1:1,{alive}"})
    for address in ("127.0.0.1:1", "127.0.0.1", "127.0.0.1:99999", "no-such-host.invalid:7077"):
        said = refusal({"spark.master": f"spark://{address}"})
        assert said.startswith(f"spark.master spark://{address}: nobody answers there (")
        assert said.endswith("); start the master, or correct the address")


def test_a_python_of_the_workers_that_lacks_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    run_process(sys.executable, "-m", "venv", "--without-pip", bare).succeeds()
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PYSPARK_PYTHON", str(bare / "bin" / "python"))
    assert refusal() == (
        f"PYSPARK_PYTHON {bare}/bin/python: lacks bfpack_spark, numpy, pandas, pyarrow, "
        "tokenizers; unset PYSPARK_PYTHON, or name a Python with bfpack_spark installed"
    )


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 3 8", rf"is Python 3\.8, and this one is 3\.{sys.version_info[1]}; unset"),
        ("exit 3", r"is Python \?\.\?, and this"),
        (None, "No such file or directory; unset PYSPARK_PYTHON"),
    ],
)
def test_a_python_of_the_workers_that_is_another_or_none(
    script: str | None, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    if script is not None:
        executable(python, script)
    monkeypatch.setenv("PYSPARK_PYTHON", str(python))
    assert re.match(rf"PYSPARK_PYTHON {re.escape(str(python))}: {says}", refusal())


def test_a_user_id_without_a_name_or_home(corpus: Corpus, tmp_path: Path) -> None:
    alone = ["unshare", "--user", "--map-user=54321"]
    if shutil.which("unshare") is None or run_process(*alone, "true").code:
        pytest.skip("no process can be made whose user id has no name")
    options = [*pack_options(corpus, tmp_path / "output"), "--seq-len", 512]
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    command = (*alone, Path(sys.executable).parent / "bfpack", "pack", *options)
    ran = run_process(*command, env={**environment, "PYTHONPATH": str(ROOT)})
    assert ran.code == 2
    said = "bfpack: error: user id 54321: has no name on this machine, and Spark needs one "
    assert ran.err.startswith(said)
    assert ran.err.count("\n") == 1


def test_a_tmpdir_where_nothing_can_be_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    with pytest.raises(InputError, match="gone: no such directory; make it, or name another"):
        temporary_directory()
    with pytest.raises(InputError, match="no temporary folder can be made there: No such file"):
        make_private_folder(str(tmp_path / "gone"))


def test_a_start_leaves_environment_and_umask_as_they_were(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("A", "1")
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
    before = dict(os.environ)
    with (
        umask(0o022),
        environment({"A": "2", "B": "3"}),
        umask(0o077),
        settings_file({"spark.x": "y"}, tmp_path),
    ):
        assert (os.environ["A"], os.environ["B"]) == ("2", "3")
        assert (tmp_path / "spark.properties").stat().st_mode & 0o777 == 0o600
    assert dict(os.environ) == before
    assert not list(tmp_path.iterdir())
