"""Small files of an output that nobody may replace: snapshots and mixtures."""

from typing import Any

import pyarrow.fs as pafs

from bfpack_spark.files import access, confined
from bfpack_spark.files.hdfs import create_on_hdfs
from bfpack_spark.files.object_store import create_object
from bfpack_spark.files.write_own_files import as_json


def create_json(output: str, inside: str, value: dict[str, Any]) -> bool:
    """Write JSON with sorted keys, all at once, if there is no file of this name. Return whether
    there was none: of several that write it at once, one does."""
    raw = as_json(value)
    fs, base = access.locate(output)
    if isinstance(fs, pafs.LocalFileSystem):
        return confined.write_new(base, inside, raw)
    if access.is_object_store(fs):
        return create_object(f"{output.rstrip('/')}/{inside}", raw)
    return create_on_hdfs(fs, f"{base.rstrip('/')}/{inside}", raw)
