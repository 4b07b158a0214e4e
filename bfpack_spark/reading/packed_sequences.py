"""The stream of packed rows that one rank of a training run reads. README.md states what is
guaranteed, and what weakens it."""

import copy
import importlib
import logging
import operator
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bfpack_spark.core.row_order import OrderRules
from bfpack_spark.errors import InputError
from bfpack_spark.reading.ahead import ahead
from bfpack_spark.reading.batches import Share, blocks
from bfpack_spark.reading.layouts import Batch, Layout, layout_of
from bfpack_spark.reading.opening import Choice, open_stream
from bfpack_spark.reading.random_access import RandomAccess, Segment
from bfpack_spark.reading.shard_files import ShardFiles
from bfpack_spark.reading.sharded_twice import check_one_layer_shards
from bfpack_spark.reading.state import (
    as_continued,
    check_state,
    checked_rank,
    checked_rules,
    state_of,
    whole_number,
)

log = logging.getLogger("bfpack")

Verify = Literal["pages", "sha256"]


class PackedSequences:
    """Rows of exactly seq_len tokens, in an order that seed, epoch, lanes and window alone decide.

    Rank r of w takes the positions start + r, start + r + w, ..., where start is the position that
    was loaded, or 0. All ranks get equally many rows. `state_dict` holds the position that all
    ranks have reached; it can be loaded by any number of ranks, and with any size of batches.
    """

    def __init__(
        self,
        output: str | Path,
        *,
        bucket: str | None = None,
        seq_len: int | None = None,
        version: str | None = None,
        snapshot: str | None = None,
        mixture: str | None = None,
        rank: int = 0,
        world_size: int = 1,
        seed: int = 0,
        epoch: int = 0,
        lanes: int = 16,
        window: int = 2,
        verify: Verify = "pages",
    ) -> None:
        """Open a bucket's sequences: what is current, a `version`, or what a `snapshot` keeps; or
        a `mixture` of several buckets, whose lanes are a power of two, and whose epoch is 0.

        `output` is a path or an address. `lanes` and `window` (row groups) say how the rows are
        mixed: a rank holds a window of each lane that it reads. `verify`: the checksum of each page
        that is read, or in addition the sha256 of each shard before it is read first. Raises
        InputError if there is no such version, or if a value cannot be.
        """
        rules = checked_rules(OrderRules(seed=seed, epoch=epoch, lanes=lanes, window=window))
        self._rank, self._world_size = checked_rank(rank, world_size)
        if verify not in ("pages", "sha256"):
            raise InputError(f"verify {verify!r}: give 'pages' or 'sha256'")
        choice = Choice(
            bucket=bucket, seq_len=seq_len, version=version, snapshot=snapshot, mixture=mixture
        )
        self._stream = open_stream(output, choice)
        self._verify: Verify = verify
        self._told: Any = None
        self._begin(rules, position=0)

    def _begin(self, rules: OrderRules, position: int) -> None:
        order = self._stream.order(rules)  # raises, and then nothing has changed
        self._rules, self._order = rules, order
        self._start = self._position = position
        self._random = RandomAccess(order, self._stream.sources, self._verify, rules.window)
        if self._told is not None:
            self._told[0], self._told[1] = rules.epoch, position

    def tell(self, told: Any) -> None:
        """Keep epoch and start in this array of two numbers, which the workers of a loader share:
        whoever begins another epoch, or loads a state, does so for all of them."""
        if self._told is None:
            self._told = told
            told[0], told[1] = self._rules.epoch, self._start

    def follow(self) -> None:
        """Begin where another process of the loader has begun."""
        if self._told is not None:
            epoch, start = int(self._told[0]), int(self._told[1])
            if (epoch, start) != (self._rules.epoch, self._start):
                self._begin(replace(self._rules, epoch=epoch), start)

    def __copy__(self) -> "PackedSequences":
        """Return a view that goes on by itself."""
        view = object.__new__(type(self))
        vars(view).update(vars(self), _told=None)
        return view

    @property
    def sources(self) -> list[str]:
        """Return the buckets, in the order in which `source` of a batch numbers them."""
        return [source.bucket for source in self._stream.sources]

    @property
    def seq_len(self) -> int:
        return self._stream.sources[0].seq_len

    @property
    def tokenizer(self) -> dict[str, Any]:
        """Return what the manifest says of the tokenizer: vocabulary_size, eos_id, pad_id, ..."""
        return dict(self._stream.sources[0].facts.tokenizer)

    @property
    def num_rows(self) -> int:
        """Return the rows of an epoch, of all ranks together."""
        return self._order.num_rows

    @property
    def epoch(self) -> int:
        self.follow()
        return self._rules.epoch

    @property
    def position(self) -> int:
        """Return the rows of this epoch that all ranks together have taken."""
        self.follow()
        return self._position

    @property
    def start(self) -> int:
        """Return the position that was loaded, or 0: where the rows of this rank begin."""
        self.follow()
        return self._start

    @property
    def rank(self) -> int:
        return self._rank

    @property
    def world_size(self) -> int:
        return self._world_size

    def __len__(self) -> int:
        """Return the rows that this rank takes from the start on."""
        check_one_layer_shards(self._rank, self._world_size)
        return max(self.num_rows - self.start, 0) // self._world_size

    def __getitem__(self, index: int) -> Batch:
        """Return the i-th row of this rank from the start on, as a batch without its first
        dimension and without num_segments. Raises IndexError if there is none."""
        rows, index = len(self), operator.index(index)
        if not -rows <= index < rows:
            raise IndexError(f"row {index} of {rows}")
        position = self._start + self._rank + (index % rows) * self._world_size
        return self._random.row(position, self._rank, self._world_size)

    def set_epoch(self, epoch: int) -> None:
        """Begin another epoch, at position 0. Nothing changes if it is the present one, so that a
        trainer may set the epoch of a state that was loaded."""
        epoch = whole_number("epoch", epoch, 0)
        if epoch != self.epoch:
            self._begin(replace(self._rules, epoch=epoch), position=0)

    def reached(self, position: int) -> None:
        """Take note that all ranks have reached a position."""
        self._position = position

    def left_over(self) -> range:
        """Return the positions at the end of the epoch that no rank takes from the position on,
        because they do not suffice for one row each."""
        position = self.position
        rows = max(self.num_rows - position, 0) // self._world_size
        return range(position + rows * self._world_size, self.num_rows)

    def batches(
        self,
        rows: int,
        *,
        layout: str | Layout | None = None,
        start: int | None = None,
        balance: bool = False,
    ) -> Iterator[Any]:
        """Return an iterator over the batches of this rank from the position on, or from `start`:
        `rows` rows each, and fewer in the last one of an epoch.

        A thread reads ahead, and makes the layout: "flattened", "batched", or a function of a batch
        (ValueError for another name). `balance` deals the rows of each global batch to the ranks by
        attention cost; each rank then decodes all rows. Raises JobError, naming file, rank and
        position, if a shard is damaged.
        """
        at = self.position if start is None else start
        return self._taken(self.share(rows, layout=layout, start=at, balance=balance))

    def _taken(self, share: Share) -> Iterator[Any]:
        for position, batch in self.read(share):
            self.reached(position)
            yield batch
        if self._rank == 0 and (left := self.left_over()):
            log.info("epoch %d: positions %d to %d are left over", self.epoch, left[0], left[-1])

    def share(self, rows: int, *, layout: str | Layout | None, start: int, balance: bool) -> Share:
        """Return which rows this rank takes, in batches of so many."""
        rows = min(whole_number("rows of a batch", rows, 1), max(self.num_rows, 1))
        start = whole_number("position", start, 0, self.num_rows)
        return Share(
            rank=self._rank,
            world_size=self._world_size,
            start=start,
            end=self.num_rows,
            rows=rows,
            seq_len=self.seq_len,
            balance=balance,
            layout=layout_of(layout),
        )

    def read(self, share: Share) -> Iterator[tuple[int, Any]]:
        """Yield each batch of a share, and the position that is reached with it."""
        check_one_layer_shards(self._rank, self._world_size)
        files = ShardFiles(self._stream.sources, self._verify)
        try:
            for block in ahead(blocks(self._order, files, share)):
                yield from block
        finally:
            files.close()

    def torch(
        self,
        rows: int | None,
        *,
        layout: str | Layout | None = None,
        balance: bool = False,
    ) -> Any:
        """Return an IterableDataset of PyTorch for DataLoader(..., batch_size=None) and
        StatefulDataLoader: its items are batches of tensors, and single rows if `rows` is None.
        Raises InputError if PyTorch is not installed."""
        try:
            module = importlib.import_module("bfpack_spark.reading.torch_batches")
        except ModuleNotFoundError as error:
            raise InputError(
                f"data.torch: {error}; install PyTorch, or take data.batches"
            ) from None
        if rows is None and layout == "flattened":
            raise InputError("layout 'flattened': joins the rows of a batch; give their number")
        kind = module.TorchRows if rows is None else module.TorchBatches
        rows = 1 if rows is None else rows
        return kind(self, self.share(rows, layout=layout, start=self.start, balance=balance))

    def global_view(self) -> "PackedSequences":
        """Return the rows of all ranks, for a layer that shares them out itself, as accelerate and
        Lightning do."""
        view = copy.copy(self)
        view._rank, view._world_size = 0, 1
        return view

    def state_dict(self, position: int | None = None) -> dict[str, Any]:
        """Return the position that all ranks have reached, and what must not change. `position`
        replaces it where batches are taken in other processes: start + batches taken x rows x
        world_size."""
        if position is not None:
            position = whole_number("position", position, 0, self.num_rows)
        reached = self.position if position is None else position
        return state_of(reached, self._stream.fingerprint, self._rules)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on at the position of a state, in its epoch, with any number of ranks and any size of
        batches. Raises InputError if the state is that of other data, seed, lanes or window. The
        state of an older mixture is that of the one that continues it, at its position."""
        state = as_continued(state, self._stream.fingerprint, self._stream.continues)
        position, epoch = check_state(state, self.state_dict(), self.num_rows)
        self._begin(replace(self._rules, epoch=epoch), position)

    def documents(self, position: int, rows: int = 1) -> list[Segment]:
        """Return the segments of the rows at the positions position..position + rows - 1 of the
        stream, whatever rank takes them: which documents a step has trained on."""
        begin = whole_number("position", position, 0)
        end = begin + whole_number("rows", rows, 0)
        if end > self.num_rows:
            raise InputError(f"positions {begin} to {end}: give some of 0 to {self.num_rows}")
        self.follow()
        positions = np.arange(begin, end)
        return self._random.segments(positions, self._rank, self._world_size)
