"""All that lies below a folder: regular files, and visible things that cannot be documents.

Names that begin with a dot are hidden: neither they nor anything below them is listed. Links are
followed, so a file may be listed under several names; the same `identity` tells that they are one
file.
"""

import os
import stat
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.fs as pafs

from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.addresses import divide, start_and_key

_WAYS_MAX = 64  # ways to one folder, through links: n folders of two links each make 2^n ways
_KINDS = {
    stat.S_IFIFO: "is a FIFO, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
    stat.S_IFCHR: "is a device, not a file",
    stat.S_IFBLK: "is a device, not a file",
}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A file, or another thing with a name, below a folder."""

    name: str  # relative to the folder
    path: str  # its address
    size: int = 0  # bytes
    modified: int = 0  # ns
    identity: tuple[str | int, ...] = ()  # the same for all names of one file
    links: int = 0  # number of links on the way to it
    fault: str | None = None  # why it cannot be a document


def list_plain(path: str) -> list[Listed]:
    """Return the file of an address, or all below the folder there, by name, or nothing."""
    path = access.absolute(path)
    if divide(path).is_local:
        return sorted(_local(path), key=lambda listed: listed.name)
    fs, inner = access.locate(path)
    info = fs.get_file_info(inner)
    if info.type == pafs.FileType.File:
        return [_remote(info, path, path.rpartition("/")[2])]
    return list_below(path)


def list_below(folder: str) -> list[Listed]:
    """Return all that lies below a folder, by name; nothing if there is no such folder."""
    folder = access.absolute(folder)
    if divide(folder).is_local:
        if not Path(start_and_key(folder)[1]).is_dir():
            return []
        return sorted(_walk(folder), key=lambda listed: listed.name)
    base = access.locate(folder)[1]
    names = ((info, info.path.removeprefix(f"{base}/")) for info in access.list_files(folder))
    files = [_remote(info, f"{folder}/{name}", name) for info, name in names]
    return sorted((f for f in files if not _is_hidden(f.name)), key=lambda listed: listed.name)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") and part not in (".", "..") for part in name.split("/"))


def _remote(info: pafs.FileInfo, path: str, name: str) -> Listed:
    parts = name.split("/")
    odd = {"", ".", ".."} & set(parts)
    address = divide(path)
    return Listed(
        name=name,
        path=path,
        size=info.size,
        modified=info.mtime_ns or 0,
        identity=(address.authority, address.key),
        fault="is a key with a part that is empty, . or .., which no path has" if odd else None,
    )


def _local(path: str) -> Iterator[Listed]:
    inner = start_and_key(path)[1]
    try:
        info = Path(inner).stat()
    except FileNotFoundError:
        if Path(inner).is_symlink():
            yield Listed(name=Path(inner).name, path=path, fault=_broken(inner))
        return
    except NotADirectoryError:
        return
    except OSError as error:
        raise InputError(f"--input {path}: cannot be opened ({error.strerror})") from None
    if stat.S_ISDIR(info.st_mode):
        yield from _walk(path)
    else:
        yield _of(info, Listed(name=Path(inner).name, path=path))


@dataclass(frozen=True, kw_only=True)
class _Folder:
    path: str
    prefix: str  # what the names of its entries begin with
    links: int
    above: frozenset[tuple[int, int]]  # itself and the folders that it lies in


def _walk(root: str) -> Iterator[Listed]:
    inner = Path(start_and_key(root)[1])
    above = frozenset(_identity(p.stat()) for p in (inner, *inner.resolve().parents))
    todo = deque([_Folder(path=root, prefix="", links=0, above=above)])
    ways: Counter[tuple[int, int]] = Counter()
    while todo:
        folder = todo.popleft()
        for entry in _entries(folder):
            thing = _looked_at(entry, folder, ways)
            if isinstance(thing, _Folder):
                todo.append(thing)
            elif thing is not None:
                yield thing


def _looked_at(
    entry: os.DirEntry[str], folder: _Folder, ways: Counter[tuple[int, int]]
) -> Listed | _Folder | None:
    """Return a folder to be listed, or what else has the name, or None if it has vanished."""
    listed = Listed(
        name=f"{folder.prefix}{entry.name}",
        path=f"{folder.path.rstrip('/')}/{entry.name}",
        links=folder.links + entry.is_symlink(),
    )
    try:
        info = entry.stat()
    except OSError as error:
        if entry.is_symlink():
            return replace(listed, fault=_broken(entry.path))
        gone = isinstance(error, FileNotFoundError)
        return None if gone else replace(listed, fault=f"cannot be opened ({error.strerror})")
    if not stat.S_ISDIR(info.st_mode):
        return _of(info, listed)
    identity = _identity(info)
    ways[identity] += 1
    if identity in folder.above:
        return replace(listed, fault="leads back to a folder that it lies in")
    if ways[identity] > _WAYS_MAX:
        return replace(listed, fault=f"is a folder to which more than {_WAYS_MAX} ways lead")
    return _Folder(
        path=listed.path,
        prefix=f"{listed.name}/",
        links=listed.links,
        above=folder.above | {identity},
    )


def _entries(folder: _Folder) -> list[os.DirEntry[str]]:
    """Return what is visible in a folder."""
    inner = start_and_key(folder.path)[1]
    try:
        with os.scandir(inner) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise InputError(f"--input: {inner} cannot be listed ({error.strerror})") from None
    for entry in visible:
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            raw = os.fsencode(entry.path)
            raise InputError(
                f"{folder.path}: holds the file name {raw!r}, not UTF-8; rename it"
            ) from None
    return visible


def _of(info: os.stat_result, listed: Listed) -> Listed:
    return replace(
        listed,
        size=info.st_size,
        modified=info.st_mtime_ns,
        identity=_identity(info),
        fault=None if stat.S_ISREG(info.st_mode) else _KINDS[stat.S_IFMT(info.st_mode)],
    )


def _identity(info: os.stat_result) -> tuple[int, int]:
    return info.st_dev, info.st_ino


def _broken(path: str) -> str:
    return f"is a link to {os.readlink(path)}, where no file can be opened"  # noqa: PTH115
