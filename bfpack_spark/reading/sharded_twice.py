"""Whether somebody is about to share out among ranks what one rank has already taken.

accelerate and Lightning wrap the loader or the sampler of a training run, and hand each process a
part of what it yields. Of a view that already is one rank's part, the rest is then lost, without a
word. They reach a data set by its length, its items or its iterator, and who asks is seen on the
stack.
"""

import sys
from collections.abc import Iterator
from types import FrameType

from bfpack_spark.errors import InputError

_FETCHING = "torch.utils.data._utils.fetch"


def check_one_layer_shards(rank: int, world_size: int) -> None:
    """Raise InputError if the view of one of several ranks is asked by code that shards it again
    for more than one process."""
    if world_size > 1 and any(_shards_again(frame) for frame in _frames()):
        raise InputError(
            f"rank {rank} of {world_size}: is one rank's part already, and would be shared out "
            "among processes once more, which loses rows; let only one layer shard: give this "
            "layer data.global_view(), or do without its sharding"
        )


def check_rows_stay_in_order() -> None:
    """Raise InputError if a DataLoader makes batches of items in several workers: each worker then
    fills batches of its own, and the order is another one."""
    for frame in _frames():
        if frame.f_globals.get("__name__") == _FETCHING and frame.f_locals.get("auto_collation"):
            raise InputError(
                "DataLoader(batch_size=..., num_workers=...): each worker would fill batches of "
                "its own, in another order; give data.torch(N) the rows of a batch, and DataLoader "
                "batch_size=None"
            )


def _shards_again(frame: FrameType) -> bool:
    module, shared_out = str(frame.f_globals.get("__name__", "")), 1
    if module == "accelerate.data_loader":
        state = getattr(sys.modules.get("accelerate.state"), "PartialState", None)
        shared_out = getattr(state, "_shared_state", {}).get("num_processes", 1)
    elif module == "torch.utils.data.distributed":  # a DistributedSampler
        shared_out = getattr(frame.f_locals.get("self"), "num_replicas", 1) or 1
    return int(shared_out) > 1


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back
