"""A call that the driver leaves for the parent of the Python workers, such as one that loads the
engine of a tokenizer: all workers then have it, and its memory is that of one."""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CALL = "BFPACK_CALL"


def call_in(folder: Path) -> Path:
    """Return where in a session's private folder its call lies."""
    return folder / "call"


def leave_call(path: Path, call: Callable[[], object]) -> None:
    """Leave a call for the process that has this path in CALL, as Spark leaves its tasks. The file
    must lie in a folder that only its owner can enter."""
    path.write_bytes(pickle.dumps(call))


def make_call() -> None:
    """Make the call that was left, if one was. If it fails, a worker does the same by itself, and
    tells why it fails."""
    with suppress(Exception):
        pickle.loads(Path(os.environ[CALL]).read_bytes())()
