"""One run a bucket: flock and leases, on real files and a real store that puts on condition."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from conftest import holding_python
from obstore.exceptions import AlreadyExistsError, GenericError, PreconditionError
from obstore.store import MemoryStore

from bfpack_spark.errors import BusyError, InputError, JobError
from bfpack_spark.files import locks
from bfpack_spark.files.locks import hold_bucket, hold_lease

KEY = "out/b/_lock"
HELD = "--bucket b: another run holds it"


def held_by(store: MemoryStore) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bytes(obstore.get(store, KEY).bytes()))
    return found


# Local disks


def test_a_second_run_is_told_who_holds_the_bucket(tmp_path: Path) -> None:
    with hold_bucket(str(tmp_path), "b"):
        with pytest.raises(BusyError) as raised, hold_bucket(str(tmp_path), "b"):
            pass
        with hold_bucket(str(tmp_path), "another"):
            pass
    host = os.uname().nodename
    assert str(raised.value).startswith(f"{HELD} (pid {os.getpid()} on {host} since 20")
    with hold_bucket(str(tmp_path), "b"):
        pass


def test_nothing_is_left_of_a_lock_and_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for output in ("new", "there"):
        with hold_bucket(f"{tmp_path}/{output}", "b"):
            assert (tmp_path / output / "b" / "_lock").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]
    with hold_bucket(str(tmp_path), "b"):
        (tmp_path / "b" / "tokens").mkdir()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b", "there", "tokens"]


@pytest.fixture
def other_run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds bucket `b` until it is killed."""
    source = (
        "import sys; from bfpack_spark.files.locks import hold_bucket\n"
        "with hold_bucket(sys.argv[1], 'b'): print('held', flush=True); sys.stdin.read()"
    )
    with holding_python(source, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_folder_that_cannot_be_made_is_no_endless_search() -> None:
    """Below /proc, making a folder fails as if the one above it had been removed."""
    says = "--output /proc/x: cannot be made (No such file or directory); name another directory"
    with pytest.raises(InputError) as raised, hold_bucket("/proc/x", "b"):
        pass
    assert str(raised.value) == says


def test_a_killed_owners_lock_lapses_by_itself(
    other_run: subprocess.Popen[str], tmp_path: Path
) -> None:
    with (
        pytest.raises(BusyError, match=f"pid {other_run.pid} on "),
        hold_bucket(str(tmp_path), "b"),
    ):
        pass
    other_run.send_signal(signal.SIGKILL)
    other_run.wait()
    assert (tmp_path / "b" / "_lock").exists()  # it could not clean up
    with hold_bucket(str(tmp_path), "b"):
        held = json.loads((tmp_path / "b" / "_lock").read_bytes())
        assert held["pid"] == os.getpid()
    assert not (tmp_path / "b" / "_lock").exists()


def test_a_lock_with_another_name_is_not_written_to(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    (tmp_path / "out" / "b").mkdir(parents=True)
    os.link(mine, lock := tmp_path / "out" / "b" / "_lock")
    with pytest.raises(InputError, match=f"^{lock}: is a file with another name, too"):
        hold_bucket(f"{tmp_path}/out", "b").__enter__()
    assert mine.read_text() == "mine"


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner ended between our opening it and our locking it, and a third run has a new one."""
    path, flock, third = tmp_path / "b" / "_lock", locks.fcntl.flock, []

    def late(stream: Any, flags: int) -> None:
        if not third:
            path.unlink()
            third.append(path.open("a+b"))
            flock(third[0], flags)
        flock(stream, flags)

    monkeypatch.setattr(locks.fcntl, "flock", late)
    with pytest.raises(BusyError), hold_bucket(str(tmp_path), "b"):
        pass
    third[0].close()


# Object stores


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    """A store in which no lease is left behind."""
    made = MemoryStore()
    yield made
    assert not list(obstore.list(made).collect())


def test_a_lease_is_one_runs_and_is_let_go(store: MemoryStore) -> None:
    with hold_lease(store, KEY, "b") as lease:
        lease.check()
        with pytest.raises(BusyError, match=f"{HELD[2:]} .pid {os.getpid()} on "):
            hold_lease(store, KEY, "b").__enter__()
        assert held_by(store)["pid"] == os.getpid()
    assert not list(obstore.list(store).collect())
    with hold_lease(store, KEY, "b"):
        pass


def test_a_lease_stays_ours_when_it_is_renewed(store: MemoryStore) -> None:
    with hold_lease(store, KEY, "b") as lease:
        for renewals in (1, 2, 3):
            lease.renew()
            lease.check()
            assert held_by(store)["renewals"] == renewals


def dead_owner(store: MemoryStore) -> None:
    """A lease whose owner has gone without letting go."""
    obstore.put(store, KEY, json.dumps({"host": "h", "pid": 1, "since": "then"}).encode())


def written(store: MemoryStore) -> float:
    return float(obstore.head(store, KEY)["last_modified"].timestamp())


def test_a_dead_owners_lease_lapses_after_its_time_and_a_watch(store: MemoryStore) -> None:
    waited: list[float] = []
    dead_owner(store)
    at = written(store)
    with pytest.raises(BusyError, match=r"\(pid 1 on h since then\)"):
        hold_lease(store, KEY, "b", now=lambda: at + 60, wait=waited.append).__enter__()
    assert waited == []
    with hold_lease(store, KEY, "b", now=lambda: at + 61, wait=waited.append) as lease:
        lease.check()
        assert held_by(store)["pid"] == os.getpid()
    assert waited == [60]


def test_an_owner_that_renews_keeps_its_lease_whatever_our_clock_says(store: MemoryStore) -> None:
    with hold_lease(store, KEY, "b") as lease:

        def wait(_: float) -> None:
            lease.renew()

        with pytest.raises(BusyError):
            hold_lease(store, KEY, "b", now=lambda: 1e12, wait=wait).__enter__()
        lease.check()


def test_of_two_that_take_over_one_succeeds(store: MemoryStore) -> None:
    dead_owner(store)

    class First:
        entered: Any = None

    def wait(_: float) -> None:
        """While the second watches, the first has watched and takes it over."""
        if First.entered is None:
            First.entered = hold_lease(store, KEY, "b", now=lambda: 1e12, wait=lambda _: None)
            First.entered.__enter__()

    with pytest.raises(BusyError):
        hold_lease(store, KEY, "b", now=lambda: 1e12, wait=wait).__enter__()
    assert held_by(store)["pid"] == os.getpid()
    First.entered.__exit__(None, None, None)


@pytest.mark.parametrize("fate", ["taken", "removed"])
def test_a_lease_that_another_took_or_removed_is_lost(fate: str, store: MemoryStore) -> None:
    with hold_lease(store, KEY, "b") as lease:
        if fate == "taken":
            dead_owner(store)  # by somebody who asks nobody
        else:
            obstore.delete(store, KEY)
        with pytest.raises(JobError, match="lost, since it could not be renewed for 60 s"):
            lease.check()
    if fate == "taken":
        assert held_by(store)["host"] == "h", "it is left to who took it"
        obstore.delete(store, KEY)


def test_a_renewal_that_was_sent_twice_finds_its_own_work(store: MemoryStore) -> None:
    with hold_lease(store, KEY, "b") as lease:
        obstore.put(store, KEY, json.dumps(held_by(store) | {"renewals": 1}).encode())
        for _ in range(2):
            lease.renew()
            lease.check()


def losing(monkeypatch: pytest.MonkeyPatch, error: type[Exception], *, writes: int) -> None:
    """The answer to the first so many writes is lost: they are done, and an error is what is told,
    that of the second try or of the connection."""
    put, left = obstore.put, [writes]

    def put_and_lose(*arguments: Any, **more: Any) -> Any:
        done = put(*arguments, **more)
        left[0] -= 1
        if left[0] >= 0:
            raise error("lost")
        return done

    monkeypatch.setattr(locks.obstore, "put", put_and_lose)


@pytest.mark.parametrize("error", [AlreadyExistsError, PreconditionError, GenericError])
def test_a_first_write_whose_answer_was_lost_is_our_lock(
    error: type[Exception], store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing(monkeypatch, error, writes=1)
    with hold_lease(store, KEY, "b") as lease:
        for _ in range(2):
            lease.check()
            lease.renew()
        with pytest.raises(BusyError):
            hold_lease(store, KEY, "b").__enter__()


@pytest.mark.parametrize("error", [PreconditionError, GenericError])
def test_a_takeover_whose_answer_was_lost_is_our_lock(
    error: type[Exception], store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_owner(store)
    losing(monkeypatch, error, writes=1)
    with hold_lease(store, KEY, "b", now=lambda: 1e12, wait=lambda _: None) as lease:
        lease.check()
        assert held_by(store)["pid"] == os.getpid()


def test_a_store_that_does_not_answer_is_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise GenericError("no answer")

    monkeypatch.setattr(locks.obstore, "put", refuse)
    with pytest.raises(JobError, match="storage: no answer"):
        hold_lease(MemoryStore(), KEY, "b").__enter__()
