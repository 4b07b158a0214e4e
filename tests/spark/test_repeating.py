"""Something done every so often beside the work."""

import threading

import pytest

from bfpack_spark.spark.progress import repeating


def test_it_is_done_beside_the_work_and_once_more_at_its_end() -> None:
    done, thrice = [], threading.Event()

    def act() -> None:
        done.append(threading.current_thread())
        if len(done) == 3:
            thrice.set()

    with repeating(act, 0.001):
        assert thrice.wait(60)
    assert threading.current_thread() not in done[:-1]
    assert done[-1] is threading.current_thread()
    assert not [thread for thread in threading.enumerate() if thread in done[:-1]]


def test_it_ends_with_work_that_fails() -> None:
    done: list[int] = []
    with pytest.raises(ValueError, match="of the work"), repeating(lambda: done.append(1), 60):
        raise ValueError("of the work")
    assert done == [1]
