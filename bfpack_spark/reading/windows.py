"""Decoded windows, of which a reader holds one of each slot.

A window is decoded when its first row is due, and given up when the next window of its slot is. The
positions of a rank ascend, so each window is decoded once.

A token costs few nanoseconds, so a row may cost few microseconds: rows are tuples of views, made
and brought together by zip and not by a loop of statements.
"""

from itertools import pairwise, repeat
from typing import Any, TypeAlias

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.mixed_rows import Order
from bfpack_spark.core.row_order import Window
from bfpack_spark.errors import JobError
from bfpack_spark.reading.shard_files import DamageError, Group, ShardFiles

# input_ids [seq_len], seq_lengths [segments], is_padding [segments] or None, number of segments,
# tokens, sequence_id, source, loss_mask [seq_len] or None, num_repeated [segments] or None; arrays
# are views of the row group.
Row: TypeAlias = tuple[Any, Any, Any, int, int, int, int, Any, Any]


class Windows:
    """The rows at ascending positions."""

    def __init__(self, order: Order, files: ShardFiles, rank: int, world_size: int) -> None:
        self._order, self._files = order, files
        self._rank, self._world_size = rank, world_size
        self._held: dict[int, tuple[int, list[Row]]] = {}

    def take(self, places: list[tuple[int, int, int, int]]) -> tuple[list[Row], JobError | None]:
        """Return the row at each place (slot, window, row, position); positions must ascend from
        call to call. If a shard is damaged, return the rows before it, and an error that names
        file, rank and position."""
        rows: list[Row] = []
        held = self._held
        for slot, number, place, position in places:
            window = held.get(slot)
            if window is None or window[0] != number:
                held.pop(slot, None)  # so that only one is in memory
                try:
                    window = (number, rows_of_window(self._order.window(slot, number), self._files))
                except DamageError as error:
                    return rows, damaged(error, self._rank, self._world_size, position)
                held[slot] = window
            rows.append(window[1][place])
        return rows, None


def places_of(order: Order, positions: Int64) -> list[tuple[int, int, int, int]]:
    """Return slot, window, row and position of each position."""
    places = order.find(positions)
    columns = (places.slot, places.window, places.row, positions)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def rows_of_window(window: Window, files: ShardFiles) -> list[Row]:
    """Return the rows of a window in their order. Raises DamageError if one cannot be read."""
    rows: list[Row] = []
    for shard, group in zip(window.shards, window.groups, strict=True):
        rows += rows_of_group(files.read(window.source, shard, group))
    return [rows[at] for at in window.rows.tolist()]


def rows_of_group(group: Group) -> list[Row]:
    """Return the rows of a row group as views."""
    begins, first, size = group.begins, group.first, len(group.input_ids)
    spans = [slice(begin, end) for begin, end in pairwise(begins)]
    padding, tokens = group.is_padding, repeat(group.input_ids.shape[1])
    again = group.num_repeated
    if padding is not None:
        real = np.append(np.where(padding, 0, group.seq_lengths), 0)
        tokens = iter(np.add.reduceat(real, begins)[:-1].tolist())
    columns = (
        group.input_ids,
        map(group.seq_lengths.__getitem__, spans),
        repeat(None) if padding is None else map(padding.__getitem__, spans),
        np.diff(begins).tolist(),
        tokens,
        range(first, first + size),
        repeat(group.source),
        repeat(None) if group.loss_mask is None else group.loss_mask,
        repeat(None) if again is None else map(again.__getitem__, spans),
    )
    return list(zip(*columns, strict=False))  # repeat has no end


def damaged(error: DamageError, rank: int, world_size: int, position: int) -> JobError:
    """Return an error that names file, rank and position."""
    return JobError(
        f"{error}; rank {rank} of {world_size} needs it at position {position:,}; bfpack verify "
        "names all that is damaged; restore the file from a copy"
    )
