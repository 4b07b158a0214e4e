"""The rows of a shard as an export needs them, read back and checked."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bfpack_spark.core.fragments import Int64
from bfpack_spark.errors import JobError
from bfpack_spark.files.stored_parquet import open_own_parquet

_COLUMNS = ["sequence_id", "input_ids", "seq_lengths", "doc_ids", "num_tokens"]


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


def read_rows(entry: ShardEntry, seq_len: int, num_repeated: int = 0) -> Iterator[Rows]:
    """Yield the rows of a shard, a row group at a time. With `num_repeated`, so many tokens at the
    beginning of each fragment that goes on with a document are masked. Raise JobError at their end
    if the ids are not those of the manifest, so that nothing is exported of a file that was
    replaced."""
    digest, count = hashlib.sha256(), 0
    with open_own_parquet(entry.path) as file:
        names = [*_COLUMNS, *({"loss_mask"} & set(file.schema_arrow.names))]
        names += ["doc_starts"] if num_repeated else []
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=names, use_threads=False)
            rows = _rows(table, seq_len)
            if num_repeated:
                rows = replace(rows, loss_mask=_without_repeated(table, rows, num_repeated))
            digest.update(rows.ids.reshape(-1).data)
            count += len(rows)
            yield rows
    if (count, digest.hexdigest()) != (entry.rows, entry.ids_sha256):
        raise JobError(
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


def _rows(table: pa.Table, seq_len: int) -> Rows:
    lists = {name: _one_chunk(table[name]) for name in ("input_ids", "seq_lengths", "doc_ids")}
    sizes = np.diff(np.frombuffer(lists["seq_lengths"].offsets.buffers()[1], np.int32))
    return Rows(
        first=table["sequence_id"][0].as_py(),
        ids=_numbers(lists["input_ids"]).reshape(-1, seq_len),
        num_segments=sizes[: len(table)].astype(np.int64),
        seq_lengths=_numbers(lists["seq_lengths"]),
        is_padding=np.asarray(
            lists["doc_ids"].flatten().is_null().to_numpy(zero_copy_only=False), dtype=np.bool_
        ),
        num_tokens=int(table["num_tokens"].to_numpy().sum()),
        loss_mask=_mask(table, seq_len) if "loss_mask" in table.column_names else None,
    )


def _without_repeated(table: pa.Table, rows: Rows, num_repeated: int) -> npt.NDArray[np.int8]:
    mask = np.ones_like(rows.ids, dtype=np.int8)
    begins = np.cumsum(rows.seq_lengths, dtype=np.int64) - rows.seq_lengths
    later = begins[_one_chunk(table["doc_starts"]).flatten().to_numpy() > 0]
    mask.reshape(-1)[(later[:, None] + np.arange(num_repeated)).reshape(-1)] = 0
    return mask


def _mask(table: pa.Table, seq_len: int) -> npt.NDArray[np.int8]:
    values = _one_chunk(table["loss_mask"]).flatten().to_numpy()
    return np.asarray(values, dtype=np.int8).reshape(-1, seq_len)


def _one_chunk(column: pa.ChunkedArray) -> pa.ListArray:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numbers(lists: pa.ListArray) -> npt.NDArray[np.int32]:
    return np.ascontiguousarray(lists.flatten().to_numpy())
