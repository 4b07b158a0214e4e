"""Files by address, through pyarrow's file systems, with the same calls in the driver and in
workers."""

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
from bfpack_spark.files.hdfs import client_of
from bfpack_spark.files.untrusted import check_regular, check_size, parse_object, read_regular

_READ_MAX = 1 << 29  # most bytes of a file that is read whole


def locate(path: str) -> tuple[pafs.FileSystem, str]:
    """Return the file system of an address, and the path in it. s3a:// is read as s3://."""
    address = divide(path)
    if address.is_local:
        return file_system(address), str(Path(address.key).absolute())
    return file_system(address), path_in(address)


def absolute(path: str) -> str:
    """Return the address in a form that does not depend on the current directory, without a slash
    at its end."""
    start, key = start_and_key(path)
    return f"{start}{Path(key).absolute()}" if divide(path).is_local else path.rstrip("/")


def exists(path: str) -> bool:
    fs, inner = locate(path)
    return bool(fs.get_file_info(inner).type != pafs.FileType.NotFound)


def is_file(path: str) -> bool:
    fs, inner = locate(path)
    return bool(fs.get_file_info(inner).type == pafs.FileType.File)


def list_files(directory: str) -> list[pafs.FileInfo]:
    """Return all files below a directory, by path. The list is empty if there is no such directory.
    Raises InputError if a file's name is not UTF-8."""
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
    """Return a path relative to a directory in full: "O/b/tokens/V2", "../V1/documents/p" ->
    "O/b/tokens/V1/documents/p"."""
    while path.startswith("../"):
        root, path = root.rpartition("/")[0], path.removeprefix("../")
    return f"{root}/{path}"


def read_json(path: str) -> dict[str, Any] | None:
    """Return the JSON object in a file, or None if there is no such file. Raises InputError if the
    file holds something else."""
    raw = read_bytes(path)
    return None if raw is None else parse_object(raw, path)


def read_bytes(path: str, limit: int = _READ_MAX) -> bytes | None:
    """Return the bytes of a file, or None if there is no such file. Raises InputError if it is not
    a file, or is larger than the limit."""
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
    if isinstance(fs, pafs.LocalFileSystem):  # opening a pipe would wait for a writer
        check_regular(path, Path(inner).stat().st_mode)
    return fs.open_input_file(inner)


@contextmanager
def open_binary(path: str) -> Iterator[IO[bytes]]:
    """Open a file as a buffered binary stream that is seekable."""
    with _opened(path) as raw, io.BufferedReader(raw, 1 << 20) as stream:
        yield stream


@contextmanager
def open_parquet(path: str, *, pre_buffer: bool = True, **options: Any) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, and check the checksums of its pages. `pre_buffer` reads the columns of
    a row group by few requests, and holds their compressed bytes until the next one is read. The
    options are those of ParquetFile."""
    with open_parquet_and_bytes(path, pre_buffer=pre_buffer, **options) as (file, _):
        yield file


@contextmanager
def open_parquet_and_bytes(
    path: str, **options: Any
) -> Iterator[tuple[pq.ParquetFile, pa.NativeFile]]:
    """Open a Parquet file as `open_parquet` does, together with its bytes."""
    options = {"page_checksum_verification": True, "pre_buffer": True} | options
    with _opened(path) as raw, pq.ParquetFile(raw, **options) as file:
        yield file, raw


def size_and_sha256(path: str) -> tuple[int, str]:
    """Return the number of bytes of a file, and their hash."""
    size, digest = 0, hashlib.sha256()
    fs, inner = locate(path)
    with fs.open_input_stream(inner) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def is_object_store(fs: pafs.FileSystem) -> bool:
    """Tell whether this is an object store, where a file appears whole under its name and there are
    no directories."""
    return not isinstance(fs, pafs.LocalFileSystem) and client_of(fs) is None
