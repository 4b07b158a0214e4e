"""A standalone cluster of separate JVMs on loopback, with nothing of this project installed: what
`make dist` made is shipped, and the shards are those of one process, also when a worker dies."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import ROOT, Corpus, pack_options, run_process
from integration.submitter import ARCHIVE, SPARK_HOME, bare_environment
from outputs import current, shard_hashes
from readmes import block, run

pytestmark = pytest.mark.timeout(900)  # a cluster is started, and a busy one takes its time

# Where each executor runs, and whose Python and bfpack_spark it has.
PROBE = """
import json, os, sys
from pyspark.sql import SparkSession

def look(_):
    import bfpack_spark
    yield os.getcwd(), sys.executable, bfpack_spark.__file__

spark = SparkSession.builder.getOrCreate()
barrier = spark.sparkContext.parallelize(range(2), 2).barrier()
print(json.dumps(barrier.mapPartitions(look).collect()))
"""


@dataclass(frozen=True)
class Cluster:
    master: str
    directory: Path

    def pids(self) -> dict[str, int]:
        return {path.stem: int(path.read_text()) for path in sorted(self.directory.glob("*.pid"))}

    def worker_of(self, executor: str) -> tuple[psutil.Process, psutil.Process]:
        """The JVMs of the worker that started an executor, and of the executor."""
        pids = [pid for name, pid in self.pids().items() if name.startswith("worker")]
        workers = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
        (found,) = [
            (worker, child)
            for worker in workers
            for child in worker.children()
            if child.name() == "java" and f"--executor-id {executor} " in " ".join(child.cmdline())
        ]
        return found


def run_script(action: str, directory: Path) -> str:
    program = ROOT / "scripts" / "cluster.sh"
    return run_process(program, action, directory, env=bare_environment()).succeeds().out.strip()


def command_of(pid: int) -> str:
    """The arguments of a process; empty if there is none."""
    return run_process("ps", "-ww", "-o", "args=", "-p", pid).out


@contextmanager
def started_cluster(directory: Path) -> Iterator[Cluster]:
    started = Cluster(run_script("start", directory), directory)
    pids = started.pids()
    yield started
    run_script("stop", directory)
    assert [command_of(pid) for pid in pids.values()] == [""] * 3
    assert not started.pids()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with started_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


def submission(cluster: Cluster, submit_from: Path, job: str, *arguments: object) -> list[str]:
    """The command that runs a job with the example's settings and an event log."""
    (submit_from / "events").mkdir(exist_ok=True)
    events = {"enabled": "true", "dir": submit_from / "events", "compress": "false"}
    settings = {f"spark.eventLog.{key}": value for key, value in events.items()}
    settings |= {"spark.eventLog.rolling.enabled": "false", "spark.ui.enabled": "false"}
    command = [SPARK_HOME / "bin" / "spark-submit", "--master", cluster.master]
    command += ["--properties-file", "conf/spark-defaults.example.conf"]
    command += [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    return [str(part) for part in (*command, job, *arguments)]


def submit(cluster: Cluster, submit_from: Path, job: str, *arguments: object) -> str:
    """Run a job; its stdout."""
    command = submission(cluster, submit_from, job, *arguments)
    return run_process(*command, cwd=submit_from, env=bare_environment()).succeeds().out


def events(submit_from: Path, kind: str) -> list[dict[str, Any]]:
    """What happened in the application that ended last."""
    newest = max((submit_from / "events").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    lines = map(json.loads, newest.read_text().splitlines())
    return [line for line in lines if line["Event"] == f"SparkListener{kind}"]


def test_master_and_workers_are_processes_of_their_own(cluster: Cluster) -> None:
    commands = {name: command_of(pid) for name, pid in cluster.pids().items()}
    classes = {name: "Master" if name == "master" else "Worker" for name in commands}
    assert list(commands) == ["master", "worker-1", "worker-2"]
    for name, command in commands.items():
        assert f"org.apache.spark.deploy.{classes[name].lower()}.{classes[name]}" in command
    assert cluster.master.startswith("spark://127.0.0.1:")


def test_a_cluster_makes_the_same_shards_as_one_process(
    cluster: Cluster, submit_from: Path, corpus: Corpus, packed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    options = ["--config", "conf/cluster.toml", *pack_options(corpus, output), "--json"]
    options += ["--seq-len", 512, "--seq-len", 2048]
    # The submitter's word holds, whatever the job is told.
    options += ["--spark-conf", "spark.master=local[1]", "--spark-conf", "spark.executor.memory=7g"]
    made = json.loads(submit(cluster, submit_from, "jobs/pack_corpus.py", *options))
    assert [row["seq_len"] for row in made] == [512, 2048]
    for seq_len in (512, 2048):
        ours, theirs = (current(o, "small", f"sequences-{seq_len}") for o in (output, packed))
        assert ours.name == theirs.name
        assert shard_hashes(ours) == shard_hashes(theirs)

    (environment,) = events(submit_from, "EnvironmentUpdate")
    properties = dict(environment["Spark Properties"])
    assert properties["spark.master"] == cluster.master
    assert properties["spark.executor.memory"] == "1g"
    added = [event["Executor Info"] for event in events(submit_from, "ExecutorAdded")]
    assert [executor["Total Cores"] for executor in added] == [1, 1]
    ended = events(submit_from, "TaskEnd")
    assert {event["Task Info"]["Executor ID"] for event in ended} == {"0", "1"}
    costs = [c for n in (512, 2048) for c in costs_told_by(output, n) if c["seq_len"] == n]
    assert [cost["stage"] for cost in costs] == ["plan", "assemble"] * 2
    assert all(cost["cpu_seconds"] is None for cost in costs), "that of others is not known here"
    told = sum(cost["task_seconds"] for cost in costs)
    logged = sum(event["Task Metrics"]["Executor Run Time"] for event in ended) / 1e3
    assert 0 < told < logged


def costs_told_by(output: Path, seq_len: int) -> list[dict[str, Any]]:
    """By the report of a version, which needs no more of a cluster than the job itself."""
    report = current(output, "small", f"sequences-{seq_len}") / "report"
    assert (report / "report.html").stat().st_size > 10_000
    costs: list[dict[str, Any]] = json.loads((report / "report.json").read_text())["run"]["costs"]
    return costs


def test_executors_run_what_was_shipped_to_them(
    cluster: Cluster, submit_from: Path, tmp_path: Path
) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE)
    seen = json.loads(submit(cluster, submit_from, str(probe)))
    workers = {Path(folder).relative_to(cluster.directory).parts[0] for folder, _, _ in seen}
    assert workers == {"worker-1", "worker-2"}
    for folder, python, package in seen:
        assert Path(python).parent == Path(folder, "environment", "bin")
        assert package == f"{folder}/environment/packages/bfpack_spark/__init__.py"


@pytest.mark.long
def test_an_executor_and_a_worker_that_die_change_no_byte(
    submit_from: Path, corpus: Corpus, packed: Path, tmp_path: Path
) -> None:
    """An executor while it tokenizes, a whole worker when its half of the tokens is shuffled."""
    output = tmp_path / "output"
    options = ["--config", "conf/cluster.toml", *pack_options(corpus, output), "--seq-len", 512]
    with started_cluster(tmp_path / "cluster") as cluster:
        killed = pack_and_kill(cluster, submit_from, *options)
    assert len(killed) == 3
    assert len(set(killed)) == 3
    ours, theirs = (current(o, "small", "sequences-512") for o in (output, packed))
    assert ours.name == theirs.name
    assert shard_hashes(ours) == shard_hashes(theirs)
    ends = [event["Task End Reason"]["Reason"] for event in events(submit_from, "TaskEnd")]
    assert ends.count("ExecutorLostFailure") >= 1
    assert len(events(submit_from, "ExecutorRemoved")) >= 2
    assert {"Resubmitted", "FetchFailed"} & set(ends)


def pack_and_kill(cluster: Cluster, submit_from: Path, *options: object) -> list[int]:
    """Pack, and kill JVMs at what spark-submit says; their ids."""
    said, killed, executor = [], [], ""
    moments = iter(
        [
            (r"Starting task .* in stage 2\.0 .*executor (\d+),", 1),  # tokenizes and writes
            (r'"stage": "plan"', 0),
            (r"ShuffleMapStage \d+ .* finished in", 2),
        ]
    )
    moment, num_killed = next(moments)
    command = submission(cluster, submit_from, "jobs/pack_corpus.py", *options)
    streams: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=submit_from, env=bare_environment(), **streams) as process:
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"Starting task .*executor (\d+),", line):
                executor = found[1]
            if re.search(moment, line):
                for dying in cluster.worker_of(executor)[2 - num_killed :] if num_killed else ():
                    dying.kill()
                    killed.append(dying.pid)
                moment, num_killed = next(moments, ("(?!)", 0))
    assert process.returncode == 0, "".join(said)[-3000:]
    return killed


@pytest.mark.long
def test_the_commands_of_the_readme_run_as_printed(clone: Path) -> None:
    if not ARCHIVE.exists():
        pytest.skip(f"{ARCHIVE.relative_to(ROOT)} is missing: run `make dist`")
    commands = block("jobs/README.md", "These commands are run by tests/integration/test_clu", "sh")
    try:
        run(clone, commands)
    finally:
        run_script("stop", clone / ".demo" / "cluster")
    for seq_len in (2048, 8192):
        assert shard_hashes(current(clone / ".demo" / "clustered", "code", f"sequences-{seq_len}"))
