"""The small files of an output, which are written all at once or not at all: pointers, manifests,
snapshots, reports. (The large ones are those of hashing_file.py.)

What is written on a local disk survives a loss of power. An object is put by one request, since a
stream that is given up is put as far as it came.
"""

import json
from typing import Any

import pyarrow.fs as pafs

from bfpack_spark.files import access, confined
from bfpack_spark.files.hdfs import create_on_hdfs, write_on_hdfs
from bfpack_spark.files.object_store import put_object


def write_json(output: str, inside: str, value: dict[str, Any]) -> None:
    """Write JSON with sorted keys, all at once or not at all."""
    write_bytes(output, inside, _as_json(value))


def write_bytes(output: str, inside: str, raw: bytes) -> None:
    """Replace a file atomically: a reader sees the old bytes or the new."""
    fs, base = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        confined.write(base, inside, raw)
    elif access.is_object_store(fs):  # at once: a stream that is given up is put as far as it came
        put_object(f"{output.rstrip('/')}/{inside}", raw)
    else:
        write_on_hdfs(fs, f"{base.rstrip('/')}/{inside}", raw)


def create_json(output: str, inside: str, value: dict[str, Any]) -> bool:
    """Write JSON as `write_json` does if there is no file of this name. Return whether there was
    none: of several that write it at once, one does."""
    raw = _as_json(value)
    fs, base = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        return confined.write_new(base, inside, raw)
    if access.is_object_store(fs):
        return put_object(f"{output.rstrip('/')}/{inside}", raw, if_new=True)
    return create_on_hdfs(fs, f"{base.rstrip('/')}/{inside}", raw)


def _as_json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
