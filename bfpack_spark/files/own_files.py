"""What an output holds: all of it is listed and deleted here, and written in write_own_files.py,
create_own_files.py and hashing_file.py, and nowhere else.

Every path is `inside` an output. On a local disk no link inside it is followed (confined.py), and
what is written survives a loss of power. An object store has neither links nor folders, and an
object is safe once its put has been answered. HDFS has no links by default; it decides itself how
soon written data is on its disks, and a rename there replaces what has the name.
"""

import pyarrow.fs as pafs

from bfpack_spark.files import access, confined
from bfpack_spark.files.confined import FileFacts, Kind

_GCS = "gcs"
_OF_A_VERSION = 3  # BUCKET/KIND/VERSION lie between an output and a version's own files


def split_path(path: str, levels: int) -> tuple[str, str]:
    """Return the output, and the path inside it, of a file that lies so many levels below a
    version's directory: "O/b/tokens/V/documents/p" at 2 -> "O", "b/tokens/V/documents/p"."""
    output = path.rsplit("/", _OF_A_VERSION + levels)[0]
    return output or "/", path[len(output) :].lstrip("/")


def kinds_in(output: str, inside: str) -> dict[str, Kind]:
    """Return what lies in a folder, by name. The result is empty if there is no such folder."""
    fs, base = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        return confined.kinds_in(base, inside)
    folder = _below(base, inside)
    if fs.type_name == _GCS:  # its listing of one level tells no folders
        names = (path.partition("/") for path in files_below(output, inside))
        return {name: "folder" if slash else "file" for name, slash, _ in names}
    found = fs.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
    kinds: dict[pafs.FileType, Kind] = {
        pafs.FileType.File: "file",
        pafs.FileType.Directory: "folder",
    }
    return {info.base_name: kinds.get(info.type, "other") for info in found}


def folders_in(output: str, inside: str) -> list[str]:
    """Return the names of the folders in a folder."""
    return sorted(name for name, kind in kinds_in(output, inside).items() if kind == "folder")


def files_below(output: str, inside: str) -> dict[str, FileFacts]:
    """Return all files below a folder, by their paths in it and in order. The result is empty if
    there is no such folder. Raises InputError if one of them is a link."""
    fs, base = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        return dict(sorted(confined.files_below(base, inside).items()))
    folder = _below(base, inside)
    found = fs.get_file_info(pafs.FileSelector(folder, recursive=True, allow_not_found=True))
    return {
        info.path[len(folder) :].lstrip("/"): FileFacts(
            size=info.size or 0, modified=info.mtime_ns or 0
        )
        for info in sorted(found, key=lambda info: str(info.path))
        if info.type == pafs.FileType.File
    }


def delete_file(output: str, inside: str) -> None:
    """Delete a file, if it exists."""
    fs, base = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        confined.unlink(base, inside)
    elif fs.get_file_info(path := _below(base, inside)).type != pafs.FileType.NotFound:
        fs.delete_file(path)


def delete_tree(output: str, inside: str) -> None:
    """Delete a folder and all below it, if it exists."""
    fs, base = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        confined.remove_tree(base, inside)
    elif fs.type_name == _GCS:  # where it looks for a folder's own object, and there may be none
        fs.delete_dir_contents(_below(base, inside), missing_dir_ok=True)
    elif fs.get_file_info(path := _below(base, inside)).type != pafs.FileType.NotFound:
        fs.delete_dir(path)


def sync_folders(output: str, inside: str) -> None:
    """Put on a local disk which names there are in a folder, in the folders in it, and on the way
    to it. The files with these names are on the disk already. On other stores this does nothing."""
    fs, base = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        confined.sync_folders(base, inside)


def _below(base: str, inside: str) -> str:
    return f"{base.rstrip('/')}/{inside}".rstrip("/")
