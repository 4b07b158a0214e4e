"""The lock of a bucket on HDFS: the file BUCKET/_lock, held open for writing.

The name node lets one client write to a file, and forgets a client that it has not heard of for 60
s by its own clock; the client tells it that it is alive. So whoever opens the file has the lock,
and a dead owner loses it. What is written to an open file cannot be read yet, so who the owner is
lies beside it in BUCKET/_lock_holder.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hdfs_native import Client, FileWriter, WriteOptions

from bfpack_spark.errors import JobError
from bfpack_spark.files.hdfs import as_os_errors
from bfpack_spark.files.holders import HOLDER_MAX, Lock, busy_error, this_process

_TRIES = 30  # of a second each: the name node takes some seconds to close a dead owner's file
_CLOSING = "RecoveryInProgressException"


@contextmanager
def hold_open_file(
    client: Client, folder: str, bucket: str, *, wait: Callable[[float], Any] = time.sleep
) -> Iterator[Lock]:
    """Hold FOLDER/_lock open. Raises BusyError, which names the holder, if another run does. The
    folder is removed in the end if it is empty and did not exist before. `wait` is the clock's
    function."""
    path, holder = f"{folder}/_lock", f"{folder}/_lock_holder"
    with as_os_errors():
        folder_was_there = _is_there(client, folder)
        stream = _opened(client, path, wait)
    if stream is None:
        raise busy_error(bucket, _read(client, holder))
    lock = _OpenFile(stream, path)
    try:
        lock.check()
        with as_os_errors(), client.create(holder, WriteOptions(overwrite=True)) as told:
            told.write(json.dumps(this_process()).encode())
        yield lock
    finally:
        with suppress(JobError, OSError, RuntimeError):
            lock.check()
            client.delete(holder)
            client.delete(path)
        with suppress(OSError, RuntimeError):  # the file is gone
            stream.close()
        if not folder_was_there:
            with suppress(OSError, RuntimeError):  # it is not empty
                client.delete(folder)


class _OpenFile:
    def __init__(self, stream: FileWriter, path: str) -> None:
        self._stream, self._path = stream, path

    def check(self) -> None:
        """Ask the name node, which refuses a client that has lost the file."""
        try:
            self._stream.hsync()
        except (OSError, RuntimeError) as error:
            why = str(error).partition("\n")[0]
            raise JobError(
                f"{self._path}: lost ({why}); another run may hold the bucket now; run this again"
            ) from None


def _opened(client: Client, path: str, wait: Callable[[float], Any]) -> FileWriter | None:
    """Return the open file, or None if another client has it open, or let it go at this moment."""
    for _ in range(_TRIES):
        try:
            return client.create(path, WriteOptions(overwrite=False, create_parent=True))
        except FileExistsError:
            pass
        except RuntimeError as error:
            _check_is_closing(error)
        try:
            return client.append(path)
        except (FileExistsError, FileNotFoundError):
            return None
        except RuntimeError as error:
            _check_is_closing(error)
        wait(1)
    return None


def _check_is_closing(error: RuntimeError) -> None:
    if _CLOSING not in str(error):
        raise error


def _is_there(client: Client, path: str) -> bool:
    try:
        client.get_file_info(path)
    except FileNotFoundError:
        return False
    return True


def _read(client: Client, path: str) -> bytes:
    try:
        return client.read(path).read(HOLDER_MAX)
    except (OSError, RuntimeError):
        return b""
