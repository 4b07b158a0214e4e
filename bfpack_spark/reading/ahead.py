"""Work that one thread does ahead of its consumer."""

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

Item = TypeVar("Item")

_ITEMS = 2  # that wait for the consumer
_LOOKED = 1.0  # seconds after which a consumer that waits looks whether the thread lives


@dataclass(frozen=True)
class _End:
    """What a thread says last."""

    error: BaseException | None


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield items that a thread takes from an iterator ahead of the consumer. An error of the
    iterator is raised here, in place of the item that failed. Closing the generator ends the
    thread."""
    waiting: queue.Queue[Any] = queue.Queue(_ITEMS)
    stopped = threading.Event()
    work = (items, waiting, stopped)
    thread = threading.Thread(target=_work, args=work, name="bfpack-reader", daemon=True)
    thread.start()
    try:
        while not isinstance(item := _next(waiting, thread), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        _drain(waiting)
        thread.join()


def _work(items: Iterator[Any], waiting: queue.Queue[Any], stopped: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            waiting.put(item)
            if stopped.is_set():
                return
    except BaseException as raised:  # whatever it is, the consumer must hear of it
        error = raised
    waiting.put(_End(error))


def _next(waiting: queue.Queue[Any], thread: threading.Thread) -> Any:
    while True:
        with suppress(queue.Empty):
            return waiting.get(timeout=_LOOKED)
        if not thread.is_alive() and waiting.empty():
            raise RuntimeError("the thread that reads shards ahead ended without a word")


def _drain(waiting: queue.Queue[Any]) -> None:
    """Let a thread that waits for room go on, and see that it is to stop."""
    with suppress(queue.Empty):
        while True:
            waiting.get_nowait()
