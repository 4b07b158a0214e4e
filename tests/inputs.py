"""Writing inputs."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def lines(*records: object) -> bytes:
    """Return the records as lines of JSON; what is bytes is a line as it is."""
    return b"".join(
        (r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records
    )


def write_input(path: Path, records: Iterable[Any], **options: Any) -> Path:
    """Write records as Parquet, by these options, or else as lines of JSON, in a folder that need
    not be there. Lines of a file that ends in .gz are compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(records)), path, **options)
    else:
        raw = lines(*records)
        path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)
    return path
