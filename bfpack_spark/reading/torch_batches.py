"""Batches as tensors, for PyTorch's DataLoader. The only file here that needs PyTorch: it is
imported when `PackedSequences.torch` is called."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from bfpack_spark.errors import InputError
from bfpack_spark.reading.batches import Share
from bfpack_spark.reading.packed_sequences import PackedSequences
from bfpack_spark.reading.sharded_twice import check_one_layer_shards, check_rows_stay_in_order

_OF_ROWS = ("num_segments", "num_tokens", "sequence_id", "source")  # one number a row


class TorchBatches(IterableDataset):  # type: ignore[misc]
    """The batches of one rank, from the position on that was loaded.

    With k workers, worker i makes the batches i, i + k, ..., and DataLoader takes them in turn. So
    their order is the same with any number of workers. A StatefulDataLoader keeps the state of each
    worker: the number of the batch that it makes next.
    """

    def __init__(self, data: PackedSequences, share: Share) -> None:
        """`share`: what each batch is. Where it starts is asked of the data in each epoch."""
        self._data, self._share = data, share
        self._next: int | None = None  # number of the batch that comes next in this process

    def __iter__(self) -> Iterator[Any]:
        """Return an iterator over batches as tensors. Raises InputError if another layer shares
        them out once more, or if DataLoader would bring them out of order."""
        check_one_layer_shards(self._data.rank, self._data.world_size)
        worker = get_worker_info()
        if worker is not None:
            check_rows_stay_in_order()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        share = replace(
            self._share,
            start=self._data.start,
            end=self._data.num_rows,
            first=first if self._next is None else self._next,
            step=step,
        )
        return self._tensors(share)

    def _tensors(self, share: Share) -> Iterator[Any]:
        self._next = share.first
        for position, batch in self._data.read(share):
            self._next += share.step
            if share.step == 1:
                self._data.reached(position)
            yield self.item(batch)
        self._next = None

    def item(self, batch: Any) -> Any:
        """Return what is yielded for a batch."""
        return as_tensors(batch)

    def set_epoch(self, epoch: int) -> None:
        """Begin another epoch, as accelerate and others ask for it."""
        if epoch != self._data.epoch:
            self._next = None
        self._data.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of this process: where the data starts, and the batch that comes
        next."""
        return {**self._data.state_dict(self._data.start), "next": self._next}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the batch that came next. Raises InputError if the state is that of other
        data."""
        if "next" not in state:
            raise InputError("state: is none of a loader; load it with data.load_state_dict")
        self._data.load_state_dict(state)
        self._next = state["next"]


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
