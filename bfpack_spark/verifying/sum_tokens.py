"""verify, token files -> MESSAGES: every document is read and checked by itself. The messages hold
the sums of what the policy keeps."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.files.access import resolve
from bfpack_spark.files.parquet_output import binary_values, token_values
from bfpack_spark.spark.partitions import hash_ids
from bfpack_spark.tokens.stored_ids import IdsHash, whole_ids
from bfpack_spark.tokens.token_files import read_token_file
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.verifying.listed_files import ListedFile, check_each, differs
from bfpack_spark.verifying.sums import (
    DigestSpec,
    Sums,
    digest_batch,
    marked_and_targets,
    token_lengths,
)


def sum_tokens(entries: DataFrame, spec: DigestSpec) -> DataFrame:
    """Check and sum the documents. In: the manifest's entries of documents. Out: a message a file,
    with faults, readable, tokens and lengths (sums modulo 2^64), and of loss masks marked (tokens
    of what is kept) and targets (of the whole documents)."""
    return check_each(entries, spec.root, functools.partial(_sum_documents, spec=spec))


def _sum_documents(
    entry: ListedFile, faults: list[Violation], *, spec: DigestSpec
) -> dict[str, Any]:
    ids_hash = IdsHash()
    sums, num_tokens, marked, targets = Sums(), 0, 0, 0
    for row, stored in read_token_file(resolve(spec.root, entry.path)):
        ids_hash.add(stored)
        batch = whole_ids(stored)
        ids = token_values(batch.column("tokens"))
        num_tokens += len(ids)
        faults += _document_faults(batch, ids, row, spec)
        digests = digest_batch(batch, spec)
        kept = digests.column("kept").to_numpy()
        if "loss_mask" in batch.schema.names:
            more = marked_and_targets(batch, kept)
            marked, targets = marked + more[0], targets + more[1]
        packed = digests.filter(pa.array(kept > 0))
        numbers = (packed.column(name).to_numpy() for name in ("digest", "kept", "doc_length"))
        sums.add(hash_ids(packed.column("doc_id")), *numbers)
    faults += differs("ids_sha256", ids_hash.hexdigest(), entry)
    faults += differs("tokens", num_tokens, entry)
    told = {"tokens": sums.tokens, "lengths": sums.lengths}
    return {**told, "marked": marked, "targets": targets}


def _document_faults(
    batch: pa.RecordBatch, ids: np.ndarray, row: int, spec: DigestSpec
) -> Iterator[Violation]:
    # One comparison finds ids that are too large or below 0: these are large as unsigned numbers.
    if ids.view(np.uint32).max(initial=0) >= spec.vocabulary_size:
        problem = f"ids outside the vocabulary of {spec.vocabulary_size}"
        yield Violation(invariant=5, problem=problem, row=row)
    if "loss_mask" in batch.schema.names:
        masks = batch.column("loss_mask")
        sizes = pc.binary_length(masks).to_numpy()
        if (sizes != batch.column("length").to_numpy()).any() or binary_values(masks).max() > 1:
            yield Violation(invariant=7, problem="a loss mask is not 0 or 1 a token", row=row)
    differs_from_tokens = batch.column("length").to_numpy() != token_lengths(batch.column("tokens"))
    for at in np.flatnonzero(differs_from_tokens)[:1].tolist():
        doc_id = batch.column("doc_id")[at].as_py()
        yield Violation(
            invariant=5, problem="length is not that of its tokens", row=row + at, document=doc_id
        )
