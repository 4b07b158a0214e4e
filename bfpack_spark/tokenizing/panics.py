"""Rust panics, which are no `Exception`, as errors that say what happened in one line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bfpack_spark.errors import JobError


def said(error: BaseException) -> str:
    """Return what a library says about a file or a text that it cannot take, on one line. Raises
    the error again if it only asks this process to stop."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    return " ".join(str(error).split())[:300]


@contextmanager
def file_fails(engine: str) -> Iterator[None]:
    """Raise ValueError in place of what an engine raises that cannot load a tokenizer's file."""
    try:
        yield
    except BaseException as error:
        raise ValueError(f"{engine} cannot load it: {said(error)}") from None


@contextmanager
def text_fails(engine: str) -> Iterator[None]:
    """Raise JobError in place of what a fast engine raises that fails on a text."""
    try:
        yield
    except BaseException as error:
        why = f"{engine} fails on a text ({said(error)})"
        raise JobError(f"{why}; use --engine tokenizers") from None


@contextmanager
def silenced() -> Iterator[None]:
    """Keep what Rust prints meanwhile off stderr, such as a panic's backtrace of fifty lines."""
    try:
        stderr = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(nowhere)
        os.close(stderr)
