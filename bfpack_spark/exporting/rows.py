"""The rows of a shard as an export needs them, read back and checked."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64
from bfpack_spark.errors import JobError
from bfpack_spark.files.list_columns import Lists
from bfpack_spark.files.stored_parquet import open_own_lists

_COLUMNS = ["input_ids", "seq_lengths", "doc_ids"]


@dataclass(frozen=True, kw_only=True)
class ShardEntry:
    """A shard on its way to the worker that exports it."""

    shard: int
    path: str
    rows: int
    ids_sha256: str  # of the shard's ids as little-endian int32


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows of a shard that follow each other."""

    first: int  # sequence_id of the first row
    ids: npt.NDArray[np.int32]  # [rows, seq_len]
    num_segments: Int64  # of each row, its padding included
    seq_lengths: npt.NDArray[np.int32]  # of the segments of all rows, end to end
    is_padding: npt.NDArray[np.bool_]  # of each segment
    num_tokens: int
    loss_mask: npt.NDArray[np.int8] | None = None  # [rows, seq_len]; None: nothing is masked

    def __len__(self) -> int:
        return len(self.ids)


def read_rows(
    entry: ShardEntry, seq_len: int, num_repeated: int = 0, *, hashed: bool = True
) -> Iterator[Rows]:
    """Yield the rows of a shard, a row group at a time. With `num_repeated`, so many tokens at the
    beginning of each fragment that goes on with a document are masked. Raise JobError at their end
    if the ids are not those of the manifest, so that nothing is exported of a file that was
    replaced. Not `hashed`: only their number is compared, and the caller calls check_ids."""
    digest, count = hashlib.sha256(), 0
    with open_own_lists(entry.path) as file:
        names = [*_COLUMNS, *({"loss_mask"} & file.leaves.keys())]
        names += ["doc_starts"] if num_repeated else []
        for number in range(file.parquet.num_row_groups):
            columns = file.read(number, names)
            first = file.statistics(number, "sequence_id").min
            rows = _rows(columns, first, seq_len, num_repeated)
            if hashed:
                digest.update(rows.ids.reshape(-1).data)
            count += len(rows)
            yield rows
    if count != entry.rows:
        raise _other_ids(entry)
    if hashed:
        check_ids(entry, digest.hexdigest())


def check_ids(entry: ShardEntry, ids_sha256: str) -> None:
    """Raise JobError if this is not the sha256 of the shard's ids."""
    if ids_sha256 != entry.ids_sha256:
        raise _other_ids(entry)


def _other_ids(entry: ShardEntry) -> JobError:
    return JobError(
        f"{entry.path}: holds other ids than its manifest says; bfpack verify names what "
        "differs; restore it from a copy"
    )


def in_files(groups: Iterator[Rows], rows_max: int) -> Iterator[Sequence[Rows]]:
    """Yield row groups together, as many as have `rows_max` rows or more."""
    pending: list[Rows] = []
    for rows in groups:
        pending.append(rows)
        if sum(map(len, pending)) >= rows_max:
            yield pending
            pending = []
    if pending:
        yield pending


def _rows(columns: dict[str, Lists], first: int, seq_len: int, num_repeated: int) -> Rows:
    lengths, is_padding = _numbers(columns["seq_lengths"]), columns["doc_ids"].nulls()
    ids, mask = _numbers(columns["input_ids"]).reshape(-1, seq_len), None
    if num_repeated:
        starts = _numbers(columns["doc_starts"])
        mask = _without_repeated(starts, lengths, ids.shape, num_repeated)
    elif "loss_mask" in columns:
        mask = _numbers(columns["loss_mask"]).astype(np.int8).reshape(ids.shape)
    return Rows(
        first=first,
        ids=ids,
        num_segments=np.diff(columns["seq_lengths"].begins),
        seq_lengths=lengths,
        is_padding=is_padding,
        num_tokens=ids.size - int(lengths[is_padding].sum()),
        loss_mask=mask,
    )


def _without_repeated(
    starts: npt.NDArray[Any], lengths: npt.NDArray[Any], shape: tuple[int, int], num_repeated: int
) -> npt.NDArray[np.int8]:
    mask = np.ones(shape, dtype=np.int8)
    begins = np.cumsum(lengths, dtype=np.int64) - lengths
    later = begins[starts > 0]
    mask.reshape(-1)[(later[:, None] + np.arange(num_repeated)).reshape(-1)] = 0
    return mask


def _numbers(lists: Lists) -> npt.NDArray[Any]:
    """Return the numbers, where the processor expects them."""
    return np.require(lists.of_numbers(), requirements="A")
