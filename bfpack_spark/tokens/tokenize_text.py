"""Stage 1, text -> TOKENIZED: a row a document. A document is tokenized only once.

In: a table of splits (task, name, path, start, end), partitioned by task; each task reads its own
files. Out: doc_id, length and tokens (with EOS and BOS), and reason, detail and source of the
documents that are refused. The text of documents never passes the JVM. The size of a batch is
limited in bytes, so one of 256 MB does not kill a worker. A fixed share of the documents, chosen by
a hash of doc_id, is tokenized by both engines.
"""

import functools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import READING, ReadingSizes
from bfpack_spark.corpus.inventory import Split
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.schema import MESSAGES, TOKENIZED, spark_ddl
from bfpack_spark.spark.partitions import rows_of
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec

_BATCH_BYTES_MAX = 64 << 20

# Called with rows and the tally of what they were made of; yields messages.
CountingWriter: TypeAlias = Callable[..., Iterator[pa.RecordBatch]]


def tokenize_text(
    splits: DataFrame, spec: TokenizeSpec, write: CountingWriter | None = None
) -> DataFrame:
    """Read and tokenize the splits, one task for each value of `task`. With `write`, which gets the
    rows in the same worker, the result is the messages that it yields."""
    if write is not None:
        worker = functools.partial(tokenize_and_write, spec=spec, write=write)
        return splits.mapInArrow(worker, spark_ddl(MESSAGES))
    worker = functools.partial(tokenize_splits, spec=spec, tally=Tally())
    return splits.mapInArrow(worker, spark_ddl(TOKENIZED))


def tokenize_and_write(
    batches: Iterator[pa.RecordBatch], *, spec: TokenizeSpec, write: CountingWriter
) -> Iterator[pa.RecordBatch]:
    """Yield the MESSAGES of a partition of splits. One tally counts what was read of each file; the
    message of the writer holds it once all is read."""
    tally = Tally()
    yield from write(tokenize_splits(batches, spec=spec, tally=tally), tally=tally)


def tokenize_splits(
    batches: Iterator[pa.RecordBatch],
    *,
    spec: TokenizeSpec,
    tally: Tally,
    sizes: ReadingSizes = READING,
) -> Iterator[pa.RecordBatch]:
    """Yield TOKENIZED of the documents of a partition of splits. What was read of each file is
    counted in the tally."""
    splits = [Split(**row) for row in rows_of(batches)]
    limit = spec.max_document_bytes
    for documents in read_documents(splits, spec.input_format, spec.columns, limit, tally, sizes):
        # Parquet batches are cut by the mean size of a row; a few huge rows need another cut.
        for part in documents.split(_BATCH_BYTES_MAX):
            yield spec.tokenize(part)
