"""Verify, shards -> SCANNED_SEGMENTS: every row is read and checked by itself (DESIGN's invariants
2, 3 and 5), every segment gets the digest of its ids, for comparison with plan and token store.
"""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.accounting import Rules
from bfpack_spark.core.digest import digest_segments
from bfpack_spark.core.fragments import Int64
from bfpack_spark.schema import SCANNED_SEGMENTS, SEQUENCES, plain, spark_ddl
from bfpack_spark.storage.listed_files import check_file, problem_row, row_groups

Mask: TypeAlias = npt.NDArray[np.bool_]

_FAULTS_MAX = 20  # a file; a broken file need not list every row


@dataclass(frozen=True, kw_only=True)
class ScanTask:
    """What a worker needs to know."""

    root: str  # the version's directory
    rules: Rules
    bucket: str
    vocabulary_size: int
    pad_id: int


def scan_shards(entries: DataFrame, task: ScanTask) -> DataFrame:
    """In: the manifest's entries of shards with `first`, the sequence_id that each begins with."""
    return entries.mapInArrow(functools.partial(_scan, task=task), spark_ddl(SCANNED_SEGMENTS))


def _scan(batches: Iterator[pa.RecordBatch], *, task: ScanTask) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for entry in batch.to_pylist():
            yield from _scan_file(entry, task)


def _scan_file(entry: dict[str, Any], task: ScanTask) -> Iterator[pa.RecordBatch]:
    problem = check_file(task.root, entry)
    if problem is not None:
        yield problem_row(SCANNED_SEGMENTS, entry["path"], problem=problem)
    try:
        yield from _scan_rows(entry, task)
    except (OSError, pa.ArrowInvalid) as error:  # FileNotFoundError, a bad page or footer
        yield problem_row(SCANNED_SEGMENTS, entry["path"], problem=f"cannot be read: {error}")


def _scan_rows(entry: dict[str, Any], task: ScanTask) -> Iterator[pa.RecordBatch]:
    ids_hash = hashlib.sha256()
    row = num_tokens = 0
    for table in row_groups(f"{task.root}/{entry['path']}"):
        if table.schema.names != SEQUENCES.names:
            yield problem_row(
                SCANNED_SEGMENTS, entry["path"], problem=f"columns {table.schema.names}"
            )
            return
        table = table.combine_chunks()
        faults = list(_row_faults(table, entry["first"] + row, task))
        for at, fault in faults[:_FAULTS_MAX]:
            yield problem_row(SCANNED_SEGMENTS, entry["path"], row=row + at, problem=fault)
        if not any(_breaks_shape(fault) for _, fault in faults):
            yield from _segment_rows(table, row, entry["path"], task)
        ids_hash.update(_values(table, "input_ids").data)
        num_tokens += pc.sum(table.column("num_tokens")).as_py()
        row += len(table)
    if ids_hash.hexdigest() != entry["ids_sha256"]:
        yield problem_row(SCANNED_SEGMENTS, entry["path"], problem="ids_sha256 differs")
    if num_tokens != entry["tokens"]:
        problem = f"{num_tokens} tokens, manifest {entry['tokens']}"
        yield problem_row(SCANNED_SEGMENTS, entry["path"], problem=problem)


_SHAPE = "shape: "


def _breaks_shape(fault: str) -> bool:
    return fault.startswith(_SHAPE)


def _row_faults(table: pa.Table, first: int, task: ScanTask) -> Iterator[tuple[int, str]]:
    """Rows that break invariant 2 or are out of place, and how."""
    seq_len = task.rules.seq_len
    sizes = {name: _sizes(table, name) for name in _PARALLEL}
    ids_size = _sizes(table, "input_ids")
    sums = _sum_by_row(_values(table, "seq_lengths").astype(np.int64), sizes["seq_lengths"])
    num_tokens = table.column("num_tokens").to_numpy()
    padding = table.column("num_padding").to_numpy()
    yield from _rows(ids_size != seq_len, _SHAPE + f"input_ids are not {seq_len}")
    for name in _PARALLEL[1:]:
        yield from _rows(
            np.not_equal(sizes[name], sizes["seq_lengths"]),
            _SHAPE + f"{name} and seq_lengths are not parallel",
        )
    yield from _rows(np.not_equal(sums, seq_len), _SHAPE + f"seq_lengths do not sum to {seq_len}")
    yield from _rows(num_tokens + padding != seq_len, "num_tokens + num_padding != seq_len")
    expected = first + np.arange(len(table))
    yield from _rows(table.column("sequence_id").to_numpy() != expected, "sequence_id out of order")
    in_bucket = pc.equal(table.column("bucket"), task.bucket).to_numpy()
    yield from _rows(~in_bucket.astype(bool), f"bucket is not {task.bucket}")
    if (ids_size == seq_len).all():
        ids = _values(table, "input_ids").reshape(-1, seq_len)
        wrong = (ids < 0) | (ids >= task.vocabulary_size)
        yield from _rows(
            np.asarray(wrong.any(axis=1)), f"ids outside the vocabulary of {task.vocabulary_size}"
        )
        in_padding = np.arange(seq_len) >= num_tokens[:, None]
        yield from _rows(
            (in_padding & (ids != task.pad_id)).any(axis=1), f"padding is not id {task.pad_id}"
        )


_PARALLEL = ("seq_lengths", "doc_ids", "doc_starts", "doc_lengths")


def _segment_rows(
    table: pa.Table, first_row: int, path: str, task: ScanTask
) -> Iterator[pa.RecordBatch]:
    """The real segments with their digests, and what breaks invariant 2 or 3 in them."""
    sizes = _sizes(table, "seq_lengths")
    row = np.repeat(np.arange(len(table)), sizes)
    length = _values(table, "seq_lengths").astype(np.int64)
    doc_id = table.column("doc_ids").chunk(0).flatten()
    missing = doc_id.is_null().to_numpy(zero_copy_only=False)
    last = np.zeros(len(row), dtype=bool)
    last[np.cumsum(sizes) - 1] = True
    padding = table.column("num_padding").to_numpy()[row]
    is_padding = last & (padding > 0)
    faulty = (missing != is_padding) | (is_padding & (length != padding)) | (length <= 0)
    for at in np.unique(row[faulty])[:_FAULTS_MAX].tolist():
        problem = "padding is not the last segment, of num_padding, without a document"
        yield problem_row(SCANNED_SEGMENTS, path, row=first_row + at, problem=problem)
    if faulty.any():
        return
    digest = digest_segments(_values(table, "input_ids"), length, _nullable(table, "doc_starts"))
    real = np.flatnonzero(~is_padding)
    begin = np.cumsum(length) - length
    first = np.cumsum(sizes) - sizes
    columns = {
        "file": pa.repeat(path, len(real)),
        "row": pa.array(first_row + row[real]),
        "problem": pa.nulls(len(real), pa.string()),
        "sequence_id": pa.array(table.column("sequence_id").to_numpy()[row[real]]),
        "position": pa.array((np.arange(len(row)) - first[row])[real], pa.int32()),
        "offset": pa.array((begin - row * task.rules.seq_len)[real], pa.int32()),
        "doc_id": doc_id.take(pa.array(real)),
        "start": pa.array(_nullable(table, "doc_starts")[real]),
        "length": pa.array(length[real], pa.int32()),
        "doc_length": pa.array(_nullable(table, "doc_lengths")[real]),
        "digest": pa.array(digest[real]),
    }
    found = pa.RecordBatch.from_pydict(columns, schema=plain(SCANNED_SEGMENTS))
    yield found
    yield from _cut_faults(found, task.rules)


def _cut_faults(segments: pa.RecordBatch, rules: Rules) -> Iterator[pa.RecordBatch]:
    """Invariant 3: what fits is whole; what does not is cut where the policy says."""
    start, length, whole = (
        segments.column(name).to_numpy().astype(np.int64)
        for name in ("start", "length", "doc_length")
    )
    wrong = (start < 0) | (start + length > whole)
    problem = "the segment lies outside its document"
    if rules.packing == "best_fit":
        fits = whole <= rules.seq_len
        wrong |= fits & ((start != 0) | (length != whole))
        wrong |= ~fits & ~_policy_allows(start, length, whole, rules)
        problem = (
            f"a document that fits is cut, or one is cut where {rules.long_documents} does not"
        )
    for at in np.flatnonzero(wrong)[:_FAULTS_MAX].tolist():
        at_row = segments.slice(at, 1).to_pylist()[0]
        yield problem_row(
            SCANNED_SEGMENTS,
            at_row["file"],
            row=at_row["row"],
            doc_id=at_row["doc_id"],
            problem=problem,
        )


def _policy_allows(start: Int64, length: Int64, whole: Int64, rules: Rules) -> Mask:
    if rules.long_documents == "split":
        return np.asarray(
            (start % rules.seq_len == 0) & (length == np.minimum(rules.seq_len, whole - start))
        )
    if rules.long_documents == "truncate":
        return np.asarray((start == 0) & (length == rules.seq_len))
    return np.zeros(len(start), dtype=bool)


def _rows(wrong: Mask, fault: str) -> Iterator[tuple[int, str]]:
    yield from ((at, fault) for at in np.flatnonzero(wrong)[:_FAULTS_MAX].tolist())


def _sizes(table: pa.Table, name: str) -> Int64:
    sizes = pc.fill_null(pc.list_value_length(table.column(name)), 0)
    return np.asarray(sizes.to_numpy(), dtype=np.int64)


def _values(table: pa.Table, name: str) -> np.ndarray:
    values = table.column(name).chunk(0).flatten()
    return np.ascontiguousarray(pc.fill_null(values, -1).to_numpy())


def _nullable(table: pa.Table, name: str) -> Int64:
    values = pc.fill_null(table.column(name).chunk(0).flatten(), 0)
    return np.asarray(values.to_numpy(), dtype=np.int64)


def _sum_by_row(values: Int64, sizes: Int64) -> Int64:
    total = np.concatenate([[0], np.cumsum(values)])
    ends = np.cumsum(sizes)
    return np.asarray(total[ends] - total[ends - sizes])
