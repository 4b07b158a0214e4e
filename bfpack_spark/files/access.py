"""Files by address, through pyarrow's file systems; the same calls in driver and workers."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from bfpack_spark.errors import InputError
from bfpack_spark.files.addresses import divide, start_and_key
from bfpack_spark.files.file_systems import file_system, path_in
from bfpack_spark.files.untrusted import check_regular, check_size, parse_object, read_regular

_READ_MAX = 1 << 29  # bytes of a file that is read whole


def locate(path: str) -> tuple[pafs.FileSystem, str]:
    """The file system of an address, and the path in it. s3a:// is read as s3://."""
    address = divide(path)
    if address.is_local:
        return file_system(address), str(Path(address.key).absolute())
    return file_system(address), path_in(address)


def absolute(path: str) -> str:
    """The address, which no longer depends on the directory of this process, without a slash at
    its end."""
    start, key = start_and_key(path)
    return f"{start}{Path(key).absolute()}" if divide(path).is_local else path.rstrip("/")


def exists(path: str) -> bool:
    fs, inner = locate(path)
    return bool(fs.get_file_info(inner).type != pafs.FileType.NotFound)


def is_file(path: str) -> bool:
    fs, inner = locate(path)
    return bool(fs.get_file_info(inner).type == pafs.FileType.File)


def size_of(path: str) -> int | None:
    """Bytes of a file; None if there is no such file."""
    fs, inner = locate(path)
    info = fs.get_file_info(inner)
    return int(info.size) if info.type == pafs.FileType.File else None


def list_files(directory: str) -> list[pafs.FileInfo]:
    """All files below a directory, by path; an empty list if there is no such directory."""
    fs, inner = locate(directory)
    selector = pafs.FileSelector(inner, recursive=True, allow_not_found=True)
    try:
        found = [i for i in fs.get_file_info(selector) if i.type == pafs.FileType.File]
        return sorted(found, key=lambda info: info.path)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{directory}: holds the file name {error.object!r}, not UTF-8; rename it"
        ) from None


def resolve(root: str, path: str) -> str:
    """A path relative to a directory: "O/b/tokens/V2", "../V1/documents/p" ->
    "O/b/tokens/V1/documents/p"."""
    while path.startswith("../"):
        root, path = root.rpartition("/")[0], path.removeprefix("../")
    return f"{root}/{path}"


def read_json(path: str) -> dict[str, Any] | None:
    """The JSON object in a file; None if there is no such file. InputError if it holds
    something else."""
    raw = read_bytes(path)
    return None if raw is None else parse_object(raw, path)


def read_bytes(path: str, limit: int = _READ_MAX) -> bytes | None:
    """None if there is no such file. InputError if it is no file, or larger than the limit."""
    fs, inner = locate(path)
    if isinstance(fs, pafs.LocalFileSystem):
        try:
            return read_regular(inner, limit)
        except (FileNotFoundError, NotADirectoryError):
            return None
    if fs.get_file_info(inner).type == pafs.FileType.NotFound:
        return None
    with fs.open_input_stream(inner) as stream:
        return check_size(path, bytes(stream.read(limit + 1)), limit)


def _opened(path: str) -> pa.NativeFile:
    fs, inner = locate(path)
    if isinstance(fs, pafs.LocalFileSystem):  # opening a pipe would wait for who writes to it
        check_regular(path, Path(inner).stat().st_mode)
    return fs.open_input_file(inner)


@contextmanager
def open_binary(path: str) -> Iterator[IO[bytes]]:
    """A buffered binary file, seekable."""
    with _opened(path) as raw, io.BufferedReader(raw, 1 << 20) as stream:
        yield stream


@contextmanager
def open_parquet(path: str, *, pre_buffer: bool = True, **options: Any) -> Iterator[pq.ParquetFile]:
    """With checksums of pages. `pre_buffer` reads the columns of a row group by few requests, and
    holds their compressed bytes until the next one is read. Options are those of ParquetFile."""
    options |= {"page_checksum_verification": True, "pre_buffer": pre_buffer}
    with _opened(path) as raw, pq.ParquetFile(raw, **options) as file:
        yield file


def size_and_sha256(path: str) -> tuple[int, str]:
    """Bytes of a file, and their hash."""
    size, digest = 0, hashlib.sha256()
    fs, inner = locate(path)
    with fs.open_input_stream(inner) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def is_object_store(fs: pafs.FileSystem) -> bool:
    """Does a file appear whole under its name, and has no directory?"""
    return not isinstance(fs, pafs.LocalFileSystem | pafs.HadoopFileSystem)
