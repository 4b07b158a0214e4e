"""HDFS without a JVM: pyarrow's calls for the client `hdfs-native`, which speaks HDFS's protocol.

Name nodes, high availability, mount tables (viewfs) and Kerberos are found as Hadoop's own tools
find them: in the settings that HADOOP_CONF_DIR names, in HADOOP_USER_NAME, in the cache of `kinit`,
and in a YARN container in the tokens of HADOOP_TOKEN_FILE_LOCATION.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.fs as pafs
from hdfs_native import Client, FileStatus, WriteOptions

SCHEMES = ("hdfs", "viewfs")
_NS_A_MS = 1_000_000
_SEEN_BY_ALL = 0o755
_LISTINGS_MAX = 3  # of a tree in which folders vanish meanwhile
# If no other name node may answer, one that does not is given up in seconds, and not in 3 minutes.
_ONE_NAME_NODE = {"dfs.client.failover.max.attempts": "3"}


# What a caller asks for by name; all else that goes wrong is the store's.
_ASKED = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError)


@contextmanager
def as_os_errors() -> Iterator[None]:
    """Turn what the client raises for a server that refuses or does not answer into OSError."""
    try:
        yield
    except _ASKED:
        raise
    except (RuntimeError, OSError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise OSError(f"HDFS: {lines[0]}") from None


class HdfsHandler(pafs.FileSystemHandler):  # type: ignore[misc]
    """What pyarrow's PyFileSystem calls. A rename replaces the file that has the name."""

    def __init__(self, client: Client, root: str) -> None:
        self.client, self._root = client, root

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HdfsHandler) and self._root == other._root

    def __hash__(self) -> int:
        return hash(self._root)

    def get_type_name(self) -> str:
        return "hdfs"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[pafs.FileInfo]:
        return [self._looked_up(path) for path in paths]

    @as_os_errors()
    def _looked_up(self, path: str) -> pafs.FileInfo:
        try:
            return _info(self.client.get_file_info(path))
        except (FileNotFoundError, NotADirectoryError):
            return pafs.FileInfo(path, pafs.FileType.NotFound)

    @as_os_errors()
    def get_file_info_selector(self, selector: pafs.FileSelector) -> list[pafs.FileInfo]:
        for _ in range(_LISTINGS_MAX):
            try:
                every = self.client.list_status(selector.base_dir, selector.recursive)
                return list(map(_info, every))
            except FileNotFoundError:
                if self._looked_up(selector.base_dir).type == pafs.FileType.NotFound:
                    break  # and not a folder in it that has vanished meanwhile
        else:
            raise OSError(f"{selector.base_dir}: folders in it vanish while they are listed")
        if selector.allow_not_found:
            return []
        raise FileNotFoundError(selector.base_dir)

    @as_os_errors()
    def create_dir(self, path: str, recursive: bool) -> None:  # noqa: FBT001  # pyarrow's own
        self.client.mkdirs(path, _SEEN_BY_ALL, create_parent=recursive)

    @as_os_errors()
    def delete_dir(self, path: str) -> None:
        self.client.delete(path, recursive=True)

    @as_os_errors()
    def delete_dir_contents(self, path: str, missing_dir_ok: bool = False) -> None:  # noqa: FBT001, FBT002
        selector = pafs.FileSelector(path, allow_not_found=missing_dir_ok)
        for info in self.get_file_info_selector(selector):
            self.client.delete(info.path, recursive=True)

    def delete_root_dir_contents(self) -> None:
        raise NotImplementedError("nothing of ours is a whole file system")

    @as_os_errors()
    def delete_file(self, path: str) -> None:
        if not self.client.delete(path):
            raise FileNotFoundError(path)

    @as_os_errors()
    def move(self, src: str, dest: str) -> None:
        self.client.rename(src, dest, overwrite=True)

    def copy_file(self, src: str, dest: str) -> None:
        raise NotImplementedError("nothing is copied within a store")

    def open_input_stream(self, path: str) -> pa.NativeFile:
        return self.open_input_file(path)

    @as_os_errors()
    def open_input_file(self, path: str) -> pa.NativeFile:
        return pa.PythonFile(self.client.read(path), mode="r")

    @as_os_errors()
    def open_output_stream(self, path: str, metadata: dict[str, str]) -> pa.NativeFile:  # noqa: ARG002
        options = WriteOptions(overwrite=True, create_parent=True)
        return pa.PythonFile(self.client.create(path, options), mode="w")

    def open_append_stream(self, path: str, metadata: dict[str, str]) -> pa.NativeFile:
        raise NotImplementedError("nothing is appended to")


def hdfs_file_system(scheme: str, authority: str) -> pafs.PyFileSystem:
    """Return the file system of hdfs://HOST:PORT, or for hdfs:/// that of the machine's own Hadoop
    settings. It is not yet reached. Raises ValueError if the authority names a user."""
    if "@" in authority:
        raise ValueError("an address names no user; set HADOOP_USER_NAME")
    root = f"{scheme}://{authority}"
    told = _ONE_NAME_NODE if ":" in authority else {}
    return pafs.PyFileSystem(HdfsHandler(Client(root if authority else None, told), root))


def write_on_hdfs(fs: pafs.FileSystem, path: str, raw: bytes) -> None:
    """Replace a file all at once."""
    with _written_beside(fs, path, raw) as temporary:
        fs.move(temporary, path)


@as_os_errors()
def create_on_hdfs(fs: pafs.FileSystem, path: str, raw: bytes) -> bool:
    """Write a file all at once if there is none of its name. Return whether there was none."""
    client = client_of(fs)
    assert client is not None, "of HDFS"
    with _written_beside(fs, path, raw) as temporary:
        try:
            client.rename(temporary, path, overwrite=False)
        except FileExistsError:
            fs.delete_file(temporary)
            return False
    return True


@contextmanager
def _written_beside(fs: pafs.FileSystem, path: str, raw: bytes) -> Iterator[str]:
    """Write a temporary file in the folder of a path, which is made, and yield its path."""
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    fs.create_dir(path.rpartition("/")[0], recursive=True)
    with fs.open_output_stream(temporary) as stream:
        stream.write(raw)
    yield temporary


def client_of(fs: pafs.FileSystem) -> Client | None:
    """Return the client of a file system on HDFS, or None if it is of another kind."""
    handler = fs.handler if isinstance(fs, pafs.PyFileSystem) else None
    return handler.client if isinstance(handler, HdfsHandler) else None


def _info(status: FileStatus) -> pafs.FileInfo:
    kind = pafs.FileType.Directory if status.isdir else pafs.FileType.File
    return pafs.FileInfo(
        status.path,
        kind,
        size=None if status.isdir else status.length,
        mtime_ns=status.modification_time * _NS_A_MS,
    )
