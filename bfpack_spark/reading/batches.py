"""The batches of one rank, made in the thread of the caller.

Batches are made some at a time, in blocks: a batch of a block is a part of its arrays. So what a
batch costs beside its tokens is paid once for all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.mixed_rows import Order
from bfpack_spark.core.row_balance import attention_cost, deal_rows
from bfpack_spark.reading.layouts import Batch, Layout
from bfpack_spark.reading.shard_files import ShardFiles
from bfpack_spark.reading.windows import Row, Windows, places_of

_BLOCK_TOKENS = 1 << 17
_FOUND = 2048  # positions that are looked up at once

Block = list[tuple[int, Any]]  # batches, and the position that all ranks have reached with each


@dataclass(frozen=True, kw_only=True)
class Share:
    """Which rows a rank takes, and as what."""

    rank: int
    world_size: int
    start: int  # position from which all ranks go on
    end: int  # of the epoch
    rows: int  # of a batch
    seq_len: int
    balance: bool = False
    layout: Layout | None = None
    first: int = 0  # of the batches of this rank: the first one that is made
    step: int = 1  # and each step-th after it

    @property
    def num_rows(self) -> int:
        """Return the rows of each rank from the start on."""
        return max(self.end - self.start, 0) // self.world_size

    @property
    def due(self) -> range:
        """Return the numbers of the batches that are made."""
        return range(self.first, -(-self.num_rows // self.rows), self.step)

    @property
    def batches_at_once(self) -> int:
        """Return how many batches make a block."""
        return max(_BLOCK_TOKENS // (self.rows * self.seq_len), 1)

    @property
    def looked_up(self) -> int:
        """Return how many batches' positions are looked up at once."""
        return max(_FOUND // (self.rows * (self.world_size if self.balance else 1)), 1)

    def positions(self, batches: range) -> Int64:
        """Return the positions of these batches; with balance, those of all ranks. The last batch
        of an epoch may have fewer rows."""
        rows = np.add.outer(np.asarray(batches) * self.rows, np.arange(self.rows)).reshape(-1)
        rows = self.start + rows[rows < self.num_rows] * self.world_size
        if self.balance:
            return np.asarray(np.add.outer(rows, np.arange(self.world_size)).reshape(-1))
        return np.asarray(rows + self.rank)

    def reached(self, batch: int) -> int:
        """Return the position that all ranks have reached with a batch."""
        return self.start + min((batch + 1) * self.rows, self.num_rows) * self.world_size


def blocks(order: Order, files: ShardFiles, share: Share) -> Iterator[Block]:
    """Yield the batches of a share. Raises JobError, naming file, rank and position, if a shard is
    damaged, after the batches before it."""
    windows = Windows(order, files, share.rank, share.world_size)
    due, size = share.due, 1  # the first block is one batch, so that training begins
    global_rows = share.rows * (share.world_size if share.balance else 1)
    while due:
        looked_up, due = due[: share.looked_up], due[share.looked_up :]
        places = places_of(order, share.positions(looked_up))
        while looked_up:
            numbers, looked_up = looked_up[:size], looked_up[size:]
            wanted, places = places[: size * global_rows], places[size * global_rows :]
            size = min(2 * size, share.batches_at_once)
            rows, error = windows.take(wanted)
            if error is not None:
                numbers = numbers[: len(rows) // global_rows]
                rows = rows[: len(numbers) * global_rows]
            if rows:
                yield _block(rows, numbers, share)
            if error is not None:
                raise error


def _block(rows: list[Row], numbers: range, share: Share) -> Block:
    """Return the batches of these rows, in their layout."""
    if share.balance:
        each = share.rows * share.world_size
        dealt = (_own(rows[at : at + each], share) for at in range(0, len(rows), each))
        rows = [row for own in dealt for row in own]
    batches = divided(make_batch(rows), share.rows)
    made = batches if share.layout is None else map(share.layout, batches)
    return list(zip(map(share.reached, numbers), made, strict=True))


def _own(rows: list[Row], share: Share) -> list[Row]:
    """Return the rows of a global batch that go to this rank."""
    _, lengths, _, counts, *_ = zip(*rows, strict=True)
    costs = attention_cost(np.concatenate(lengths), np.cumsum((0, *counts[:-1])))
    return [rows[at] for at in deal_rows(costs, share.world_size)[share.rank]]


def make_batch(rows: list[Row]) -> Batch:
    """Return rows as one batch: input_ids int32 [B, S], seq_lengths int32 and is_padding bool of
    all segments end to end, num_segments, num_tokens and source int32 [B], and sequence_id int64
    [B]."""
    ids, lengths, padding, counts, tokens, numbers, sources, masks, again = zip(*rows, strict=True)
    batch: Batch = {
        "input_ids": np.concatenate(ids).reshape(len(rows), -1),
        "seq_lengths": np.concatenate(lengths),
        "num_segments": np.array(counts, dtype=np.int32),
        "is_padding": _padding(padding, counts),
        "num_tokens": np.array(tokens, dtype=np.int32),
        "sequence_id": np.array(numbers, dtype=np.int64),
        "source": np.array(sources, dtype=np.int32),
    }
    if masks[0] is not None:
        batch["loss_mask"] = np.stack(masks)
    if again[0] is not None:
        batch["num_repeated"] = np.concatenate(again)
    return batch


def _padding(padding: tuple[Any, ...], counts: tuple[int, ...]) -> Any:
    """Return which segments are padding. None: none of the row's."""
    found = np.zeros(sum(counts), dtype=np.bool_)
    if any(of_row is not None for of_row in padding):
        ends = np.cumsum(counts).tolist()
        for end, of_row in zip(ends, padding, strict=True):
            if of_row is not None:
                found[end - len(of_row) : end] = of_row
    return found


def divided(batch: Batch, rows: int) -> Iterator[Batch]:
    """Yield parts of so many rows of a batch, without a copy; the last one may have fewer."""
    counts = batch["num_segments"]
    ends = np.append(np.add.reduceat(counts, np.arange(0, len(counts), rows)), 0).cumsum().tolist()
    of_segments = [(name, batch[name]) for name in _OF_SEGMENTS if name in batch]
    others = [(name, held) for name, held in batch.items() if name not in _OF_SEGMENTS]
    for part, (begin, end) in enumerate(pairwise([0, *ends[:-1]])):
        here = slice(part * rows, (part + 1) * rows)
        found = {name: held[here] for name, held in others}
        found |= {name: held[begin:end] for name, held in of_segments}
        yield found


_OF_SEGMENTS = ("seq_lengths", "is_padding", "num_repeated")
