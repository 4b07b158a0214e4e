"""Reading Parquet files that an earlier stage or run has written, with errors that name the
file."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from bfpack_spark.errors import JobError
from bfpack_spark.files import access


@contextmanager
def open_own_parquet(path: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, and check the checksums of its pages. Raises JobError if the file is
    damaged or gone: Arrow does not say which file it is, and Spark does not know."""
    try:
        with access.open_parquet(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        why = " ".join(str(error).split()).removesuffix(".")
        version = path.rpartition("/")[0].rpartition("/")[0]
        raise JobError(
            f"{path}: cannot be read ({why}); bfpack verify names all that is damaged; restore it "
            f"from a copy, or remove {version} and run bfpack pack again, which makes it anew"
        ) from None
