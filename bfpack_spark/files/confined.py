"""Folders of a local disk below one that the user chose, in which no link is followed.

The folder that the user chose may be a link, or lie behind one. It is opened once, and from there
every step starts from an open folder. So a link that appears in the middle of a run is found and
refused like one that was there before. What is written is on the disk, and not only on its way
there, before it gets its name.
"""

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from bfpack_spark.errors import InputError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# The errors of disks that cannot sync a folder.
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
# The errors of a link whose name is taken, and of disks that have no second name for a file.
_NO_LINK = (errno.EEXIST, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)

Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """Size and time of a file that lies below a folder."""

    size: int  # bytes
    modified: int  # ns


def link_error(path: str) -> InputError:
    """Return the error for a link that lies where something of ours should be."""
    return InputError(
        f"{path}: is a link, and bfpack writes, lists and deletes nothing through a link inside an "
        "output; put what it leads to in its place, or mount the other disk there"
    )


@contextmanager
def opened(base: str, inside: str) -> Iterator[int]:
    """Open the folder `inside` below `base` and yield its descriptor. Raises FileNotFoundError if
    it does not exist, and InputError if `base` is a file."""
    try:
        folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except NotADirectoryError:
        raise InputError(f"--output {base}: is a file; name a directory") from None
    try:
        here = base
        for step in _steps(inside):
            here = f"{here}/{step}"
            folder = _entered(folder, step, here)
        yield folder
    finally:
        os.close(folder)


@contextmanager
def made(base: str, inside: str) -> Iterator[int]:
    """Open the folder `inside` below `base` and yield its descriptor. The folder is made if it does
    not exist."""
    Path(base).mkdir(parents=True, exist_ok=True)
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        here = base
        for step in _steps(inside):
            here = f"{here}/{step}"
            with suppress(FileExistsError):
                os.mkdir(step, dir_fd=folder)
            folder = _entered(folder, step, here)
        yield folder
    finally:
        os.close(folder)


def kinds_in(base: str, inside: str) -> dict[str, Kind]:
    """Return what lies in a folder, by name. The result is empty if there is no such folder."""
    try:
        with opened(base, inside) as folder, os.scandir(folder) as entries:
            return {entry.name: _kind(entry) for entry in entries}
    except FileNotFoundError:
        return {}


def files_below(base: str, inside: str) -> dict[str, FileFacts]:
    """Return all files below a folder, by their paths in it. The result is empty if there is no
    such folder. What vanishes meanwhile, such as a temporary file, is not in it."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(opened(base, inside))
        except FileNotFoundError:
            return {}
        return dict(_walk(folder, f"{base}/{inside}", ""))


def create(base: str, inside: str) -> IO[bytes]:
    """Return a new file, open for writing. Its folder is made if it does not exist."""
    parent, name = _split(inside)
    with made(base, parent) as folder:
        return os.fdopen(os.open(name, _NEW_FILE, 0o666, dir_fd=folder), "wb")


def rename(base: str, source: str, target: str) -> None:
    """Give a file another name, and replace the file that has it."""
    (old_parent, old), (new_parent, new) = _split(source), _split(target)
    with opened(base, old_parent) as before, made(base, new_parent) as after:
        os.rename(old, new, src_dir_fd=before, dst_dir_fd=after)


def write(base: str, inside: str, raw: bytes) -> None:
    """Replace a file by these bytes. A reader sees the old bytes or the new ones, even if the power
    fails in between, and once this returns it sees the new ones."""
    with _written_beside(base, inside, raw) as (folder, temporary, name):
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def write_new(base: str, inside: str, raw: bytes) -> bool:
    """Write a file as `write` does if there is none of its name. Return whether there was none."""
    with _written_beside(base, inside, raw) as (folder, temporary, name):
        is_new = True
        try:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            is_new = error.errno != errno.EEXIST and name not in kinds_in(base, _split(inside)[0])
            if is_new:
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        with suppress(FileNotFoundError):  # it has been renamed
            os.unlink(temporary, dir_fd=folder)
        return is_new


@contextmanager
def _written_beside(base: str, inside: str, raw: bytes) -> Iterator[tuple[int, str, str]]:
    """Write a temporary file that is to become a file, and yield the folder's descriptor, and the
    names of both. What is done inside is on the disk in the end, or the temporary file is gone."""
    parent, name = _split(inside)
    temporary = f"{name}.{uuid.uuid4().hex}.tmp"
    with made(base, parent) as folder:
        try:
            with os.fdopen(os.open(temporary, _NEW_FILE, 0o666, dir_fd=folder), "wb") as stream:
                stream.write(raw)
                sync_file(stream)
            yield folder, temporary, name
        except BaseException:
            with suppress(OSError):  # the part that a full disk took is of no use
                os.unlink(temporary, dir_fd=folder)
            raise
        _sync_folder(folder)


def sync_file(stream: IO[bytes]) -> None:
    """Return when what was written is on the disk."""
    stream.flush()
    os.fsync(stream.fileno())


def sync_folders(base: str, inside: str) -> None:
    """Put on the disk which names a folder has, and those of the folders in it and on the way to
    it."""
    steps = _steps(inside)
    on_the_way = ["/".join(steps[:depth]) for depth in range(len(steps) + 1)]
    below = [f"{inside}/{n}" for n, kind in kinds_in(base, inside).items() if kind == "folder"]
    for place in (*below, *reversed(on_the_way)):
        with suppress(FileNotFoundError), opened(base, place) as folder:
            _sync_folder(folder)


def unlink(base: str, inside: str) -> None:
    """Delete a file if it exists. If it is a link, the link is deleted."""
    parent, name = _split(inside)
    with suppress(FileNotFoundError), opened(base, parent) as folder:
        os.unlink(name, dir_fd=folder)


def remove_empty(base: str, inside: str) -> None:
    """Delete a folder if it exists and is empty."""
    parent, name = _split(inside)
    with suppress(OSError), opened(base, parent) as folder:
        os.rmdir(name, dir_fd=folder)


def remove_tree(base: str, inside: str) -> None:
    """Delete a folder and all below it, if it exists. Links below it are deleted, and not what they
    lead to. The folder itself must not be a link."""
    parent, name = _split(inside)
    with suppress(FileNotFoundError):
        with opened(base, inside):
            pass
        with opened(base, parent) as folder:
            shutil.rmtree(name, dir_fd=folder)


def _steps(inside: str) -> list[str]:
    steps = [step for step in inside.split("/") if step]
    assert not {".", ".."} & set(steps), f"{inside} does not go down"
    return steps


def _split(inside: str) -> tuple[str, str]:
    *parents, name = _steps(inside)
    return "/".join(parents), name


def _entered(folder: int, step: str, path: str) -> int:
    """Return a descriptor of a folder in this one. This one is closed unless an error is raised."""
    try:
        inner = os.open(step, _FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        if stat.S_ISLNK(os.lstat(step, dir_fd=folder).st_mode):
            raise link_error(path) from None
        raise InputError(f"{path}: is no folder; move it out of the way") from None
    os.close(folder)
    return inner


def _walk(folder: int, path: str, prefix: str) -> Iterator[tuple[str, FileFacts]]:
    with os.scandir(folder) as entries:
        listed = [(entry.name, _kind(entry)) for entry in entries]
    for name, kind in listed:
        if kind == "link":
            raise link_error(f"{path}/{name}")
        with suppress(FileNotFoundError):  # this one alone has vanished
            if kind == "folder":
                with _inside(folder, name) as inner:
                    yield from _walk(inner, f"{path}/{name}", f"{prefix}{name}/")
            else:
                seen = os.lstat(name, dir_fd=folder)
                facts = FileFacts(size=seen.st_size, modified=seen.st_mtime_ns)
                yield f"{prefix}{name}", facts


@contextmanager
def _inside(folder: int, name: str) -> Iterator[int]:
    """Open a folder in this one and yield its descriptor."""
    inner = os.open(name, _FOLDER, dir_fd=folder)
    try:
        yield inner
    finally:
        os.close(inner)


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"


def _sync_folder(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
