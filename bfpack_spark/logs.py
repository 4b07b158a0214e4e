"""What is logged during a run: lines for people on a terminal, or else one JSON object per line.

Every JSON line has time, level and message, and the bucket if there is one. The line that ends a
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

log = logging.getLogger("bfpack")

_about: ContextVar[dict[str, Any]] = ContextVar("about")
_one_of_several: ContextVar[str | None] = ContextVar("one_of_several", default=None)


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Give these fields to every JSON line that is logged inside."""
    token = _about.set({**_about.get({}), **fields})
    try:
        yield
    finally:
        _about.reset(token)


@contextmanager
def one_of_several(bucket: str) -> Iterator[None]:
    """Name the bucket in every line that is logged inside: lines for people begin with it."""
    token = _one_of_several.set(bucket)
    try:
        with about(bucket=bucket):
            yield
    finally:
        _one_of_several.reset(token)


def facts(**fields: Any) -> dict[str, Any]:
    """Return the `extra` of a log call, which holds fields of its JSON line."""
    return {"facts": fields}


def say_done_before(what: str, version: str, **fields: Any) -> None:
    """Log that there is nothing to do, because this version is complete."""
    told = facts(version=version, done_before=True, **fields)
    log.info("%s: nothing to do, %s is complete", what, version, extra=told)


def handler_for(stream: TextIO) -> logging.Handler:
    """Return a handler that writes to the stream: lines for a terminal, JSON otherwise."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(_is_not_py4js)
    handler.setFormatter(Lines() if stream.isatty() else JsonLines())
    return handler


def _is_not_py4js(record: logging.LogRecord) -> bool:
    """Tell whether a record is not from py4j, which logs a traceback, by the root logger, for every
    call to a JVM that is gone. That is said once, where the run ends."""
    return "py4j" not in PurePath(record.pathname).parts


class Lines(logging.Formatter):
    """A formatter that makes one line of a record, or several lines of an error that holds what
    Spark or a traceback says. A line of one bucket of several begins with the bucket."""

    def __init__(self) -> None:
        super().__init__("bfpack: %(bucket)s%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        bucket = _one_of_several.get()
        record.bucket = "" if bucket is None else f"{bucket}: "
        text = super().format(record)
        return lines(text) if record.levelno >= logging.ERROR else one_line(text)


class JsonLines(logging.Formatter):
    """A formatter that makes one line of JSON of a record."""

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
