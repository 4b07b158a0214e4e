"""A file that is hashed while it is written, and gets its name only when it is whole."""

import hashlib
import io
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from typing import IO, Any

import pyarrow.fs as pafs

from bfpack_spark.errors import JobError
from bfpack_spark.files import access, confined, own_files


class HashingFile(io.RawIOBase):
    """A file of a version, at `path` (FOLDER/NAME) of its directory, `root`.

    Every attempt of a task has a temporary file of its own and writes the same bytes under the same
    final name, so a second attempt simply replaces the file of the first. An attempt that ends when
    the version is complete is late, and its file is dropped; where names carry the attempt, no file
    has this name then, so the attempt fails.

    The temporary file lies in root/_temporary, never beside Parquet files. It is put on the disk
    and renamed. For an object store the temporary file lies on this machine's disk and is put as an
    object. An object appears whole, but if a stream to it is given up, the stream is closed and the
    object is not taken back.
    """

    def __init__(self, root: str, path: str) -> None:
        super().__init__()
        self._root, self._path = root, path
        self._target = _target(root, path)
        self._stream: Any = self._target.open()
        self._hash = hashlib.sha256()
        self.num_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._hash.update(data)
        self._stream.write(data)
        self.num_bytes += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """Return the sha256 of what was written so far."""
        return self._hash.hexdigest()

    def publish(self) -> str:
        """Give the file its name, unless it is late: of a version that is complete, no file may be
        written anew. Returns the sha256 of its bytes. Raises JobError if it is late and no file has
        its name."""
        if not access.exists(f"{self._root}/_manifest.json"):
            self._target.publish(self._stream)
            return self.sha256
        self._target.drop(self._stream)
        if not access.exists(path := f"{self._root}/{self._path}"):
            raise JobError(f"{path}: another run has completed the version without it")
        return self.sha256

    def entry(self, kind: str, *, rows: int, tokens: int, ids_sha256: str | None) -> dict[str, Any]:
        """Publish the file, and return its entry for the manifest."""
        return {
            "path": self._path,
            "kind": kind,
            "rows": rows,
            "tokens": tokens,
            "sha256": self.publish(),
            "bytes": self.num_bytes,
            "ids_sha256": ids_sha256,
        }

    def close(self) -> None:
        """Give up the file; what was published stays. It is enough that the object is garbage
        collected."""
        self._stream.close()
        super().close()


def _target(root: str, path: str) -> "_OnDisk | _InStore | _OnHdfs":
    """Return where a file is written first, and how it gets its name."""
    temporary = f"{root}/_temporary/{uuid.uuid4().hex}-{path.rpartition('/')[2]}"
    fs, target = access.locate(f"{root}/{path}")
    if isinstance(fs, pafs.LocalFileSystem):
        output, inside = own_files.split_path(target, path.count("/") + 1)
        own = access.locate(temporary)[1].removeprefix(output).lstrip("/")
        return _OnDisk(output=output, temporary=own, inside=inside)
    if access.is_object_store(fs):
        return _InStore(fs=fs, path=target)
    return _OnHdfs(fs=fs, temporary=access.locate(temporary)[1], path=target)


@dataclass(frozen=True, kw_only=True)
class _OnDisk:
    output: str
    temporary: str  # inside the output
    inside: str

    def open(self) -> IO[bytes]:
        return confined.create(self.output, self.temporary)

    def publish(self, stream: IO[bytes]) -> None:
        confined.sync_file(stream)
        stream.close()
        confined.rename(self.output, self.temporary, self.inside)

    def drop(self, stream: IO[bytes]) -> None:
        stream.close()
        confined.unlink(self.output, self.temporary)
        confined.remove_empty(self.output, self.temporary.rpartition("/")[0])


@dataclass(frozen=True, kw_only=True)
class _InStore:
    fs: pafs.FileSystem
    path: str

    def open(self) -> IO[bytes]:
        return tempfile.TemporaryFile()

    def publish(self, stream: IO[bytes]) -> None:
        stream.seek(0)
        with self.fs.open_output_stream(self.path) as target:
            shutil.copyfileobj(stream, target, 16 << 20)
        stream.close()

    def drop(self, stream: IO[bytes]) -> None:
        stream.close()


@dataclass(frozen=True, kw_only=True)
class _OnHdfs:
    fs: pafs.FileSystem
    temporary: str
    path: str

    def open(self) -> Any:
        for place in (self.temporary, self.path):
            self.fs.create_dir(place.rpartition("/")[0], recursive=True)
        return self.fs.open_output_stream(self.temporary)

    def publish(self, stream: Any) -> None:
        stream.close()
        self.fs.move(self.temporary, self.path)

    def drop(self, stream: Any) -> None:
        stream.close()
        self.fs.delete_file(self.temporary)
