"""verify --input, TOKENIZED -> SCANNED_DOCUMENTS: digests of the text tokenized anew, made as
scan_tokens makes those of the token store. `refused` holds the reason of a document that has no
tokens."""

import functools
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.schema import SCANNED_DOCUMENTS, plain, spark_ddl
from bfpack_spark.verifying.sums import DigestSpec, digest_batch


def digest_documents(tokenized: DataFrame, spec: DigestSpec) -> DataFrame:
    """Return SCANNED_DOCUMENTS, a row for every document, whether it has tokens or was refused."""
    return tokenized.mapInArrow(
        functools.partial(_digest_tokenized, spec=spec), spark_ddl(SCANNED_DOCUMENTS)
    )


def _digest_tokenized(
    batches: Iterator[pa.RecordBatch], *, spec: DigestSpec
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        refused = batch.filter(batch.column("reason").is_valid())
        rows = {"doc_id": refused.column("doc_id"), "refused": refused.column("reason")}
        schema = plain(SCANNED_DOCUMENTS)
        nothing = {n: pa.nulls(len(refused), schema.field(n).type) for n in schema.names}
        yield pa.RecordBatch.from_pydict(nothing | rows, schema=schema)
        good = batch.filter(batch.column("reason").is_null())
        if len(good):
            yield digest_batch(good, spec)
