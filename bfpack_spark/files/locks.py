"""One run at a time in a bucket: the lock OUTPUT/BUCKET/_lock, which a dead owner does not keep.

On a local disk it is flock's, and goes with its owner's process. On an object store it is a lease:
the object is created if none is there, and written anew every quarter of its 60 s if it is still
ours; a write whose answer was lost is known again by its owner's name. One that seems not to have
been renewed for 60 s is watched for 30 s more; if it still is the same object, its owner is dead,
and it is replaced if it is the same even then. So clocks that differ may delay a takeover, and
never make two owners.
"""

import errno
import fcntl
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol

import obstore
import pyarrow.fs as pafs
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PreconditionError,
)
from obstore.store import ObjectStore

from bfpack_spark.errors import BusyError, InputError, JobError
from bfpack_spark.files import access, confined, own_files
from bfpack_spark.files.bucket_names import folder_of
from bfpack_spark.files.confined import link_error
from bfpack_spark.files.links import refuse_links
from bfpack_spark.files.object_store import object_store, storage_error
from bfpack_spark.files.untrusted import check_regular

LEASE_SECONDS = 60.0
_HOLDER_MAX = 1 << 12  # bytes of what a holder says of itself

log = logging.getLogger("bfpack")


class Lock(Protocol):
    """A lock that is held."""

    def check(self) -> None:
        """JobError if it is ours no longer: call it before what cannot be undone."""


def hold_bucket(output: str, bucket: str) -> AbstractContextManager[Lock]:
    """Hold the bucket's lock. BusyError, which names the holder, if another run has it."""
    fs, inner = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        return hold_file(inner, bucket)
    if isinstance(fs, pafs.HadoopFileSystem):
        log.warning("bucket %s: no lock is known for HDFS; start no second run of it", bucket)
        return nullcontext(_FileLock())
    store, key = object_store(f"{output.rstrip('/')}/{folder_of(bucket)}")
    return hold_lease(store, f"{key}/_lock", bucket)


def _myself() -> dict[str, Any]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": since}


def _busy(bucket: str, raw: bytes) -> BusyError:
    try:
        held = json.loads(raw)
        holder = f"pid {held['pid']} on {held['host']} since {held['since']}"
    except (ValueError, KeyError, TypeError):  # it has the lock and has not yet said who it is
        holder = "not yet named"
    return BusyError(
        f"--bucket {bucket}: another run holds it ({holder}); run this again when it has ended"
    )


# Local disks


class _FileLock:
    def check(self) -> None:
        """flock lasts as long as the process that holds it."""


@contextmanager
def hold_file(output: str, bucket: str) -> Iterator[Lock]:
    """flock on BUCKET/_lock below a local output; folders that are empty in the end, and were not
    there before, go."""
    refuse_links(output, bucket)
    output_was_there = Path(output).exists()
    folder = folder_of(bucket)
    bucket_was_there = folder in own_files.kinds_in(output, "")
    stream = _locked(output, bucket)
    try:
        stream.truncate(0)
        stream.write(json.dumps(_myself()).encode())
        stream.flush()
        yield _FileLock()
    finally:
        # Before it is let go: who waits looks again.
        confined.unlink(output, f"{folder}/_lock")
        if not bucket_was_there:
            confined.remove_empty(output, folder)
        if not output_was_there:
            with suppress(OSError):
                Path(output).rmdir()
        stream.close()


def _locked(output: str, bucket: str) -> IO[bytes]:
    path = Path(output) / folder_of(bucket) / "_lock"
    while True:
        try:
            with confined.made(output, folder_of(bucket)) as folder:
                stream = _opened(folder, str(path))
        except FileNotFoundError:  # its folder went, with the run that made it
            continue
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with stream:
                stream.seek(0)
                raise _busy(bucket, stream.read(_HOLDER_MAX)) from None
        if _is_at(stream, path):
            return stream
        stream.close()


def _opened(folder: int, path: str) -> IO[bytes]:
    """The lock's file, which is made where it is not there. InputError if a link is, or a pipe."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        stream = os.fdopen(os.open("_lock", flags, 0o666, dir_fd=folder), "r+b", buffering=0)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise link_error(path) from None
    try:
        check_regular(path, os.fstat(stream.fileno()).st_mode)
    except InputError:
        stream.close()
        raise
    return stream


def _is_at(stream: IO[bytes], path: Path) -> bool:
    """Is the locked file still the one of that name, or was it removed before we had it?"""
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
    """A lease on the object `key`, renewed by a thread; now and wait are the clock's."""
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
        self._content = {**_myself(), "owner": uuid.uuid4().hex, "renewals": 0}
        self._tag: dict[str, str] | None = None
        self._renewed_at = time.monotonic()
        self.ended = threading.Event()

    def claim(self, condition: Any) -> bool:
        """Write it on a condition; is it ours now? A write whose answer was lost on the way may
        have been done, and sent again it finds its own work."""
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
        """Write it, on condition that none is there ("create") or that it has this tag."""
        began = time.monotonic()
        raw = json.dumps(self._content).encode()
        self._tag = _tag(obstore.put(self._store, self._key, raw, mode=condition))
        self._renewed_at = began

    def read(self) -> tuple[bytes, dict[str, str], float]:
        """What is there: bytes, tag, time of its last write (seconds of the store's clock)."""
        found = obstore.get(self._store, self._key)
        meta = found.meta
        return bytes(found.bytes()), _tag(meta), meta["last_modified"].timestamp()

    def renew(self) -> None:
        """Write it anew, on condition that it is still ours."""
        self._content["renewals"] += 1  # an ETag may be the content's hash
        try:
            self.take(self._tag)
        except (PreconditionError, FileNotFoundError):
            self._look_again()

    def _look_again(self) -> None:
        """A write that was answered too late and sent again finds its own work."""
        try:
            raw, tag, _ = self.read()
        except FileNotFoundError:
            raw, tag = b"", {}
        self._tag = tag if _owner(raw) == self._content["owner"] else None

    def keep(self) -> None:
        """Renew it until it has ended or is lost; a store that cannot be reached may come back."""
        while self._tag is not None and not self.ended.wait(self.seconds / 4):
            with suppress(BaseError, OSError):
                self.renew()

    def check(self) -> None:
        if self._tag is None or time.monotonic() - self._renewed_at > self.seconds:
            raise JobError(
                f"{self._key}: lost, since it could not be renewed for {self.seconds:g} s; "
                "another run may hold the bucket now; run this again"
            )

    def release(self) -> None:
        """Remove it if it is ours; what cannot be removed lapses."""
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
            raise _busy(bucket, raw)
        wait(lease.seconds / 2)
        if not lease.claim(tag):  # its owner lives, or another took it over
            raise _busy(bucket, raw)
    except FileNotFoundError:  # let go in this moment
        raise _busy(bucket, b"") from None


def _owner(raw: bytes) -> str | None:
    """Who wrote a lease; None if nobody did, or it cannot be read."""
    try:
        return str(json.loads(raw)["owner"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _tag(meta: Any) -> dict[str, str]:
    return {name: meta[name] for name in ("e_tag", "version") if meta.get(name) is not None}
