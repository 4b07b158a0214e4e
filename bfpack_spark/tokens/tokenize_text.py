"""Stage 1, text -> TOKENIZED: a row a document. A document is tokenized only once.

In: rows from which a worker reads documents. For files these are a table of splits (task, name,
path, start, end), partitioned by task; each task reads its own files, and the text of documents
never passes the JVM. For a table or a frame they are the documents themselves. Out: doc_id, length
and tokens (with EOS and BOS), and reason, detail and source of the documents that are refused. The
size of a batch is limited in bytes, so one of 256 MB does not kill a worker. A fixed share of the
documents, chosen by a hash of doc_id, is tokenized by both engines.
"""

import functools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import READING, Documents, ReadingSizes
from bfpack_spark.corpus.inventory import Split
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.corpus.rows import read_rows
from bfpack_spark.schema import MESSAGES, TOKENIZED, spark_ddl, with_masks
from bfpack_spark.spark.partitions import rows_of
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec

_BATCH_BYTES_MAX = 64 << 20

# Called with the rows of a partition, the spec and a tally; yields documents and counts them.
Reader: TypeAlias = Callable[[Iterator[pa.RecordBatch], TokenizeSpec, Tally], Iterator[Documents]]
# Called with rows and the tally of what they were made of; yields messages.
CountingWriter: TypeAlias = Callable[..., Iterator[pa.RecordBatch]]


def tokenize_text(
    rows: DataFrame, spec: TokenizeSpec, read: Reader, write: CountingWriter | None = None
) -> DataFrame:
    """Read and tokenize the documents of each partition. With `write`, which gets the tokenized
    rows in the same worker, the result is the messages that it yields."""
    if write is not None:
        worker = functools.partial(tokenize_and_write, spec=spec, read=read, write=write)
        return rows.mapInArrow(worker, spark_ddl(MESSAGES))
    worker = functools.partial(tokenize_rows, spec=spec, read=read, tally=Tally())
    return rows.mapInArrow(worker, spark_ddl(with_masks(TOKENIZED, masks=spec.columns.masks)))


def tokenize_and_write(
    batches: Iterator[pa.RecordBatch], *, spec: TokenizeSpec, read: Reader, write: CountingWriter
) -> Iterator[pa.RecordBatch]:
    """Yield the MESSAGES of a partition. One tally counts what was read of each file or table; the
    message of the writer holds it once all is read."""
    tally = Tally()
    yield from write(tokenize_rows(batches, spec=spec, read=read, tally=tally), tally=tally)


def tokenize_rows(
    batches: Iterator[pa.RecordBatch], *, spec: TokenizeSpec, read: Reader, tally: Tally
) -> Iterator[pa.RecordBatch]:
    """Yield TOKENIZED of the documents of a partition. What was read is counted in the tally."""
    for documents in read(batches, spec, tally):
        # Parquet batches are cut by the mean size of a row; a few huge rows need another cut.
        for part in documents.split(_BATCH_BYTES_MAX):
            yield spec.tokenize(part)


def read_splits(
    batches: Iterator[pa.RecordBatch],
    spec: TokenizeSpec,
    tally: Tally,
    sizes: ReadingSizes = READING,
) -> Iterator[Documents]:
    """Yield the documents of a partition of splits of files."""
    splits = [Split(**row) for row in rows_of(batches)]
    limit = spec.max_document_bytes
    return read_documents(splits, spec.input_format, spec.columns, limit, tally, sizes)


def read_frame(
    batches: Iterator[pa.RecordBatch], spec: TokenizeSpec, tally: Tally, *, name: str
) -> Iterator[Documents]:
    """Yield the documents of a partition of a table or frame, which is counted by this name."""
    return read_rows(batches, name, spec.columns, tally)
