"""Splits of files -> MESSAGES: the places of the documents that have one of a few ids."""

import functools
from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import Split
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.schema import MESSAGES, spark_ddl
from bfpack_spark.spark.messages import message
from bfpack_spark.spark.partitions import rows_of

_LARGEST = 1 << 20  # bytes of a line that is parsed; a larger document is not found


def find_ids(
    splits: DataFrame, input_format: str, columns: Columns, ids: Sequence[str]
) -> DataFrame:
    """Return a message a partition: `places`, pairs of an id and a file and place. It takes a pass
    over the input."""
    look = functools.partial(_look, input_format=input_format, columns=columns, ids=ids)
    return splits.mapInArrow(look, spark_ddl(MESSAGES))


def _look(
    batches: Iterator[pa.RecordBatch], *, input_format: str, columns: Columns, ids: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    splits = [Split(**row) for row in rows_of(batches)]
    wanted = set(ids)
    places = [
        (doc_id, source)
        for documents in read_documents(splits, input_format, columns, _LARGEST)
        for doc_id, source in zip(documents.doc_id, documents.source, strict=True)
        if doc_id in wanted
    ]
    yield message({"places": places})
