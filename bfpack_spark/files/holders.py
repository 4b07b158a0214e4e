"""What every kind of lock has: a check, and who holds it."""

import json
import os
import socket
from datetime import UTC, datetime
from typing import Any, Protocol

from bfpack_spark.errors import BusyError

HOLDER_MAX = 1 << 12  # most bytes of what a holder says about itself


class Lock(Protocol):
    """A lock that is held."""

    def check(self) -> None:
        """Raise JobError if it is no longer ours. Call it before anything that cannot be undone."""


def this_process() -> dict[str, Any]:
    """Return what a holder says about itself."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": since}


def busy_error(bucket: str, raw: bytes) -> BusyError:
    """Return the error for a bucket that another run holds, which said this about itself."""
    try:
        held = json.loads(raw)
        holder = f"pid {held['pid']} on {held['host']} since {held['since']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        holder = "not yet named"  # it has not yet said who it is
    return BusyError(
        f"--bucket {bucket}: another run holds it ({holder}); run this again when it has ended"
    )
