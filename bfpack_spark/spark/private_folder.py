"""Folders for what is a session's own: settings, shuffle files, temporaries. Nobody else can enter
one, and one whose process was killed is removed by the next start.

A folder is held by a lock on it (flock), which ends with its process however that ends, so whoever
gets the lock may remove the folder. A name with a process id would not tell as much: in a container
that shares the disk the id means another process.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from bfpack_spark.errors import InputError

_PREFIX = "bfpack-session-"
_held: dict[str, int] = {}  # folders of this process, and the descriptor that holds each


def temporary_directory() -> str:
    """Where this machine's temporaries lie: TMPDIR where it is set. InputError if nothing can be
    written there, which Python would pass over, and take a disk that the user did not mean."""
    named = os.environ.get("TMPDIR")
    if named and not (Path(named).is_dir() and os.access(named, os.W_OK | os.X_OK)):
        what = "cannot be written to" if Path(named).is_dir() else "no such directory"
        raise InputError(f"TMPDIR {named}: {what}; make it, or name another")
    return str(Path(named or tempfile.gettempdir()).absolute())


def make_private_folder(parent: str) -> Path:
    """A new folder (mode 700) that is removed when this process ends, or after that by the next
    start; those that killed processes left in `parent` are removed now."""
    _remove_left(Path(parent))
    while True:
        try:
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        except OSError as error:
            raise InputError(
                f"{parent}: no temporary folder can be made there: {error.strerror}; name another "
                "by TMPDIR or spark.local.dir"
            ) from None
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        if _lock(descriptor, fcntl.LOCK_EX) and not _is_still(folder, descriptor):
            os.close(descriptor)  # another start was faster to lock it, and removed it
            continue
        if not _held:
            atexit.register(_remove_own, os.getpid())
        _held[str(folder)] = descriptor
        return folder


def _remove_left(parent: Path) -> None:
    """Remove this user's folders that no process holds."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # not a folder, not ours, or gone
        try:
            ours = os.fstat(descriptor).st_uid == os.getuid()
            if ours and _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def _lock(descriptor: int, how: int) -> bool:
    """False where another holds it, or the file system has no such locks."""
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True


def _is_still(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove_own(process: int) -> None:
    if os.getpid() == process:  # a fork has the list too
        for folder in _held:
            shutil.rmtree(folder, ignore_errors=True)
