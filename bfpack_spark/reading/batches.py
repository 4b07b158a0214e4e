"""The batches of one rank, made one after another in the thread of the caller.

A window is decoded when its first row is due, and given up when the next window of its slot is. The
positions of a rank ascend, so each window is decoded once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bfpack_spark.core.deal_rows import attention_cost, deal_rows
from bfpack_spark.core.fragments import Int64
from bfpack_spark.errors import JobError
from bfpack_spark.reading.layouts import Batch, Layout
from bfpack_spark.reading.order import Order
from bfpack_spark.reading.shard_files import DamageError, Group, ShardFiles

_FOUND = 2048  # positions that are looked up at a time


@dataclass(frozen=True, kw_only=True)
class Share:
    """Which rows a rank takes, and as what."""

    rank: int
    world_size: int
    start: int  # position from which all ranks go on
    rows: int  # of a batch
    balance: bool = False
    layout: Layout | None = None
    first: int = 0  # of the batches of this rank: the first one that is made
    step: int = 1  # and each step-th after it


class Row(NamedTuple):
    """A row in its decoded row group."""

    group: Group
    at: int


class _Held(NamedTuple):
    """A decoded window."""

    number: int
    groups: list[Group]
    group_of: list[int]  # of each place in the window
    row_of: list[int]


def num_batches(share: Share, num_rows: int) -> int:
    """Return how many batches a rank has from the start on, counting those that others make."""
    rows = max(num_rows - share.start, 0) // share.world_size
    return -(-rows // share.rows)


def batches(order: Order, files: ShardFiles, share: Share) -> Iterator[tuple[int, Any]]:
    """Yield each batch, and the position that all ranks have reached with it. The last one of an
    epoch may have fewer rows, on all ranks alike. Raises JobError, naming file, rank and position,
    if a shard is damaged."""
    windows = _Windows(order, files, share)
    world, rows = share.world_size, share.rows
    each = max(order.num_rows - share.start, 0) // world  # rows of this rank
    due = range(share.first, num_batches(share, order.num_rows), share.step)
    ahead = max(_FOUND // (rows * (world if share.balance else 1)), 1)  # batches
    for begin in range(0, len(due), ahead):
        spans = [(at * rows, min((at + 1) * rows, each)) for at in due[begin : begin + ahead]]
        wanted = [_positions(share, *span) for span in spans]
        found = windows.rows(np.concatenate(wanted))
        for (_, last), positions in zip(spans, wanted, strict=True):
            held = [next(found) for _ in range(len(positions))]
            batch = make_batch(_own(held, share) if share.balance else held)
            yield share.start + last * world, share.layout(batch) if share.layout else batch


def _positions(share: Share, first: int, last: int) -> Int64:
    """Return the positions of the rows first..last-1 of this rank, or with balance of all ranks."""
    start, world = share.start, share.world_size
    if share.balance:
        return np.arange(start + first * world, start + last * world)
    return np.arange(start + share.rank + first * world, start + share.rank + last * world, world)


def _own(rows: list[Row], share: Share) -> list[Row]:
    """Return the rows of a global batch that go to this rank."""
    lengths = [group.seq_lengths[group.begins[at] : group.begins[at + 1]] for group, at in rows]
    begins = np.cumsum([0, *map(len, lengths[:-1])])
    costs = attention_cost(np.concatenate(lengths), begins)
    return [rows[at] for at in deal_rows(costs, share.world_size)[share.rank]]


def make_batch(rows: list[Row]) -> Batch:
    """Return rows as one batch: input_ids int32 [B, S], seq_lengths int32 and is_padding bool of
    all segments end to end, num_segments, num_tokens and source int32 [B], and sequence_id int64
    [B]."""
    seq_len = rows[0].group.input_ids.shape[1]
    input_ids = np.empty((len(rows), seq_len), dtype=np.int32)
    lengths, counts, padded, masked = [], [], False, False
    for number, (group, at) in enumerate(rows):
        input_ids[number] = group.input_ids[at]
        begin, end = group.begins[at], group.begins[at + 1]
        lengths.append(group.seq_lengths[begin:end])
        counts.append(end - begin)
        padded |= group.is_padding is not None
        masked |= group.loss_mask is not None
    seq_lengths = np.concatenate(lengths)
    is_padding = _padding(rows) if padded else np.zeros(len(seq_lengths), dtype=np.bool_)
    num_tokens = np.full(len(rows), seq_len, dtype=np.int32)
    if padded:
        begins = np.cumsum([0, *counts[:-1]])
        num_tokens -= np.add.reduceat(np.where(is_padding, seq_lengths, 0), begins)
    batch: Batch = {
        "input_ids": input_ids,
        "seq_lengths": seq_lengths,
        "num_segments": np.array(counts, dtype=np.int32),
        "is_padding": is_padding,
        "num_tokens": num_tokens,
        "sequence_id": np.array([group.first + at for group, at in rows], dtype=np.int64),
        "source": np.array([group.source for group, _ in rows], dtype=np.int32),
    }
    if masked:
        batch["loss_mask"] = np.stack([_mask(group)[at] for group, at in rows])
    return batch


def _padding(rows: list[Row]) -> Any:
    pieces = []
    for group, at in rows:
        begin, end = group.begins[at], group.begins[at + 1]
        held = group.is_padding
        pieces.append(np.zeros(end - begin, dtype=np.bool_) if held is None else held[begin:end])
    return np.concatenate(pieces)


def _mask(group: Group) -> Any:
    """Return the loss masks of a group; a bucket without masks has 1 everywhere."""
    if group.loss_mask is None:
        return np.ones(group.input_ids.shape, dtype=np.int8)
    return group.loss_mask


class _Windows:
    """One decoded window of each slot."""

    def __init__(self, order: Order, files: ShardFiles, share: Share) -> None:
        self._order, self._files, self._share = order, files, share
        self._held: dict[int, _Held] = {}

    def rows(self, positions: Int64) -> Iterator[Row]:
        """Yield the row at each position; positions must ascend from call to call."""
        places = self._order.find(positions)
        columns = (places.slot, places.window, places.row, positions)
        for slot, number, row, position in zip(*(c.tolist() for c in columns), strict=True):
            held = self._held.get(slot)
            if held is None or held.number != number:
                held = self._held[slot] = self._decode(slot, number, position)
            yield Row(held.groups[held.group_of[row]], held.row_of[row])

    def _decode(self, slot: int, number: int, position: int) -> _Held:
        self._held.pop(slot, None)  # so that only one is in memory
        window = self._order.window(slot, number)
        pairs = zip(window.shards, window.groups, strict=True)
        try:
            groups = [self._files.read(window.source, *pair) for pair in pairs]
        except DamageError as error:
            raise damaged(error, self._share.rank, self._share.world_size, position) from None
        ends = np.cumsum([len(group.input_ids) for group in groups])
        group_of = np.searchsorted(ends, window.rows, side="right")
        begins = ends - [len(group.input_ids) for group in groups]
        row_of = window.rows - begins[group_of]
        return _Held(number, groups, group_of.tolist(), row_of.tolist())


def damaged(error: DamageError, rank: int, world_size: int, position: int) -> JobError:
    """Return an error that names file, rank and position."""
    return JobError(
        f"{error}; rank {rank} of {world_size} needs it at position {position:,}; bfpack verify "
        "names all that is damaged; restore the file from a copy"
    )
