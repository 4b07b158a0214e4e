"""Settings for a JVM that is about to start, by a file: as options they would stand in its argv,
which every user of the machine can read, and some of them are secrets."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def settings_file(settings: Mapping[str, str], folder: Path) -> Iterator[None]:
    """A session that is started inside has these settings; the file, in a folder that only its
    owner can enter, is gone afterwards."""
    path = folder / "spark.properties"
    path.write_text("".join(map(_line, settings.items())), encoding="utf-8")
    before = os.environ.get("PYSPARK_SUBMIT_ARGS", "pyspark-shell")
    told = {"PYSPARK_SUBMIT_ARGS": f"--properties-file {shlex.quote(str(path))} {before}"}
    try:
        with environment(told):
            yield
    finally:
        path.unlink()


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Processes that are started inside have these values; afterwards all is as it was."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Processes that are started inside, and files that are made, have this umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _line(setting: tuple[str, str]) -> str:
    """In the format of java.util.Properties."""
    key, value = (re.sub(r"([\\:=#! ])", r"\\\1", part) for part in setting)
    return f"{key}={value}\n".replace("\n", "\\n", value.count("\n"))
