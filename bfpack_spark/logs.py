"""What is said while it runs: lines for people on a terminal, else a JSON object a line.

Every JSON line has time, level and message, and the bucket where there is one; the line that ends a
stage also has stage, version, seconds and the counts of its manifest.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, TextIO

from bfpack_spark.printable import json_text, lines, one_line

_about: ContextVar[dict[str, Any]] = ContextVar("about")


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Fields that every JSON line bears which is logged inside."""
    token = _about.set({**_about.get({}), **fields})
    try:
        yield
    finally:
        _about.reset(token)


def facts(**fields: Any) -> dict[str, Any]:
    """The `extra` of a log call: fields of its JSON line."""
    return {"facts": fields}


def say_done_before(what: str, version: str, **fields: Any) -> None:
    """Log that there is nothing to do, because this version is complete."""
    told = facts(version=version, done_before=True, **fields)
    message = "%s: nothing to do, %s is complete"
    logging.getLogger("bfpack").info(message, what, version, extra=told)


def handler_for(stream: TextIO) -> logging.Handler:
    """Writes to the stream, by its kind."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(_is_not_py4js)
    handler.setFormatter(Lines("bfpack: %(message)s") if stream.isatty() else JsonLines())
    return handler


def _is_not_py4js(record: logging.LogRecord) -> bool:
    """py4j logs a traceback, by the root's logger, for every call of a JVM that is gone; that is
    said once, where the run ends."""
    return "py4j" not in PurePath(record.pathname).parts


class Lines(logging.Formatter):
    """A record as one line, or, of an error that Spark or a traceback tells, several."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return lines(text) if record.levelno >= logging.ERROR else one_line(text)


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **_about.get({}),
            **getattr(record, "facts", {}),
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json_text(said, default=str)
