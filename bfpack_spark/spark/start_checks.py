"""What a session needs of the machine, checked before a JVM starts. Java or Spark would report it
late, in many lines, or as another problem."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyspark

from bfpack_spark.errors import InputError

_JAVA_MIN = 17
# Where package managers put a Java that they do not put on PATH, as scripts/find_java.sh has them.
_JAVA_PLACES = ("/usr/lib/jvm/*", "/opt/homebrew/opt/openjdk*", "/usr/local/opt/openjdk*")
_CONNECT_SECONDS = 10
_MASTERS = re.compile(
    r"local|local\[\s*(\d+|\*)\s*(,\s*\d+\s*)?\]|local-cluster\[[\d\s,]+\]|yarn|k8s://.+|spark://.+"
)
_LOOK = """
import importlib.util, sys
missing = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
print(*sys.version_info[:2], *missing)
"""
_NEEDED = ("bfpack_spark", "numpy", "pandas", "pyarrow", "tokenizers")


def check_start(settings: Mapping[str, str], java_places: Sequence[str] = _JAVA_PLACES) -> None:
    """Raise InputError, which names the cause and the remedy, if a session with these settings
    cannot start. Set JAVA_HOME if Java is only in one of the usual places."""
    _check_user()
    _check_spark_home()
    _find_java(java_places)
    _check_master(settings["spark.master"])
    if is_local(settings["spark.master"]):
        _check_python(os.environ["PYSPARK_PYTHON"])


def is_local(master: str) -> bool:
    """Return whether the workers run on this machine."""
    return master.startswith("local")


def _check_user() -> None:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        uid = os.getuid()
        raise InputError(
            f"user id {uid}: has no name on this machine, and Spark needs one to start; run as a "
            f"user with a name, or add a line to /etc/passwd (bfpack:x:{uid}:{os.getgid()}::"
            "/tmp:/bin/sh), or take nss_wrapper"
        ) from None


def _check_spark_home() -> None:
    home = os.environ.get("SPARK_HOME")
    if home is None:
        return
    jars = [path.name for path in Path(home, "jars").glob("spark-core_*.jar")]
    if not jars or not Path(home, "bin", "spark-submit").is_file():
        raise InputError(
            f"SPARK_HOME {home}: holds no Spark; unset it, and the one that pyspark brings is taken"
        )
    wanted = pyspark.__version__
    if not any(f"-{wanted.rpartition('.')[0]}." in name for name in jars):
        raise InputError(
            f"SPARK_HOME {home}: holds {', '.join(jars)}, and pyspark is {wanted}; unset it, or "
            "name a Spark of this version"
        )


def _find_java(places: Sequence[str]) -> None:
    """Set JAVA_HOME if it is not set and PATH has no Java that is new enough, but one of `places`
    (patterns of homes) has. Raise InputError if there is no Java, or only an old one."""
    home = os.environ.get("JAVA_HOME")
    fault = _fault_of(Path(home), "JAVA_HOME") if home else _fault_of_path()
    if fault is None:
        return
    usual = () if home else (p for place in places for p in sorted(Path("/").glob(place[1:])))
    new = next((path for path in usual if _fault_of(path, "") is None), None)
    if new is None:
        needed = f"Spark needs Java {_JAVA_MIN} or newer; install one and set JAVA_HOME to it"
        raise InputError(f"{fault}; {needed}")
    os.environ["JAVA_HOME"] = str(new)


def _fault_of_path() -> str | None:
    java = shutil.which("java")
    if java is None:
        return "no Java: JAVA_HOME is not set and PATH has no java"
    return _too_old(Path(java), "PATH")


def _fault_of(home: Path, name: str) -> str | None:
    """Return what is wrong with a home of Java, or None."""
    java = home / "bin" / "java"
    if not os.access(java, os.X_OK) or not java.is_file():
        return f"{name} {home}: holds no bin/java"
    return _too_old(java, name)


def _too_old(java: Path, name: str) -> str | None:
    version = _java_version(java)
    old = version is not None and version < _JAVA_MIN
    return f"{name}: {java} is Java {version}" if old else None


def _java_version(java: Path) -> int | None:
    """Return the version in the `release` file of this Java, or the one that `java -version`
    prints. Return None if neither tells it."""
    try:
        told = (java.resolve().parent.parent / "release").read_text(errors="replace")
        found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', told, re.MULTILINE)
    except OSError:
        asked = [str(java), "-version"]
        ran = subprocess.run(asked, capture_output=True, text=True, errors="replace", check=False)
        found = re.search(r'version "(?:1\.)?(\d+)', ran.stderr)
    return int(found[1]) if found else None


def _check_master(master: str) -> None:
    if not _MASTERS.fullmatch(master):
        raise InputError(
            f"spark.master {master}: no such kind of master; write local[*], spark://HOST:PORT, "
            "yarn or k8s://HOST:PORT"
        )
    if not master.startswith("spark://"):
        return
    faults = [_fault(address) for address in master.removeprefix("spark://").split(",")]
    if all(faults):
        raise InputError(
            f"spark.master {master}: nobody answers there ({faults[0]}); start the master, or "
            "correct the address"
        )


def _fault(address: str) -> str | None:
    """Return why nobody can be reached at an address, or None if somebody answers. Spark itself
    would try for a minute."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS):
            return None
    except (OSError, ValueError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)


def _check_python(python: str) -> None:
    """Raise InputError if the Python of the workers is another one than this, and lacks a package
    or has another version."""
    if shutil.which(python) == shutil.which(sys.executable):
        return
    remedy = "unset PYSPARK_PYTHON, or name a Python with bfpack_spark installed"
    try:
        ran = subprocess.run(
            [python, "-c", _LOOK, *_NEEDED],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )
    except OSError as error:
        raise InputError(f"PYSPARK_PYTHON {python}: {error.strerror}; {remedy}") from None
    major, minor, *missing = ran.stdout.split() if ran.returncode == 0 else ("?", "?")
    if (major, minor) != tuple(map(str, sys.version_info[:2])):
        raise InputError(
            f"PYSPARK_PYTHON {python}: is Python {major}.{minor}, and this one is "
            f"{sys.version_info[0]}.{sys.version_info[1]}; {remedy}"
        )
    if missing:
        raise InputError(f"PYSPARK_PYTHON {python}: lacks {', '.join(missing)}; {remedy}")
