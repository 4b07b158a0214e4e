"""Settings for a JVM that is about to start, in a file. As options they would stand in its argv,
which every user of the machine can read, and some of them are secrets."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def settings_file(settings: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Give these settings to a session that is started inside. The file lies in a folder that only
    its owner can enter, and it is removed at the end."""
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
    """Give these values to processes that are started inside, and put the environment back."""
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
    """Give this umask to processes that are started inside, and to files that are made there."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _line(setting: tuple[str, str]) -> str:
    """Return a setting in the format of java.util.Properties."""
    key, value = (re.sub(r"([\\:=#! ])", r"\\\1", part) for part in setting)
    return f"{key}={value}\n".replace("\n", "\\n", value.count("\n"))
