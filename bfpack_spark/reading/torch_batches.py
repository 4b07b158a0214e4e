"""Batches as tensors, for PyTorch's DataLoader. The only file here that needs PyTorch: it is
imported when `PackedSequences.torch` is called."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from bfpack_spark.errors import InputError
from bfpack_spark.reading.batches import Share
from bfpack_spark.reading.packed_sequences import PackedSequences
from bfpack_spark.reading.sharded_twice import check_one_layer_shards, check_rows_stay_in_order
from bfpack_spark.reading.state import whole_number

_OF_ROWS = ("num_segments", "num_tokens", "sequence_id", "source")  # one number a row
_OF_LOADER = ("next", "rows", "world_size", "num_workers")


@dataclass
class _Progress:
    """What an iterator makes, and how far it has come."""

    begun: tuple[int, int]  # epoch and start of the data
    share: Share
    next: int  # number of the batch that comes next


class TorchBatches(IterableDataset):  # type: ignore[misc]
    """The batches of one rank, from the position on that was loaded. Each iterator begins there
    anew, and only the first one after `load_state_dict` goes on where the state was.

    With k workers, worker i makes the batches i, i + k, ..., and DataLoader takes them in turn. So
    their order is the same with any number of workers. A StatefulDataLoader keeps the state of each
    worker: the number of the batch that it makes next.
    """

    def __init__(self, data: PackedSequences, share: Share) -> None:
        """`share`: what each batch is. Where it starts is asked of the data in each epoch."""
        self._data, self._share = data, share
        self._loaded: _Progress | None = None  # where the next iterator goes on
        self._progress: _Progress | None = None  # of the newest iterator
        data.tell(torch.zeros(2, dtype=torch.int64).share_memory_())

    def __iter__(self) -> Iterator[Any]:
        """Return an iterator over batches as tensors. Raises InputError if another layer shares
        them out once more, or if DataLoader would bring them out of order."""
        check_one_layer_shards(self._data.rank, self._data.world_size)
        if get_worker_info() is not None:
            check_rows_stay_in_order()
        self._progress, self._loaded = self._of_this_epoch(self._loaded), None
        return self._tensors(self._progress)

    def _of_this_epoch(self, held: _Progress | None) -> _Progress:
        """Return this progress, or the beginning if it is none of what the data has begun."""
        begun = (self._data.epoch, self._data.start)
        if held is not None and held.begun == begun:
            return held
        share = self._whole()
        return _Progress(begun, share, share.first)

    def _whole(self) -> Share:
        """Return what this process makes of an epoch."""
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        start = self._data.start
        return replace(self._share, start=start, end=self._data.num_rows, first=first, step=step)

    def _tensors(self, progress: _Progress) -> Iterator[Any]:
        share = replace(progress.share, first=progress.next)
        for position, batch in self._data.read(share):
            progress.next += share.step
            if share.step == 1:
                self._data.reached(position)
            yield self.item(batch)

    def item(self, batch: Any) -> Any:
        """Return what is yielded for a batch."""
        return as_tensors(batch)

    def set_epoch(self, epoch: int) -> None:
        """Begin another epoch, as accelerate and others ask for it."""
        self._data.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of this process: where its iterator has started, and the batch that
        comes next."""
        held = self._of_this_epoch(self._loaded or self._progress)
        share = held.share
        of_loader = (held.next, share.rows, share.world_size, share.step)
        return {
            **self._data.state_dict(share.start),
            **dict(zip(_OF_LOADER, of_loader, strict=True)),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the batch that came next. The state of one process fits any number of rows a
        batch and of ranks; that of several workers fits the same alone. Raises InputError if the
        state does not fit, or is that of other data."""
        if missing := set(_OF_LOADER) - state.keys():
            raise InputError(
                f"state: lacks {', '.join(sorted(missing))}, so it is none of a loader; load it "
                "with data.load_state_dict"
            )
        told = {name: whole_number(f"state: {name}", state[name], 0) for name in _OF_LOADER}
        of_data = {name: held for name, held in state.items() if name not in _OF_LOADER}
        whole = self._whole()
        own = {"rows": whole.rows, "world_size": whole.world_size, "num_workers": whole.step}
        others = [name for name, held in own.items() if told[name] != held]
        if told["num_workers"] > 1 or whole.step > 1:
            for name in others:
                raise InputError(
                    f"state: is of {name} {told[name]}, and this loader has {own[name]}; give it "
                    "the same, or load data.state_dict(position=...), which fits any"
                )
        self._data.load_state_dict(of_data)
        begun = (self._data.epoch, self._data.start)
        share, number = replace(whole, start=self._data.start), told["next"]
        if others:
            there = replace(share, rows=told["rows"], world_size=max(told["world_size"], 1))
            share, number = replace(share, start=there.reached(number - 1)), 0
        self._loaded = _Progress(begun, share, number)
        if share.step == 1:
            self._data.reached(share.reached(number - 1))


class TorchRows(TorchBatches):
    """Single rows, for trainers that make batches of them."""

    def item(self, batch: Any) -> Any:
        """Return a batch of one row without its first dimension."""
        return {
            name: held[0] if held.dim() > 1 or name in _OF_ROWS else held
            for name, held in as_tensors(batch).items()
        }


def as_tensors(batch: Any) -> Any:
    """Return a batch with tensors in place of arrays, which share their memory."""
    if not isinstance(batch, dict):
        return batch
    return {
        name: torch.from_numpy(held) if isinstance(held, np.ndarray) else held
        for name, held in batch.items()
    }
