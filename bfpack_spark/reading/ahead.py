"""Work that one thread does ahead of its consumer."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Any, TypeVar

Item = TypeVar("Item")

_BLOCKS = 2  # that wait for the consumer
_LOOKED = 1.0  # seconds after which a consumer that waits looks whether the thread lives


def ahead(items: Iterator[Item], sizes: Callable[[int], int]) -> Generator[Item, None, None]:
    """Yield items that a thread takes from an iterator ahead of the consumer, in blocks: block k
    has sizes(k) items. (A block a time costs a thousandth of an item a time.) An error of the
    iterator is raised here, in place of the item that failed. Closing the generator ends the
    thread."""
    blocks: queue.Queue[tuple[list[Item], BaseException | None, bool]] = queue.Queue(_BLOCKS)
    stopped = threading.Event()
    thread = threading.Thread(
        target=_work, args=(items, sizes, blocks, stopped), name="bfpack-reader", daemon=True
    )
    thread.start()
    try:
        while True:
            block, error, ended = _next(blocks, thread)
            yield from block
            if error is not None:
                raise error
            if ended:
                return
    finally:
        stopped.set()
        _drain(blocks)
        thread.join()


def _work(
    items: Iterator[Any],
    sizes: Callable[[int], int],
    blocks: queue.Queue[Any],
    stopped: threading.Event,
) -> None:
    number, ended = 0, False
    error: BaseException | None = None
    while not ended and not stopped.is_set():
        block: list[Any] = []
        try:
            while len(block) < sizes(number):
                block.append(next(items))
        except StopIteration:
            ended = True
        except BaseException as raised:  # whatever it is, the consumer must hear of it
            error, ended = raised, True
        number += 1
        blocks.put((block, error, ended))


def _next(blocks: queue.Queue[Any], thread: threading.Thread) -> Any:
    while True:
        with suppress(queue.Empty):
            return blocks.get(timeout=_LOOKED)
        if not thread.is_alive() and blocks.empty():
            raise RuntimeError("the thread that reads shards ahead ended without a word")


def _drain(blocks: queue.Queue[Any]) -> None:
    """Let a thread that waits for room go on, and see that it is to stop."""
    with suppress(queue.Empty):
        while True:
            blocks.get_nowait()
