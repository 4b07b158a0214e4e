"""The small files of an output, which are written all at once or not at all: pointers, manifests,
snapshots, reports. (The large ones are those of hashing_file.py.)

What is written on a local disk survives a loss of power. An object is put whole, also if the run is
interrupted at that moment: a stream that is given up is put as far as it came.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow.fs as pafs

from bfpack_spark.files import access, confined
from bfpack_spark.files.hdfs import write_on_hdfs


def write_json(output: str, inside: str, value: dict[str, Any]) -> None:
    """Write JSON with sorted keys, all at once or not at all."""
    write_bytes(output, inside, as_json(value))


def write_bytes(output: str, inside: str, raw: bytes) -> None:
    """Replace a file atomically: a reader sees the old bytes or the new."""
    fs, base = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        confined.write(base, inside, raw)
    elif access.is_object_store(fs):
        with ThreadPoolExecutor(1) as pool:  # no interrupt reaches its thread
            pool.submit(_put, fs, f"{base.rstrip('/')}/{inside}", raw).result()
    else:
        write_on_hdfs(fs, f"{base.rstrip('/')}/{inside}", raw)


def _put(fs: pafs.FileSystem, path: str, raw: bytes) -> None:
    with fs.open_output_stream(path) as stream:
        stream.write(raw)


def as_json(value: dict[str, Any]) -> bytes:
    """Return JSON with sorted keys, a line for each value."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
