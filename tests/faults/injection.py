"""Faults at named points: functions are wrapped by their names, in a process that is about to run
bfpack or to be a Spark worker; the shipped code knows nothing of it.

A point is "FUNCTION PATH before" or "FUNCTION PATH after", for each call of a function in POINTS.
What is to happen there is read from the file that is armed, at each call, so that one that lives
long, as a Spark worker does, can be given one fault after another.
"""

import fcntl
import fnmatch
import functools
import importlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import connection
from pathlib import Path
from typing import IO, Any

import psutil


def _below(base: str, inside: str, *_: Any) -> object:
    return f"{base}/{inside}"


def _renamed(base: str, _: str, target: str) -> object:
    return f"{base}/{target}"


def _open_file(stream: Any) -> object:
    return Path(f"/proc/self/fd/{stream.fileno()}").readlink()


def _first(*arguments: Any, **_: Any) -> object:
    return arguments[0] if arguments else "-"


def _nothing(*_: Any, **__: Any) -> object:
    return "-"


# Module, function, and what its path is, by its arguments.
POINTS: list[tuple[str, str, Callable[..., object]]] = [
    ("bfpack_spark.files.confined", "write", _below),
    ("bfpack_spark.files.confined", "sync_file", _open_file),
    ("bfpack_spark.files.confined", "rename", _renamed),
    ("bfpack_spark.files.confined", "unlink", _below),
    ("bfpack_spark.files.confined", "remove_tree", _below),
    ("bfpack_spark.files.confined", "sync_folders", _below),
    ("bfpack_spark.files.locks", "_locked", _below),
    # In workers, which import what takes these from their modules after they are wrapped.
    ("bfpack_spark.tokens.token_files", "read_token_file", _first),
    ("bfpack_spark.tokens.token_places", "read_ids", _first),
    ("bfpack_spark.tokens.token_places", "read_places", _first),
    ("bfpack_spark.plan.plan_files", "read_fragments", _first),
    ("bfpack_spark.core.best_fit", "pack", _nothing),
    ("bfpack_spark.tokenizing.tokenize_documents", "TokenizeSpec.tokenize", _nothing),
    # Last, since its module imports all of these.
    ("bfpack_spark.tokens.make_tokens", "check_unique", _nothing),
]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens at which point."""

    point: str  # a pattern of fnmatch, e.g. "write_bytes */_manifest.json before"
    act: str  # one of ACTS
    nth: int = 1  # call that it happens at, over all processes
    times: int = 1  # calls in a row


def arm(place: Path, *faults: Fault) -> None:
    """Let these faults happen from now on, to who was told of `place` by `install`."""
    place.mkdir(exist_ok=True)
    for old in place.glob("hits-*"):
        old.unlink()
    whole = place / "new"
    whole.write_text(json.dumps([asdict(fault) for fault in faults]))
    whole.replace(place / "faults.json")


def hits(place: Path, number: int = 0) -> int:
    """How often the point of a fault was reached."""
    counted = place / f"hits-{number}"
    return counted.stat().st_size if counted.exists() else 0


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A point at which whoever reaches it is held."""

    place: Path
    stream: IO[str]

    def wait(self, *sentinels: int) -> int:
        """Return when somebody is there, or somebody more: its process id.

        Raises EOFError where a process with one of these sentinels ends before.
        """
        # Without waiting for a writer, which may never come.
        with os.fdopen(os.open(self.place / "here", os.O_RDONLY | os.O_NONBLOCK)) as pipe:
            if pipe.fileno() not in connection.wait([pipe.fileno(), *sentinels]):
                raise EOFError("it ended before it came to where it was to be held")
            os.set_blocking(pipe.fileno(), True)
            return int(pipe.read())

    def let_go(self) -> None:
        """Let it go on, and hold nobody from now on."""
        arm(self.place)
        fcntl.flock(self.stream, fcntl.LOCK_UN)


@contextmanager
def holding(place: Path, *points: str) -> Iterator[Gate]:
    """Hold whoever reaches a point first, until it is let go or this is left."""
    place.mkdir(exist_ok=True)
    (place / "here").unlink(missing_ok=True)
    os.mkfifo(place / "here")
    with (place / "go").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        arm(place, *(Fault(point=point, act="hold") for point in points))
        gate = Gate(place=place, stream=stream)
        yield gate
        gate.let_go()


def install(place: Path, log: Path | None = None) -> None:
    """Wrap every function of POINTS in this process; `log` gets a line a point that is reached."""
    for module_name, name, path_of in POINTS:
        owner: Any = importlib.import_module(module_name)
        *outer, own = name.split(".")
        for part in outer:
            owner = getattr(owner, part)
        setattr(owner, own, _wrapped(getattr(owner, own), name, path_of, place, log))


def _wrapped(
    function: Callable[..., Any],
    name: str,
    path_of: Callable[..., object],
    place: Path,
    log: Path | None,
) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        reached = f"{name} {path_of(*arguments, **options)}"
        _reach(f"{reached} before", place, log)
        result = function(*arguments, **options)
        _reach(f"{reached} after", place, log)
        return result

    return wrapper


def _reach(point: str, place: Path, log: Path | None) -> None:
    if log is not None:
        with log.open("a") as stream:
            stream.write(f"{point}\n")
    try:
        told = json.loads((place / "faults.json").read_text())
    except FileNotFoundError:
        return
    for number, each in enumerate(told):
        fault = Fault(**each)
        if fnmatch.fnmatchcase(point, fault.point):
            hit = _count(place / f"hits-{number}")
            if fault.nth <= hit < fault.nth + fault.times:
                ACTS[fault.act](place)


def _count(counted: Path) -> int:
    """One more, over all processes."""
    stream = os.open(counted, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(stream, b".")
        return os.lseek(stream, 0, os.SEEK_CUR)
    finally:
        os.close(stream)


def _kill(place: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _crash(place: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _kill_driver(place: Path) -> None:
    os.kill(_driver(place), signal.SIGKILL)


def _kill_group(place: Path) -> None:
    os.killpg(_driver(place), signal.SIGKILL)


def _kill_jvm(place: Path) -> None:
    children = psutil.Process(_driver(place)).children()
    (jvm,) = [child for child in children if child.name() == "java"]
    jvm.kill()


def _kill_executors(place: Path) -> None:
    """Of a worker: the JVM that runs it, and its siblings. All that was shuffled goes with them."""
    own, starter = [p for p in psutil.Process().parents() if p.name() == "java"][:2]
    for jvm in (*(other for other in starter.children() if other != own), own):
        jvm.kill()


def _driver(place: Path) -> int:
    return int((place / "driver").read_text())


def _hold(place: Path) -> None:
    """Say that we are here, and wait until we are let go."""
    with (place / "here").open("w") as pipe:
        pipe.write(str(os.getpid()))
    with (place / "go").open() as gate:
        fcntl.flock(gate, fcntl.LOCK_SH)


ACTS: dict[str, Callable[[Path], None]] = {
    "kill": _kill,
    "crash": _crash,
    "kill driver": _kill_driver,
    "kill group": _kill_group,
    "kill jvm": _kill_jvm,
    "kill executors": _kill_executors,
    "hold": _hold,
}
