"""Stage 1, text -> TOKENIZED: a row a document, tokenized once, ever.

In: a table of splits (task, name, path, start, end), partitioned by task; each task reads its own
files. Out: doc_id, length, tokens (EOS and BOS included), and reason, detail, source of those that
are refused. Documents never pass the JVM as text. Batches are bounded by bytes, so one of 256 MB
does not kill a worker. A fixed share of documents, chosen by hash of doc_id, is tokenized by both
engines.
"""

import functools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.inventory import Split
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.schema import MESSAGES, TOKENIZED, spark_ddl
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec

_BATCH_BYTES_MAX = 64 << 20

# Rows, and the tally of what they were made of -> messages.
CountingWriter: TypeAlias = Callable[..., Iterator[pa.RecordBatch]]


def tokenize_text(
    splits: DataFrame, spec: TokenizeSpec, write: CountingWriter | None = None
) -> DataFrame:
    """Read and tokenize; one task a value of `task` in the splits. With `write`, which is given the
    rows in the same worker, the result is its messages instead."""
    if write is not None:
        worker = functools.partial(_tokenize_and_write, spec=spec, write=write)
        return splits.mapInArrow(worker, spark_ddl(MESSAGES))
    worker = functools.partial(_tokenize_splits, spec=spec, tally=Tally())
    return splits.mapInArrow(worker, spark_ddl(TOKENIZED))


def _tokenize_and_write(
    batches: Iterator[pa.RecordBatch], *, spec: TokenizeSpec, write: CountingWriter
) -> Iterator[pa.RecordBatch]:
    """MESSAGES of a partition of splits. What was read of each file is counted in one tally, which
    the writer's message tells once all is read."""
    tally = Tally()
    yield from write(_tokenize_splits(batches, spec=spec, tally=tally), tally=tally)


def _tokenize_splits(
    batches: Iterator[pa.RecordBatch], *, spec: TokenizeSpec, tally: Tally
) -> Iterator[pa.RecordBatch]:
    splits = [Split(**row) for batch in batches for row in batch.to_pylist()]
    limit = spec.max_document_bytes
    for documents in read_documents(splits, spec.input_format, spec.columns, limit, tally):
        # Parquet batches are cut by rows of mean size; cut again where a few rows are huge.
        for part in documents.split(_BATCH_BYTES_MAX):
            yield spec.tokenize(part)
