"""Whether input files still are what the inventory saw: the same size, and ETag or modification
time.

A worker checks a file when it opens it and after the last byte. The driver checks all files once
more before it writes the manifest. On local disks a check is a stat. On object stores a worker's
check is a HEAD request, and the driver's is one listing, which takes a request per thousand files.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow.fs as pafs

from bfpack_spark.corpus.inventory import Inventory, Split
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.files import access
from bfpack_spark.files.object_store import Seen, look_at_object, look_below

_REMEDY = "run it again when nothing writes there"


@contextmanager
def unchanged(split: Split) -> Iterator[None]:
    """Raise JobError if the split's file is not what the inventory saw, before or after it is read:
    another run may help. If reading raises InputError and the file has changed, the change is
    reported instead, and alone."""
    _check(split, _look(split.path))
    try:
        yield
    except InputError:
        _check(split, _look(split.path))
        raise
    _check(split, _look(split.path))


def look_again(inventory: Inventory) -> None:
    """Raise JobError, which names the file, if a file is no longer what the inventory saw."""
    splits = inventory.whole_files()
    paths = [split.path for split in splits]
    fs, _ = access.locate(paths[0])
    if access.is_object_store(fs):
        every: Iterable[Seen | None] = look_below(paths)
    else:
        every = map(_seen, fs.get_file_info([access.locate(path)[1] for path in paths]))
    for split, seen in zip(splits, every, strict=True):
        _check(split, seen)


def _check(split: Split, seen: Seen | None) -> None:
    if seen is None:
        raise JobError(
            f"--input: {split.name} has vanished since it was listed; {_REMEDY}"
        ) from None
    if seen.size != split.size:
        raise JobError(
            f"--input: {split.name} had {split.size:,} bytes when it was listed, it has "
            f"{seen.size:,}; {_REMEDY}"
        ) from None
    if split.etag is not None:
        same = seen.etag == split.etag
    else:
        same = not split.modified or seen.modified in (None, split.modified)
    if not same:
        line = f"--input: {split.name} has been written since it was listed; {_REMEDY}"
        raise JobError(line) from None


def _look(path: str) -> Seen | None:
    fs, inner = access.locate(path)
    return look_at_object(path) if access.is_object_store(fs) else _seen(fs.get_file_info(inner))


def _seen(info: pafs.FileInfo) -> Seen | None:
    if info.type != pafs.FileType.File:
        return None
    return Seen(size=info.size, modified=info.mtime_ns or None)
