"""Build dist/: the project's wheel, and environment.tar.gz for a cluster that has just Spark.

The archive holds a Python, the packages of conf/workers.lock with their hashes checked, and the
wheel; Spark itself (pyspark, py4j) is the cluster's. It runs wherever it is unpacked, on machines
of this one's kind: bin/python tells Python where it is. Costs a minute and about 400 MB in build/.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD, DIST = ROOT / "build" / "environment", ROOT / "dist"

# What no worker imports, and what belongs to this machine.
NOT_COPIED = ("site-packages", "dist-packages", "__pycache__", "config-*", "*.a")
NOT_NEEDED = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3")

LAUNCHER = """\
#!/bin/sh
# Python with the packages of this folder, wherever it was unpacked.
home=$(cd "$(dirname "$0")/.." && pwd)
export LD_LIBRARY_PATH="$home/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PYTHONPATH="$home/packages${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONNOUSERSITE=1
unset PYTHONHOME
exec "$home/bin/EXECUTABLE" "$@"
"""


def main() -> None:
    """Make both files anew."""
    shutil.rmtree(BUILD, ignore_errors=True)
    wheel = build_wheel()
    copy_python()
    install("--require-hashes", "--requirement", ROOT / "conf" / "workers.lock")
    install(wheel)
    archive = DIST / "environment.tar.gz"
    unfinished = archive.with_suffix(".tmp")
    with tarfile.open(unfinished, "w:gz", compresslevel=1) as tar:
        tar.add(BUILD, arcname=".")
    unfinished.replace(archive)
    for made in (wheel, archive):
        print(f"{made.relative_to(ROOT)}: {made.stat().st_size >> 10:,} kB", file=sys.stderr)


def build_wheel() -> Path:
    DIST.mkdir(exist_ok=True)
    for old in DIST.glob("*.whl"):
        old.unlink()
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", DIST)
    (wheel,) = DIST.glob("*.whl")
    return wheel


def copy_python() -> None:
    """The interpreter that .venv was made of, its standard library and, where there is one, its
    shared library: Python finds them from the place of its executable."""
    executable = Path(sys.executable).resolve()
    (BUILD / "bin").mkdir(parents=True)
    shutil.copy2(executable, BUILD / "bin" / executable.name)
    library = Path(sysconfig.get_path("stdlib"))
    target = BUILD / library.relative_to(sys.base_prefix)
    ignored = shutil.ignore_patterns(*NOT_COPIED, *NOT_NEEDED)
    shutil.copytree(library, target, ignore=ignored, symlinks=True)
    shared = Path(*map(sysconfig.get_config_var, ("LIBDIR", "INSTSONAME")))
    if shared.suffix != ".a" and shared.exists():
        shutil.copy2(shared, BUILD / "lib" / shared.name)
    launcher = BUILD / "bin" / "python"
    launcher.write_text(LAUNCHER.replace("EXECUTABLE", executable.name))
    launcher.chmod(0o755)


def install(*what: object) -> None:
    where = ("--python", sys.executable, "--target", BUILD / "packages", "--link-mode", "copy")
    path = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])
    run(shutil.which("uv", path=path), "pip", "install", "-q", "--no-deps", *where, *what)


def run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"make_dist: failed: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main()
