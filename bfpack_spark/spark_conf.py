"""Settings for a JVM that is about to start, by a file: as options they would stand in its argv,
which every user of the machine can read, and some of them are secrets."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def settings_file(settings: Mapping[str, str]) -> Iterator[None]:
    """A session that is started inside has these settings; the file is gone afterwards."""
    before = os.environ.get("PYSPARK_SUBMIT_ARGS")
    with tempfile.TemporaryDirectory(prefix="bfpack-") as folder:  # which only its owner can enter
        path = Path(folder) / "spark.properties"
        path.write_text("".join(map(_line, settings.items())), encoding="utf-8")
        os.environ["PYSPARK_SUBMIT_ARGS"] = f"--properties-file {path} {before or 'pyspark-shell'}"
        try:
            yield
        finally:
            os.environ.pop("PYSPARK_SUBMIT_ARGS")
            if before is not None:
                os.environ["PYSPARK_SUBMIT_ARGS"] = before


def _line(setting: tuple[str, str]) -> str:
    """In the format of java.util.Properties."""
    key, value = (re.sub(r"([\\:=#! ])", r"\\\1", part) for part in setting)
    return f"{key}={value}\n".replace("\n", "\\n", value.count("\n"))
