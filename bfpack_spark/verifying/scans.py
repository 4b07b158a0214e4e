"""verify, files -> their rows, to be joined where the sums differ: PLAN, a row a fragment;
SCANNED_SEGMENTS, a row a segment; SCANNED_DOCUMENTS, a row a document with the digest of what the
policy keeps of it, or with the reason of one that was refused."""

import functools
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.files.access import resolve
from bfpack_spark.plan.plan_files import read_plan_file
from bfpack_spark.schema import PLAN, SCANNED_DOCUMENTS, SCANNED_SEGMENTS, plain, spark_ddl
from bfpack_spark.tokens.stored_ids import whole_ids
from bfpack_spark.tokens.token_files import read_token_file
from bfpack_spark.verifying.listed_files import listed_files
from bfpack_spark.verifying.shard_rows import ShardRules, read_shard
from bfpack_spark.verifying.sums import DigestSpec, digest_batch

Batches = Iterator[pa.RecordBatch]


def scan_plan(entries: DataFrame, root: str) -> DataFrame:
    """Return PLAN. In: the manifest's entries of the plan, which lie below `root`."""
    return entries.mapInArrow(functools.partial(_of_plan, root=root), spark_ddl(PLAN))


def _of_plan(batches: Batches, *, root: str) -> Batches:
    for entry in listed_files(batches):
        for table in read_plan_file(f"{root}/{entry.path}"):
            yield from table.to_batches()


def scan_shards(entries: DataFrame, rules: ShardRules) -> DataFrame:
    """Return SCANNED_SEGMENTS. In: the manifest's entries of shards, with `first`. Shards that
    cannot be read are left out, since sum_shards names them."""
    worker = functools.partial(_of_shards, rules=rules)
    return entries.mapInArrow(worker, spark_ddl(SCANNED_SEGMENTS))


def _of_shards(batches: Batches, *, rules: ShardRules) -> Batches:
    for entry in listed_files(batches):
        parts = read_shard(entry, rules)
        yield from (part.segments for part in parts if part.segments is not None)


def scan_tokens(entries: DataFrame, spec: DigestSpec) -> DataFrame:
    """Return SCANNED_DOCUMENTS of the token store. In: the manifest's entries of documents."""
    worker = functools.partial(_of_tokens, spec=spec)
    return entries.mapInArrow(worker, spark_ddl(SCANNED_DOCUMENTS))


def _of_tokens(batches: Batches, *, spec: DigestSpec) -> Batches:
    for entry in listed_files(batches):
        for _, documents in read_token_file(resolve(spec.root, entry.path)):
            yield digest_batch(whole_ids(documents), spec)


def digest_documents(tokenized: DataFrame, spec: DigestSpec) -> DataFrame:
    """Return SCANNED_DOCUMENTS of TOKENIZED, a row for every document, whether it has tokens or was
    refused."""
    worker = functools.partial(_of_tokenized, spec=spec)
    return tokenized.mapInArrow(worker, spark_ddl(SCANNED_DOCUMENTS))


def _of_tokenized(batches: Batches, *, spec: DigestSpec) -> Batches:
    schema = plain(SCANNED_DOCUMENTS)
    for batch in batches:
        refused = batch.filter(batch.column("reason").is_valid())
        rows = {"doc_id": refused.column("doc_id"), "refused": refused.column("reason")}
        nothing = {n: pa.nulls(len(refused), schema.field(n).type) for n in schema.names}
        yield pa.RecordBatch.from_pydict(nothing | rows, schema=schema)
        good = batch.filter(batch.column("reason").is_null())
        if len(good):
            yield digest_batch(good, spec)
