"""verify, token files -> SCANNED_DOCUMENTS: the length of every document, and the digest of what
the policy keeps of it."""

import functools
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.files.access import resolve
from bfpack_spark.schema import SCANNED_DOCUMENTS, spark_ddl
from bfpack_spark.spark.partitions import rows_of
from bfpack_spark.tokens.stored_ids import whole_ids
from bfpack_spark.tokens.token_files import read_token_file
from bfpack_spark.verifying.sums import DigestSpec, digest_batch


def scan_tokens(entries: DataFrame, spec: DigestSpec) -> DataFrame:
    """Return SCANNED_DOCUMENTS. In: the manifest's entries of documents."""
    return entries.mapInArrow(functools.partial(_scan, spec=spec), spark_ddl(SCANNED_DOCUMENTS))


def _scan(batches: Iterator[pa.RecordBatch], *, spec: DigestSpec) -> Iterator[pa.RecordBatch]:
    for entry in rows_of(batches):
        for _, documents in read_token_file(resolve(spec.root, entry["path"])):
            yield digest_batch(whole_ids(documents), spec)
