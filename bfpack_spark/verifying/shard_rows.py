"""A shard that is read back: what is wrong with each of its rows, and the segments that they
hold."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bfpack_spark.core.digest import digest_segments, with_mask
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.rows import rows_per_row_group
from bfpack_spark.core.rules import Rules
from bfpack_spark.files import access
from bfpack_spark.schema import SCANNED_SEGMENTS, SEQUENCES, plain, with_masks
from bfpack_spark.sequences.row_targets import Targets, targets_of
from bfpack_spark.verifying.file_faults import groups_fault, schema_fault
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.verifying.listed_files import ListedFile
from bfpack_spark.verifying.segment_faults import (
    Mask,
    bos_faults,
    cut_faults,
    faulty_rows,
    mask_faults,
)

_PART_TOKENS = 1 << 20  # that are read at once, or a row group
_LISTS = ("seq_lengths", "doc_ids", "doc_starts", "doc_lengths")


@dataclass(frozen=True, kw_only=True)
class ShardRules:
    """What every shard of a version must be like, as it is sent to the workers."""

    root: str  # the version's directory
    rules: Rules
    bucket: str
    vocabulary_size: int
    pad_id: int
    metadata: dict[str, str]  # Parquet key-value metadata
    format_version: int
    bos_id: int | None = None  # with which each fragment after a document's first begins
    masks: bool = False  # whether rows have a loss mask


@dataclass(frozen=True, kw_only=True)
class ShardPart:
    """Some rows of a shard. segments are SCANNED_SEGMENTS, or None if the rows cannot be read."""

    ids: npt.NDArray[np.int32]
    num_tokens: int
    faults: list[Violation]
    segments: pa.RecordBatch | None
    targets: Targets | None = None


def read_shard(entry: ListedFile, rules: ShardRules) -> Iterator[ShardPart]:
    """Yield the parts of the shard that a manifest's entry names. `first` in the entry is the
    sequence_id with which the shard begins. Raise what pyarrow raises on a damaged file."""
    row = 0
    with access.open_parquet(f"{rules.root}/{entry.path}") as file:
        fault = schema_fault(file.schema_arrow, masks=rules.masks, expected=rules.metadata)
        fault = fault or groups_fault(file.metadata, rules.rules.seq_len, rules.format_version)
        if fault is not None:
            yield ShardPart(ids=np.empty(0, np.int32), num_tokens=0, faults=[fault], segments=None)
        if file.schema_arrow.remove_metadata() != plain(with_masks(SEQUENCES, masks=rules.masks)):
            return
        for numbers in _at_once(file.num_row_groups, rules):
            table = file.read_row_groups(numbers, use_threads=False).combine_chunks()
            yield _part(table, row, entry, rules)
            row += len(table)


def _at_once(num_groups: int, rules: ShardRules) -> Iterator[list[int]]:
    """Yield numbers of row groups that are read together. What a check costs a call is nothing
    beside a million tokens."""
    seq_len = rules.rules.seq_len
    tokens = rows_per_row_group(seq_len, rules.format_version) * seq_len
    size = max(_PART_TOKENS // tokens, 1)
    return (list(range(n, min(n + size, num_groups))) for n in range(0, num_groups, size))


def _part(table: pa.Table, row: int, entry: ListedFile, rules: ShardRules) -> ShardPart:
    faults = list(_row_faults(table, row, entry.first, rules))
    segments = targets = None
    if not any(fault.problem.startswith(_SHAPE) for fault in faults):
        faulty = _misplaced_padding(table, rules)
        where = "where align leaves it" if rules.rules.align > 1 else "the last segment"
        faults += faulty_rows(faulty, row, f"padding is not {where}, of num_padding tokens")
        if not faulty.any():
            segments = _segments(table, row, entry.path, rules)
            faults += cut_faults(segments, rules.rules)
            ids = _values(table, "input_ids").reshape(len(table), -1)
            faults += bos_faults(segments, ids, row, rules.bos_id)
            if rules.masks:
                targets = targets_of(table)
                mask = _values(table, "loss_mask").reshape(ids.shape)
                in_padding = np.repeat(_missing(table, "doc_ids"), _values(table, "seq_lengths"))
                faults += mask_faults(mask, in_padding, row, targets, rules.rules)
    return ShardPart(
        ids=_values(table, "input_ids"),
        num_tokens=pc.sum(table.column("num_tokens")).as_py() or 0,
        faults=faults,
        segments=segments,
        targets=targets,
    )


# Invariant 2: each row by itself

_SHAPE = "shape: "


def _row_faults(table: pa.Table, row: int, first: int, rules: ShardRules) -> Iterator[Violation]:
    seq_len = rules.rules.seq_len
    sizes = {name: _sizes(table, name) for name in _LISTS}
    ids_size = _sizes(table, "input_ids")
    sums = _sum_by_row(_values(table, "seq_lengths").astype(np.int64), sizes["seq_lengths"])
    num_tokens, padding = (_numbers(table, name) for name in ("num_tokens", "num_padding"))
    yield from faulty_rows(ids_size != seq_len, row, _SHAPE + f"input_ids are not {seq_len}")
    if rules.masks:
        apart = _sizes(table, "loss_mask") != seq_len
        yield from faulty_rows(apart, row, _SHAPE + f"the loss mask has not {seq_len} values")
    for name in _LISTS[1:]:
        apart = np.not_equal(sizes[name], sizes["seq_lengths"])
        yield from faulty_rows(apart, row, _SHAPE + f"{name} and seq_lengths are not parallel")
    yield from faulty_rows(sums != seq_len, row, _SHAPE + f"seq_lengths do not sum to {seq_len}")
    limit = rules.rules.max_documents
    if limit is not None:
        documents = _sum_by_row((~_missing(table, "doc_ids")).astype(np.int64), sizes["doc_ids"])
        yield from faulty_rows(documents > limit, row, f"more than {limit} documents")
    yield from faulty_rows(
        num_tokens + padding != seq_len, row, "num_tokens + num_padding != seq_len"
    )
    expected = first + row + np.arange(len(table))
    wrong = _numbers(table, "sequence_id") != expected
    yield from faulty_rows(wrong, row, "sequence_id out of order")
    bucket = pc.fill_null(table.column("bucket"), "").to_numpy(zero_copy_only=False)
    yield from faulty_rows(bucket != rules.bucket, row, f"bucket is not {rules.bucket}")
    if (ids_size == seq_len).all():
        yield from _id_faults(table, num_tokens, row, rules)


def _id_faults(
    table: pa.Table, num_tokens: Int64, row: int, rules: ShardRules
) -> Iterator[Violation]:
    ids = _values(table, "input_ids").reshape(len(num_tokens), -1)
    # One comparison finds ids that are too large or below 0: these are large as unsigned numbers.
    if ids.view(np.uint32).max(initial=0) >= rules.vocabulary_size:
        wrong = np.asarray(((ids < 0) | (ids >= rules.vocabulary_size)).any(axis=1))
        yield from faulty_rows(wrong, row, f"ids outside the vocabulary of {rules.vocabulary_size}")
    padded = np.flatnonzero(num_tokens < ids.shape[1])
    in_padding = np.arange(ids.shape[1]) >= num_tokens[padded, None]
    lengths = np.maximum(_values(table, "seq_lengths"), 0)
    if rules.rules.align > 1 and lengths.sum() == ids.size:
        each = np.repeat(_missing(table, "doc_ids"), lengths)
        in_padding = each.reshape(ids.shape)[padded]
    wrong = np.zeros(len(num_tokens), dtype=bool)
    wrong[padded] = np.any(in_padding & (ids[padded] != rules.pad_id), axis=1)
    yield from faulty_rows(wrong, row, f"padding is not id {rules.pad_id}")


def _misplaced_padding(table: pa.Table, rules: ShardRules) -> Mask:
    """Return which rows are wrong: exactly the last num_padding tokens must be without a document,
    and have 0 (format 1: null) for its start and length. With align, padding is also behind each
    segment that does not end at a multiple of it, up to there."""
    sizes = _sizes(table, "seq_lengths")
    row = np.repeat(np.arange(len(table)), sizes)
    length = _values(table, "seq_lengths").astype(np.int64)
    padding = _numbers(table, "num_padding")
    last = np.zeros(len(row), dtype=bool)
    last[np.cumsum(sizes) - 1] = True
    missing, format_version = _missing(table, "doc_ids"), rules.format_version
    if rules.rules.align > 1:
        is_padding = missing
        faulty = _misaligned(length, row, missing, last, rules.rules) | (length <= 0)
        faulty |= (_sum_by_row(np.where(missing, length, 0), sizes) != padding)[row]
    else:
        is_padding = last & (padding[row] > 0)
        faulty = (is_padding & (length != padding[row])) | (length <= 0)
        faulty |= missing != is_padding
    for name in ("doc_starts", "doc_lengths"):
        faulty |= _missing(table, name) != (is_padding & (format_version == 1))
        faulty |= is_padding & (_flat(table, name).fill_null(0).to_numpy() != 0)
    out = np.zeros(len(table), dtype=bool)
    out[row[faulty]] = True
    return out


def _misaligned(length: Int64, row: Int64, missing: Mask, last: Mask, rules: Rules) -> Mask:
    """Return which segments do not begin where align says, or are padding that is too long."""
    begin = np.cumsum(length) - length - row * rules.seq_len
    end = begin + length
    behind_padding = np.append(False, missing[:-1]) & (begin > 0)
    too_long = missing & ~last & (length >= rules.align)
    ends_inside = ~last & (end % rules.align != 0)
    wrong = np.where(missing, behind_padding | too_long | ends_inside, begin % rules.align != 0)
    return np.asarray(wrong, dtype=np.bool_)


# Segments


def _segments(table: pa.Table, first_row: int, path: str, rules: ShardRules) -> pa.RecordBatch:
    """Return the segments that are not padding, with the digests of their documents' tokens."""
    sizes = _sizes(table, "seq_lengths")
    row = np.repeat(np.arange(len(table)), sizes)
    length = _values(table, "seq_lengths").astype(np.int64)
    starts = _flat(table, "doc_starts").fill_null(0).to_numpy()
    begin = np.cumsum(length) - length
    digest = _digest(_tokens(table), length, starts, rules.rules.bos)
    has_document = ~_missing(table, "doc_ids")
    real = np.flatnonzero(has_document)
    before = np.concatenate([[0], np.cumsum(has_document)])[np.cumsum(sizes) - sizes]
    position = np.cumsum(has_document) - 1 - before[row]
    columns = {
        "file": pa.repeat(path, len(real)),
        "row": pa.array(first_row + row[real]),
        "sequence_id": pa.array(_numbers(table, "sequence_id")[row[real]]),
        "position": pa.array(position[real], pa.int32()),
        "offset": pa.array((begin - row * rules.rules.seq_len)[real], pa.int32()),
        "doc_id": _flat(table, "doc_ids").drop_null(),
        "start": pa.array(starts[real]),
        "length": pa.array(length[real], pa.int32()),
        "doc_length": _flat(table, "doc_lengths").take(pa.array(real)),
        "digest": pa.array(digest[real].view(np.int64)),
    }
    return pa.RecordBatch.from_pydict(columns, schema=plain(SCANNED_SEGMENTS))


def _digest(
    tokens: npt.NDArray[np.integer], length: Int64, starts: Int64, bos: int
) -> npt.NDArray[np.uint64]:
    """Return the digest of each segment, without the BOS before a fragment that goes on."""
    later = np.flatnonzero(starts > 0) if bos else np.empty(0, dtype=np.int64)
    places = starts.copy()
    places[later] -= 1
    digest = digest_segments(tokens, length, places)
    if len(later):
        first = tokens[(np.cumsum(length) - length)[later]]
        digest[later] -= digest_segments(first, np.ones_like(later), places[later])
    return digest


# Columns to numbers


def _tokens(table: pa.Table) -> npt.NDArray[np.integer]:
    """Return what is digested of each token: its id, with its loss mask if there is one."""
    ids = _values(table, "input_ids")
    if "loss_mask" not in table.column_names:
        return ids
    return with_mask(ids, _values(table, "loss_mask"))


def _numbers(table: pa.Table, name: str) -> Int64:
    return np.asarray(pc.fill_null(table.column(name), -1).to_numpy(), dtype=np.int64)


def _sizes(table: pa.Table, name: str) -> Int64:
    sizes = pc.fill_null(pc.list_value_length(table.column(name)), 0)
    return np.asarray(sizes.to_numpy(), dtype=np.int64)


def _flat(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).chunk(0).flatten()  # the table has one chunk a column


def _missing(table: pa.Table, name: str) -> Mask:
    return np.asarray(_flat(table, name).is_null().to_numpy(zero_copy_only=False))


def _values(table: pa.Table, name: str) -> np.ndarray:
    flat = _flat(table, name)
    return np.ascontiguousarray((pc.fill_null(flat, -1) if flat.null_count else flat).to_numpy())


def _sum_by_row(values: Int64, sizes: Int64) -> Int64:
    total = np.concatenate([[0], np.cumsum(values)])
    ends = np.cumsum(sizes)
    return np.asarray(total[ends] - total[ends - sizes])
