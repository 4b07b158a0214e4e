"""Folders for what belongs to one session: settings, shuffle files, temporary files. No other user
can enter one. If its process was killed, the next start removes it.

A process holds a folder by a lock on it (flock), which ends with the process in any case, so
whoever gets the lock may remove the folder. A process id in its name would not do: in a container
that shares the disk, the same id means another process.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from bfpack_spark.errors import InputError

_PREFIX = "bfpack-session-"
_held: dict[str, int] = {}  # folder of this process -> the descriptor that holds it


def temporary_directory() -> str:
    """Return where the temporary files of this machine lie: TMPDIR, if it is set. Raise InputError
    if nothing can be written there. Python would pass over it, and take a disk that the user did
    not mean."""
    named = os.environ.get("TMPDIR")
    if named and not (Path(named).is_dir() and os.access(named, os.W_OK | os.X_OK)):
        what = "cannot be written to" if Path(named).is_dir() else "no such directory"
        raise InputError(f"TMPDIR {named}: {what}; make it, or name another")
    return str(Path(named or tempfile.gettempdir()).absolute())


def make_private_folder(parent: str) -> Path:
    """Return a new folder (mode 700). It is removed when this process ends, or otherwise by the
    next start. The folders that killed processes left in `parent` are removed first. Raise
    InputError if no folder can be made."""
    _remove_left(Path(parent))
    while True:
        try:
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        except OSError as error:
            raise InputError(
                f"{parent}: no temporary folder can be made there: {error.strerror}; name another "
                "by TMPDIR or spark.local.dir"
            ) from None
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # another start has removed it already
        if _lock(descriptor, fcntl.LOCK_EX) and not _is_still(folder, descriptor):
            os.close(descriptor)  # another start was faster to lock it, and removed it
            continue
        if not _held:
            atexit.register(_remove_own, os.getpid())
        _held[str(folder)] = descriptor
        return folder


def _remove_left(parent: Path) -> None:
    """Remove the folders of this user that no process holds."""
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
    """Return whether the lock was taken: nobody else holds it, and the file system has locks."""
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
    if os.getpid() == process:  # a forked process has the list, too
        for folder in _held:
            shutil.rmtree(folder, ignore_errors=True)
