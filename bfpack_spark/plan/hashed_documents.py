"""The documents of token files with the hashes by which those of one length are ordered."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from bfpack_spark.core.digest import hash_rows
from bfpack_spark.spark.partitions import hash_ids, rows_of
from bfpack_spark.tokens.token_places import Keep, read_kept, read_places


def hashed(batches: Iterator[pa.RecordBatch], seed: int, keep: Keep | None) -> Iterator[pa.Table]:
    """Yield HASHED of the row groups of the token files."""
    for source in rows_of(batches):
        for table in _places(source["path"], source["file"], keep):
            doc_id = table.column("doc_id").combine_chunks()
            key = hash_ids(doc_id)
            doc_hash = hash_rows(np.full(len(key), seed, dtype=np.int64), key).view(np.int64)
            columns = {"doc_id": doc_id, "length": table.column("doc_length")}
            yield pa.table({**columns, "doc_hash": doc_hash})


def _places(path: str, file: int, keep: Keep | None) -> Iterator[pa.Table]:
    """Yield the documents of a token file, with what is kept of each as its length."""
    if keep is None:
        yield from read_places(path, file)
        return
    for table, found in read_kept(path, file, keep):
        number = table.column_names.index("doc_length")
        kept = table.set_column(number, "doc_length", pa.array(found.kept))
        kept = kept.filter(pa.array(found.kept > 0))
        if len(kept):
            yield kept
