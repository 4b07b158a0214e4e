"""verify, shards -> MESSAGES: every row is read and checked by itself (invariants 2, 3 and 5). The
messages hold the sums by which the shards are compared with the plan and with the token store."""

import functools
import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from bfpack_spark.core.digest import hash_rows
from bfpack_spark.sequences.row_targets import Targets, tell_targets
from bfpack_spark.sequences.shard_files import count_cut
from bfpack_spark.spark.partitions import hash_ids
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.verifying.listed_files import ListedFile, check_each, differs
from bfpack_spark.verifying.shard_rows import ShardRules, read_shard
from bfpack_spark.verifying.sums import Sums


def sum_shards(entries: DataFrame, rules: ShardRules) -> DataFrame:
    """Check and sum the rows of shards. In: the manifest's entries of shards, with `first`. Out: a
    message a shard, with faults, readable, tokens, lengths and plan (sums modulo 2^64),
    documents_cut, and what tell_targets tells."""
    return check_each(entries, rules.root, functools.partial(_sum_rows, rules=rules))


def _sum_rows(entry: ListedFile, faults: list[Violation], *, rules: ShardRules) -> dict[str, Any]:
    ids_hash = hashlib.sha256()
    sums, plan, num_cut, num_tokens = Sums(), 0, 0, 0
    targets: list[Targets] = []
    for part in read_shard(entry, rules):
        ids_hash.update(part.ids.data)
        num_tokens += part.num_tokens
        faults += part.faults
        if part.segments is not None:
            plan += _add_segments(part.segments, sums, rules.rules.bos)
            num_cut += count_cut(part.segments)
        if part.targets is not None:
            targets.append(part.targets)
    faults += differs("ids_sha256", ids_hash.hexdigest(), entry)
    faults += differs("tokens", num_tokens, entry)
    return {
        "tokens": sums.tokens,
        "lengths": sums.lengths,
        "plan": plan % 2**64,
        "documents_cut": num_cut,
        "targets": tell_targets(targets),
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
