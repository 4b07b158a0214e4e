"""verify, files -> MESSAGES: each file is read once and checked by itself, and the messages hold
the sums by which shards, plan and token store are compared."""

import functools
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.digest import hash_rows
from bfpack_spark.files.access import resolve
from bfpack_spark.files.parquet_output import binary_values, token_values
from bfpack_spark.files.stored_parquet import open_own_parquet
from bfpack_spark.plan.plan_files import read_plan_file
from bfpack_spark.sequences.row_targets import RowTargets
from bfpack_spark.sequences.shard_files import count_cut
from bfpack_spark.spark.partitions import hash_ids
from bfpack_spark.tokens.stored_ids import IdsHash, whole_ids
from bfpack_spark.tokens.token_files import read_token_file
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.verifying.listed_files import ListedFile, check_each, differs
from bfpack_spark.verifying.shard_rows import ShardRules, read_shard
from bfpack_spark.verifying.sums import (
    DigestSpec,
    Sums,
    digest_batch,
    marked_and_targets,
    token_lengths,
)


def sum_shards(entries: DataFrame, rules: ShardRules) -> DataFrame:
    """Check and sum the rows of shards. In: the manifest's entries of shards, with `first`. Out: a
    message a shard, with faults, readable, tokens, lengths and plan (sums modulo 2^64),
    documents_cut, and what RowTargets tells."""
    return check_each(entries, rules.root, functools.partial(_sum_rows, rules=rules))


def _sum_rows(entry: ListedFile, faults: list[Violation], *, rules: ShardRules) -> dict[str, Any]:
    ids_hash = hashlib.sha256()
    sums, plan, num_cut, num_tokens = Sums(), 0, 0, 0
    targets = RowTargets()
    for part in read_shard(entry, rules):
        ids_hash.update(part.ids.data)
        num_tokens += part.num_tokens
        faults += part.faults
        if part.segments is not None:
            plan += _add_segments(part.segments, sums, rules.rules.bos)
            num_cut += count_cut(part.segments)
        if part.targets is not None:
            targets.add(part.targets)
    faults += differs("ids_sha256", ids_hash.hexdigest(), entry)
    faults += differs("tokens", num_tokens, entry)
    return {
        "tokens": sums.tokens,
        "lengths": sums.lengths,
        "plan": plan % 2**64,
        "documents_cut": num_cut,
        "targets": targets.told(),
    }


def _add_segments(segments: pa.RecordBatch, sums: Sums, bos: int) -> int:
    """Add the segments to the sums of documents, and return the sum of the rows of PLAN that these
    segments are."""
    key = hash_ids(segments.column("doc_id"))
    numbers = {
        name: segments.column(name).to_numpy().astype(np.int64)
        for name in (
            *("sequence_id", "position", "offset", "start", "length"),
            *("doc_length", "digest"),
        )
    }
    own = numbers["length"] - np.where(numbers["start"] > 0, bos, 0)  # of the document
    sums.add(key, numbers["digest"], own, numbers["doc_length"])
    places = [numbers[name] for name in ("sequence_id", "position", "offset", "start", "length")]
    return int(np.add.reduce(hash_rows(key, *places), dtype=np.uint64))


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


def sum_plan(entries: DataFrame, root: str) -> DataFrame:
    """Sum the rows of the plan. In: the manifest's entries of the plan. Out: a message a file, with
    faults, readable, plan (the sum of its rows modulo 2^64) and groups: {group: [sequences, sum of
    the hashes of lengths]}."""
    return check_each(entries, root, functools.partial(_sum_plan_rows, root=root))


def _sum_plan_rows(entry: ListedFile, faults: list[Violation], *, root: str) -> dict[str, Any]:
    plan, num_tokens = 0, 0
    groups: dict[int, list[int]] = {}
    for table in read_plan_file(f"{root}/{entry.path}"):
        plan += _add_plan_rows(table, groups)
        num_tokens += int(table.column("length").to_numpy().sum(dtype=np.int64))
    faults += differs("tokens", num_tokens, entry)
    return {"plan": plan % 2**64, "groups": groups}


def _add_plan_rows(table: pa.Table, groups: dict[int, list[int]]) -> int:
    """Add the rows to the totals of their groups, and return the sum of the rows."""
    names = ("sequence_id", "position", "offset", "start", "length", "group")
    *places, group = (table.column(name).to_numpy().astype(np.int64) for name in names)
    length_hash = hash_rows(places[4])
    for number in np.unique(group).tolist():
        in_group = group == number
        totals = groups.setdefault(number, [0, 0])
        totals[0] += int((in_group & (places[1] == 0)).sum())
        totals[1] = (totals[1] + int(np.add.reduce(length_hash[in_group], dtype=np.uint64))) % 2**64
    key = hash_ids(table.column("doc_id").combine_chunks())
    return int(np.add.reduce(hash_rows(key, *places), dtype=np.uint64))


def sum_quarantine(entries: DataFrame, root: str) -> DataFrame:
    """Return a message for each quarantine file. In: the manifest's entries. Out: faults, readable,
    reasons (documents by reason), and targets and unknown (documents whose targets nothing tells),
    which are 0 where the documents have no loss masks."""
    return check_each(entries, root, functools.partial(_sum_refused, root=root))


def _sum_refused(entry: ListedFile, _: list[Violation], *, root: str) -> dict[str, Any]:
    with open_own_parquet(resolve(root, entry.path)) as file:
        names = [n for n in ("reason", "num_targets") if n in file.schema_arrow.names]
        table = file.read(columns=names, use_threads=False)
    reasons = {
        pair["values"]: pair["counts"] for pair in table["reason"].value_counts().to_pylist()
    }
    if "num_targets" not in names:
        return {"reasons": reasons, "targets": 0, "unknown": 0}
    targets = table["num_targets"]
    marked = pc.sum(targets).as_py() or 0
    return {"reasons": reasons, "targets": marked, "unknown": targets.null_count}
