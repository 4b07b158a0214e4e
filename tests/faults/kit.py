"""Running bfpack so that it can be killed, and saying what became of its output.

A JVM costs seconds of CPU, so there is one for many drivers: each is forked from a process that has
imported all, attaches as under spark-submit, and can be killed without it. Its Python workers, and
drivers that start a JVM of their own, take their faults from a folder that the test arms.
"""

import json
import multiprocessing as mp
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from conftest import ROOT, Ran
from faults.corpora import BUCKET, SEQ_LEN, Delivery, Published, published
from faults.driver import Gateway, run_attached
from faults.injection import Gate, arm
from outputs import current, plan_rows, shard_hashes, tree

TESTS = ROOT / "tests"
# A task is tried again, as on a cluster; one that dies every time fails the job.
SETTINGS = {
    "spark.master": "local[2,3]",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "4",
    "spark.python.daemon.module": "faults.worker_daemon",
}


@dataclass(frozen=True)
class Host:
    """A JVM that takes drivers, and the process that holds it."""

    process: subprocess.Popen[str]
    gateway: Gateway
    jvm: int
    faults: Path

    def cancel(self) -> None:
        """End what dead drivers have left to run."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("cancel\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@contextmanager
def started_host(folder: Path, **settings: str) -> Iterator[Host]:
    """A JVM with a session, whose workers have the faults of folder/faults."""
    folder.mkdir(parents=True)
    faults = folder / "faults"
    arm(faults)
    told = SETTINGS | {"spark.sql.warehouse.dir": str(folder / "warehouse")} | settings
    command = [sys.executable, "-m", "faults.host", json.dumps(told)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (folder / "host.err").open("w") as err:
        process = subprocess.Popen(
            command, stderr=err, env=environment(faults), cwd=folder, **pipes
        )
    with process:
        line = process.stdout.readline()
        assert line, (folder / "host.err").read_text()[-3000:]
        said = json.loads(line)
        gateway = Gateway(port=said["port"], secret=said["secret"])
        yield Host(process, gateway, said["jvm"], faults)


def environment(faults: Path) -> dict[str, str]:
    """Of a process that takes faults, and hands them on to its workers."""
    return {**os.environ, "PYTHONPATH": str(TESTS), "FAULTS": str(faults)}


@dataclass(frozen=True)
class Driver:
    """A driver that was started and may die."""

    process: ForkServerProcess
    said: Path

    def wait(self) -> Ran:
        """What it left behind; its code is -9 if it was killed."""
        self.process.join()
        code = self.process.exitcode
        assert code is not None
        out, err = (self.said.with_suffix(ending).read_text() for ending in (".out", ".err"))
        return Ran(code, out, err)

    def wait_at(self, gate: Gate) -> int:
        """Return when it, or a worker of its, is held at a gate: the process id of who is."""
        try:
            return gate.wait(self.process.sentinel)
        except EOFError as error:
            raise AssertionError(self.wait()) from error

    def points(self) -> list[str]:
        return self.said.with_suffix(".points").read_text().splitlines()


class Drivers:
    """Starts drivers that attach to a host; each gets a number."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self._folder, self._number = folder, 0
        self._context = mp.get_context("forkserver")
        self._context.set_forkserver_preload(["faults.driver"])

    def start(self, *arguments: object, faults: Path | None = None, **variables: str) -> Driver:
        """With the host's faults, or others."""
        self._number += 1
        said = self._folder / f"driver-{self._number}"
        told = [str(argument) for argument in arguments]
        environ = {**os.environ, **variables}  # not that of when the first driver was started
        process = self._context.Process(
            target=run_attached,
            args=(self.host.gateway, told, environ, faults or self.host.faults, said),
        )
        for ending in (".out", ".err"):  # else one that dies at once leaves none
            said.with_suffix(ending).touch()
        process.start()
        return Driver(process, said)

    def run(self, *arguments: object, **variables: str) -> Ran:
        return self.start(*arguments, **variables).wait()


def run_alone(folder: Path, faults: Path, *arguments: object, **settings: str) -> Ran:
    """A driver that starts a JVM of its own, and leads a process group; its code is negative if
    it was killed."""
    told = {**SETTINGS, "spark.sql.warehouse.dir": str(folder / "warehouse"), **settings}
    conf = [part for name, value in told.items() for part in ("--spark-conf", f"{name}={value}")]
    command = [sys.executable, "-m", "faults.driver", faults, folder / "alone.points", *arguments]
    # To files: what outlives a driver would keep a pipe open.
    with (folder / "alone.out").open("w") as out, (folder / "alone.err").open("w") as err:
        done = subprocess.run(
            [str(part) for part in (*command, *conf)],
            stdout=out,
            stderr=err,
            check=False,
            cwd=folder,
            env=environment(faults),
            start_new_session=True,
        )
    said = [(folder / f"alone.{name}").read_text() for name in ("out", "err")]
    return Ran(done.returncode, *said)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A delivery, what packing it gives, and how: the output before the second night, which the
    first one made, and what an undisturbed second night makes of it."""

    delivery: Delivery
    tokenizer: Path
    before: Path
    after: Path
    old: dict[str, Published]
    new: dict[str, Published]
    final: dict[str, str]

    def copy(self, folder: Path) -> Path:
        """The output before the second night, to be disturbed."""
        return Path(shutil.copytree(self.before, folder / "output", symlinks=True))

    def pack(self, output: Path, *more: object) -> list[object]:
        """The command of the second night."""
        return pack_command(
            self.delivery.new, self.tokenizer, output, *self.delivery.options, *more
        )

    def check_published(self, output: Path) -> int:
        """Every place shows the old version or the complete new one; how many show the new."""
        now = published(output)
        assert now.keys() <= self.new.keys()
        assert now.keys() >= self.old.keys()
        for place, shown in now.items():
            assert shown in (self.old.get(place), self.new[place]), f"a mixture in {place}"
        return sum(shown == self.new[place] for place, shown in now.items())

    def check_final(self, output: Path) -> None:
        """All bytes are those of an undisturbed run, and nothing else is there."""
        assert tree(output) == self.final

    def check_shards(self, output: Path) -> None:
        """Shards and plan are those of an undisturbed run, however the plan's files are divided."""
        ours, theirs = (current(o, BUCKET, f"sequences-{SEQ_LEN}") for o in (output, self.after))
        assert ours.name == theirs.name
        assert shard_hashes(ours) == shard_hashes(theirs)
        assert plan_rows(ours) == plan_rows(theirs)


Cases = Callable[[str], Case]  # the case of an input format


def pack_command(
    source: str | Path, tokenizer: Path, output: str | Path, *more: object
) -> list[object]:
    where = ["--input", source, "--tokenizer", tokenizer, "--output", output, "--bucket", BUCKET]
    rules = ["--id-column", "id", "--max-quarantined", 0.1, "--seq-len", SEQ_LEN]
    return ["pack", *where, *rules, *more]


def make_case(drivers: Drivers, delivery: Delivery, tokenizer: Path, folder: Path) -> Case:
    """Pack both nights undisturbed, and have them verified."""
    before, after = folder / "before", folder / "after"
    for output, source in ((before, delivery.old), (after, delivery.new)):
        drivers.run(*pack_command(source, tokenizer, output, *delivery.options)).succeeds()
        drivers.run(*verify_command(output)).succeeds()
        if output == before:
            shutil.copytree(before, after)
    return Case(
        delivery=delivery,
        tokenizer=tokenizer,
        before=before,
        after=after,
        old=published(before),
        new=published(after),
        final=tree(after),
    )


def complete(case: Case, drivers: Drivers, output: Path) -> None:
    """Run again, undisturbed: all is as if nothing had happened."""
    drivers.run(*case.pack(output)).succeeds()
    assert case.check_published(output) == 2
    case.check_final(output)


def verify_command(output: Path) -> list[object]:
    return ["verify", "--output", output, "--bucket", BUCKET, "--seq-len", SEQ_LEN]


def one_line(ran: Ran, code: int = 2) -> str:
    """The line that says what is wrong, which must be the only one and no traceback."""
    assert ran.code == code, ran.err
    lines = [line for line in ran.err.splitlines() if line.startswith("bfpack: error: ")]
    assert len(lines) == 1, ran.err
    assert "Traceback" not in ran.err or code == 5, ran.err
    return lines[0].removeprefix("bfpack: error: ")
