"""Single rows of the stream, and the documents in them, by position."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.mixed_rows import Order
from bfpack_spark.core.row_order import Window
from bfpack_spark.reading.layouts import Batch
from bfpack_spark.reading.shard_files import DamageError, ShardFiles
from bfpack_spark.reading.sources import Source
from bfpack_spark.reading.windows import Row, damaged, places_of, rows_of_group

_GROUPS_MIN, _GROUPS_MAX = 16, 128  # decoded row groups that are kept, 0.5 MB each
_WINDOWS_MAX = 1024


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A segment of a row of the stream."""

    position: int  # of the row
    bucket: str
    sequence_id: int
    offset: int  # first token in the row
    length: int
    doc_id: str | None  # None: padding
    doc_start: int  # first token in the document; 0 for padding
    doc_length: int  # tokens of the whole document; 0 for padding


class RandomAccess:
    """Rows by position. Several threads may use it; one at a time reads."""

    def __init__(self, order: Order, sources: list[Source], verify: str, window: int) -> None:
        """`window`: row groups of a window of the order. So many row groups are kept that ascending
        positions decode each of them once, unless the order has very many slots."""
        self._order, self._sources, self._verify = order, sources, verify
        self._num_groups = min(max((order.num_slots + 2) * window, _GROUPS_MIN), _GROUPS_MAX)
        self._forget()

    def __getstate__(self) -> tuple[Order, list[Source], str, int]:
        """Return what another process can use: no open files, and no lock."""
        return self._order, self._sources, self._verify, self._num_groups

    def __setstate__(self, state: tuple[Order, list[Source], str, int]) -> None:
        self._order, self._sources, self._verify, self._num_groups = state
        self._forget()

    def _forget(self) -> None:
        self._files = ShardFiles(self._sources, self._verify)
        self._groups: OrderedDict[tuple[int, int, int], list[Row]] = OrderedDict()
        self._windows: OrderedDict[tuple[int, int], Window] = OrderedDict()
        self._lock = threading.Lock()

    def row(self, position: int, rank: int, world_size: int) -> Batch:
        """Return a row: a batch without its first dimension. Raises JobError, naming file, rank and
        position, if its shard is damaged."""
        with self._lock:
            source, shard, number, at = self._find(np.array([position]))[0]
            with _naming(position, rank, world_size):
                rows = self._group(source, shard, number)
        return _batch(rows[at])

    def segments(self, positions: Int64, rank: int, world_size: int) -> list[Segment]:
        """Return the segments of the rows at these positions, in order. Raises JobError as `row`
        does."""
        segments: list[Segment] = []
        with self._lock:
            for position, place in zip(positions.tolist(), self._find(positions), strict=True):
                with _naming(position, rank, world_size):
                    segments += self._segments(position, *place)
        return segments

    def _segments(
        self, position: int, source: int, shard: int, number: int, at: int
    ) -> list[Segment]:
        table = self._files.documents(source, shard, number).slice(at, 1)
        (row,) = table.to_pylist()
        columns = ("seq_lengths", "doc_ids", "doc_starts", "doc_lengths")
        offset, segments = 0, []
        for length, doc_id, start, doc_length in zip(*(row[c] for c in columns), strict=True):
            segment = Segment(
                position=position,
                bucket=self._sources[source].bucket,
                sequence_id=row["sequence_id"],
                offset=offset,
                length=length,
                doc_id=doc_id,
                doc_start=start or 0,
                doc_length=doc_length or 0,
            )
            segments.append(segment)
            offset += length
        return segments

    def _find(self, positions: Int64) -> list[tuple[int, int, int, int]]:
        """Return source, shard, row group, and row in it, of each position."""
        return [self._place(*place) for *place, _ in places_of(self._order, positions)]

    def _place(self, slot: int, number: int, place: int) -> tuple[int, int, int, int]:
        key = (slot, number)
        if key not in self._windows:
            if len(self._windows) >= _WINDOWS_MAX:
                self._windows.popitem(last=False)
            self._windows[key] = self._order.window(slot, number)
        window = self._windows[key]
        source, at = self._sources[window.source], int(window.rows[place])
        for shard, group in zip(window.shards, window.groups, strict=True):
            if at < (rows := source.rows_of(shard, group)):
                return window.source, shard, group, at
            at -= rows
        raise AssertionError("a place lies in its window")

    def _group(self, source: int, shard: int, number: int) -> list[Row]:
        key = (source, shard, number)
        if key not in self._groups:
            if len(self._groups) >= self._num_groups:
                self._groups.popitem(last=False)
            self._groups[key] = rows_of_group(self._files.read(source, shard, number))
        self._groups.move_to_end(key)
        return self._groups[key]


@contextmanager
def _naming(position: int, rank: int, world_size: int) -> Iterator[None]:
    """Name rank and position where a shard is damaged."""
    try:
        yield
    except DamageError as error:
        raise damaged(error, rank, world_size, position) from None


def _batch(row: Row) -> Batch:
    """Return a copy, which does not keep the whole row group in memory."""
    ids, lengths, padding, num_segments, num_tokens, sequence_id, source, mask, again = row
    batch: Batch = {
        "input_ids": ids.copy(),
        "seq_lengths": lengths.copy(),
        "is_padding": np.zeros(num_segments, np.bool_) if padding is None else padding.copy(),
        "num_tokens": num_tokens,
        "sequence_id": sequence_id,
        "source": source,
    }
    if mask is not None:
        batch["loss_mask"] = mask.copy()
    if again is not None:
        batch["num_repeated"] = again.copy()
    return batch
