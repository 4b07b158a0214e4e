"""Reading Parquet files that an earlier stage or run has written, with errors that name the
file."""

import array
import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bfpack_spark.errors import JobError
from bfpack_spark.files import access
from bfpack_spark.files.list_columns import ListFile, open_lists


@contextmanager
def open_own_parquet(path: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, and check the checksums of its pages. Raises JobError if the file is
    damaged or gone: Arrow does not say which file it is, and Spark does not know."""
    with _named(path), access.open_parquet(path) as file:
        yield file


@contextmanager
def open_own_lists(path: str) -> Iterator[ListFile]:
    """Open a Parquet file to read columns of lists. Raises JobError as `open_own_parquet` does."""
    with _named(path), open_lists(path) as file:
        yield file


@contextmanager
def _named(path: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, KeyError) as error:
        why = " ".join(str(error).split()).removesuffix(".")
        raise damaged(path, f"cannot be read ({why})") from None


def damaged(path: str, problem: str) -> JobError:
    """Return the error of a file of a version that is not what was written."""
    return JobError(
        f"{path}: {problem}; bfpack verify names all that is damaged; restore it from a copy, or "
        "remove the _manifest.json of the version that was read and run bfpack pack again, which "
        "makes that version anew"
    )


def rows_of_documents(
    paths: Sequence[str], doc_ids: Sequence[str], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Return these columns, as far as a file has them, of the rows of documents, in the order of
    the files. Of row groups without any of the documents, only the column doc_id is read."""
    look = partial(_rows_in, wanted=_strings(doc_ids), columns=list(columns))
    with ThreadPoolExecutor() as pool:
        return [row for rows in pool.map(look, paths) for row in rows]


def _strings(texts: Sequence[str]) -> pa.Array:
    """Return texts as an array. `pa.array` would import pandas, which takes half a second."""
    encoded = [text.encode() for text in texts]
    ends = itertools.accumulate(map(len, encoded), initial=0)
    offsets = pa.py_buffer(array.array("q", ends))
    return pa.LargeStringArray.from_buffers(len(encoded), offsets, pa.py_buffer(b"".join(encoded)))


def _rows_in(path: str, *, wanted: pa.Array, columns: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with open_own_parquet(path) as file:
        for number in range(file.num_row_groups):
            ids = file.read_row_group(number, columns=["doc_id"], use_threads=False)["doc_id"]
            held = pc.is_in(ids, wanted.cast(ids.type))
            if pc.any(held).as_py():
                group = file.read_row_group(number, columns=columns, use_threads=False)
                rows += group.filter(held).to_pylist()
    return rows
