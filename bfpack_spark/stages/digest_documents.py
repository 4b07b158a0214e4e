"""verify --input, TOKENIZED -> SCANNED_DOCUMENTS: digests of text tokenized anew, as scan_tokens
makes them of the token store; `problem` holds the reason of a document that is refused."""

import functools
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.schema import SCANNED_DOCUMENTS, TOKENIZED, spark_ddl
from bfpack_spark.storage.digests import DigestTask, digest_batch
from bfpack_spark.storage.listed_files import problem_row


def digest_documents(tokenized: DataFrame, task: DigestTask) -> DataFrame:
    """A row a document, good or refused."""
    return tokenized.mapInArrow(
        functools.partial(_digest_tokenized, task=task), spark_ddl(SCANNED_DOCUMENTS)
    )


def _digest_tokenized(
    batches: Iterator[pa.RecordBatch], *, task: DigestTask
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        reason = batch.column(TOKENIZED.get_field_index("reason"))
        for row in batch.filter(reason.is_valid()).to_pylist():
            yield problem_row(
                SCANNED_DOCUMENTS, row["source"], problem=row["reason"], doc_id=row["doc_id"]
            )
        good = batch.filter(reason.is_null())
        if len(good):
            yield digest_batch(good, 0, "", task)
