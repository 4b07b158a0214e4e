"""One run at a time in a bucket: the lock OUTPUT/BUCKET/_lock, which a dead owner does not keep.

On a local disk the lock is taken by flock, and ends with its owner's process. On an object store it
is a lease. The object is created if there is none, and is written anew every quarter of its 60 s if
it is still ours. If the answer to a write was lost, the owner's name in the object tells whether
the write was done.

A lease that seems not to have been renewed for 60 s is watched for 60 s more. If it is the same
object then, its owner has given it up, and it is replaced on condition that it is still the same
object at that moment. So clocks that differ may delay a takeover, but never make two owners.

On HDFS the name node has leases of its own (hdfs_lock.py).
"""

import errno
import fcntl
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import obstore
import pyarrow.fs as pafs
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PreconditionError,
)
from obstore.store import ObjectStore

from bfpack_spark.errors import InputError, JobError
from bfpack_spark.files import access, confined, own_files
from bfpack_spark.files.bucket_names import folder_of
from bfpack_spark.files.confined import link_error
from bfpack_spark.files.hdfs import client_of
from bfpack_spark.files.hdfs_lock import hold_open_file
from bfpack_spark.files.holders import HOLDER_MAX, Lock, busy_error, this_process
from bfpack_spark.files.links import refuse_links
from bfpack_spark.files.object_store import object_store, storage_error
from bfpack_spark.files.untrusted import check_regular

LEASE_SECONDS = 60.0
_TRIES = 100  # to make a folder that other runs remove at the same time


def hold_bucket(output: str, bucket: str) -> AbstractContextManager[Lock]:
    """Hold the bucket's lock. Raises BusyError, which names the holder, if another run has it."""
    fs, inner = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        return hold_file(inner, bucket)
    if (client := client_of(fs)) is not None:
        return hold_open_file(client, f"{inner}/{folder_of(bucket)}", bucket)
    store, key = object_store(f"{output.rstrip('/')}/{folder_of(bucket)}")
    return hold_lease(store, f"{key}/_lock", bucket)


# Local disks


class _FileLock:
    def check(self) -> None:
        """Do nothing: flock lasts as long as the process that holds it."""


@contextmanager
def hold_file(output: str, bucket: str) -> Iterator[Lock]:
    """Hold flock on BUCKET/_lock below a local output. Folders that are empty in the end, and did
    not exist before, are removed."""
    refuse_links(output, bucket)
    output_was_there = Path(output).exists()
    folder = folder_of(bucket)
    bucket_was_there = folder in own_files.kinds_in(output, "")
    stream = _locked(output, bucket)
    try:
        stream.truncate(0)
        stream.write(json.dumps(this_process()).encode())
        stream.flush()
        yield _FileLock()
    finally:
        # This comes before the lock is let go: whoever waits for it looks again.
        confined.unlink(output, f"{folder}/_lock")
        if not bucket_was_there:
            confined.remove_empty(output, folder)
        if not output_was_there:
            with suppress(OSError):
                Path(output).rmdir()
        stream.close()


def _locked(output: str, bucket: str) -> IO[bytes]:
    path = Path(output) / folder_of(bucket) / "_lock"
    missing = 0  # tries that found no folder
    while True:
        try:
            with confined.made(output, folder_of(bucket)) as folder:
                stream = _opened(folder, str(path))
        except FileNotFoundError as error:  # the run that made its folder has removed it
            missing += 1
            if missing < _TRIES:
                continue
            why = error.strerror
            raise InputError(
                f"--output {output}: cannot be made ({why}); name another directory"
            ) from None
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with stream:
                stream.seek(0)
                raise busy_error(bucket, stream.read(HOLDER_MAX)) from None
        if _is_at(stream, path):
            return stream
        stream.close()


def _opened(folder: int, path: str) -> IO[bytes]:
    """Open the lock's file, and make it if it does not exist. Raises InputError if it is a link or
    a pipe."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        stream = os.fdopen(os.open("_lock", flags, 0o666, dir_fd=folder), "r+b", buffering=0)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise link_error(path) from None
    try:
        facts = os.fstat(stream.fileno())
        check_regular(path, facts.st_mode)
        if facts.st_nlink > 1:
            raise InputError(f"{path}: is a file with another name, too; remove this one")
    except InputError:
        stream.close()
        raise
    return stream


def _is_at(stream: IO[bytes], path: Path) -> bool:
    """Tell whether the locked file still has this name. It may have been removed before we locked
    it."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.lstat())
    except FileNotFoundError:
        return False


# Object stores


@contextmanager
def hold_lease(
    store: ObjectStore,
    key: str,
    bucket: str,
    *,
    seconds: float = LEASE_SECONDS,
    now: Callable[[], float] = time.time,
    wait: Callable[[float], Any] = time.sleep,
) -> Iterator["Lease"]:
    """Hold a lease on the object `key`, which a thread renews. `now` and `wait` are the clock's
    functions."""
    lease = Lease(store, key, seconds)
    try:
        _take(lease, bucket, now, wait)
    except BaseError as error:
        raise storage_error(error) from None
    renewer = threading.Thread(target=lease.keep, daemon=True, name=f"lease of {bucket}")
    renewer.start()
    try:
        yield lease
    finally:
        lease.ended.set()
        renewer.join()
        lease.release()


class Lease:
    """An object that is ours as long as its tag is the one that our last write gave it."""

    def __init__(self, store: ObjectStore, key: str, seconds: float) -> None:
        self._store, self._key, self.seconds = store, key, seconds
        self._content = {**this_process(), "owner": uuid.uuid4().hex, "renewals": 0}
        self._tag: dict[str, str] | None = None
        self._renewed_at = _seconds()
        self.ended = threading.Event()

    def claim(self, condition: Any) -> bool:
        """Write the object on a condition, and return whether it is ours now. A write whose answer
        was lost may have been done; if it is sent again, it fails on its own result. So after a
        failure the object is read."""
        try:
            self.take(condition)
        except (AlreadyExistsError, PreconditionError):
            self._look_again()
        except BaseError:
            self._look_again()
            if self._tag is None:
                raise
        return self._tag is not None

    def take(self, condition: Any) -> None:
        """Write the object on condition that there is none ("create") or that it has this tag."""
        began = _seconds()
        raw = json.dumps(self._content).encode()
        self._tag = _tag(obstore.put(self._store, self._key, raw, mode=condition))
        self._renewed_at = began

    def read(self) -> tuple[bytes, dict[str, str], float]:
        """Return its bytes, its tag, and the time of its last write (in seconds of the store's
        clock)."""
        found = obstore.get(self._store, self._key)
        meta = found.meta
        return bytes(found.bytes()), _tag(meta), meta["last_modified"].timestamp()

    def renew(self) -> None:
        """Write the object anew, on condition that it is still ours."""
        self._content["renewals"] += 1  # so that an ETag that is a hash changes too
        try:
            self.take(self._tag)
        except (PreconditionError, FileNotFoundError):
            self._look_again()

    def _look_again(self) -> None:
        """Read the object to find out whether it is ours: a write that was answered too late and
        sent again meets its own result."""
        try:
            raw, tag, _ = self.read()
        except FileNotFoundError:
            raw, tag = b"", {}
        self._tag = tag if _owner(raw) == self._content["owner"] else None

    def keep(self) -> None:
        """Renew the lease until it has ended or is lost. A store that cannot be reached may come
        back."""
        while self._tag is not None and not self.ended.wait(self.seconds / 4):
            with suppress(BaseError, OSError):
                self.renew()

    def check(self) -> None:
        """Raise JobError if the lease has lapsed, or if the object is not ours any more."""
        with suppress(BaseError):  # what cannot be looked at is judged by the time alone
            self._look_again()
        if self._tag is None or _seconds() - self._renewed_at > self.seconds:
            raise JobError(
                f"{self._key}: lost, since it could not be renewed for {self.seconds:g} s; "
                "another run may hold the bucket now; run this again"
            )

    def release(self) -> None:
        """Remove the object if it is ours. If it cannot be removed, the lease lapses."""
        with suppress(JobError, BaseError, FileNotFoundError):
            self.check()
            obstore.delete(self._store, self._key)


def _take(
    lease: Lease, bucket: str, now: Callable[[], float], wait: Callable[[float], Any]
) -> None:
    if lease.claim("create"):
        return
    try:
        raw, tag, written = lease.read()
        if now() - written <= lease.seconds:
            raise busy_error(bucket, raw)
        wait(lease.seconds)
        if not lease.claim(tag):  # its owner is alive, or another run took it over
            raise busy_error(bucket, raw)
    except FileNotFoundError:  # it was let go at this moment
        raise busy_error(bucket, b"") from None


def _seconds() -> float:
    """Return a clock that goes on while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def _owner(raw: bytes) -> str | None:
    """Return who wrote a lease, or None if nobody did, or it cannot be read."""
    try:
        return str(json.loads(raw)["owner"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _tag(meta: Any) -> dict[str, str]:
    return {name: meta[name] for name in ("e_tag", "version") if meta.get(name) is not None}
