"""What is in the way of an output is found before the work begins."""

import os
import re
from pathlib import Path

import pyarrow.fs as pafs

from bfpack_spark.errors import InputError
from bfpack_spark.files import access, own_files
from bfpack_spark.files.bucket_names import folder_of


def check_output(output: str, bucket: str) -> None:
    """Raise InputError if OUTPUT, or the bucket's folder in it, holds something and none of it is
    ours, or if a local OUTPUT cannot be a directory."""
    fs, path = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        _check_can_be_directory(output, Path(path))
    info = fs.get_file_info(path)
    if info.type == pafs.FileType.NotFound:
        return
    if info.type == pafs.FileType.File:
        raise InputError(f"--output {output}: is a file; name a directory")
    top, folder = own_files.kinds_in(output, ""), folder_of(bucket)
    ours = [name for name, kind in top.items() if kind == "folder" and _holds_ours(output, name)]
    if top and not ours and top.get(folder) != "link":
        raise InputError(
            f"--output {output}: not empty, and holds no tokens/ or sequences-*; name an empty one"
        )
    if folder in top and folder not in ours and own_files.kinds_in(output, folder):
        raise InputError(
            f"--bucket {bucket}: {output.rstrip('/')}/{folder} is not empty, and holds no tokens/ "
            "or sequences-*; take another name"
        )


def _holds_ours(output: str, folder: str) -> bool:
    names = own_files.kinds_in(output, folder)
    return any(re.fullmatch(r"tokens|sequences-\d+|_lock", name) for name in names)


def _check_can_be_directory(output: str, path: Path) -> None:
    """Raise InputError if a local path is no directory and cannot be made one, since a file or a
    link to nothing is in its place or above it."""
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    if not there.is_dir():
        kind = "a link to nothing" if there.is_symlink() else "a file"
        above = "" if there == path else f"{there} "
        raise InputError(f"--output {output}: {above}is {kind}; name a directory")
