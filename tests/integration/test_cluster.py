"""A standalone cluster of separate JVMs on loopback, with nothing of this project installed: what
`make dist` made is shipped, and the shards are those of one process."""

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
import pytest
from conftest import ROOT, Corpus, pack_options
from outputs import current, shard_hashes

pytestmark = pytest.mark.timeout(900)  # a cluster is started, and a busy one takes its time

SPARK_HOME = Path(pyspark.__file__).parent
ARCHIVE = ROOT / "dist" / "environment.tar.gz"

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


def run_script(action: str, directory: Path) -> str:
    command = [ROOT / "scripts" / "cluster.sh", action, directory]
    environment = bare_environment()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def bare_environment() -> dict[str, str]:
    """Of a machine that has Spark and Java, and no Python environment that is active."""
    told = {"SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1", "PATH": "/usr/bin:/bin"}
    return {**told, "HOME": os.environ["HOME"], "JAVA_HOME": os.environ["JAVA_HOME"]}


def command_of(pid: int) -> str:
    """The arguments of a process; empty if there is none."""
    command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    started = Cluster(run_script("start", directory), directory)
    pids = started.pids()
    yield started
    run_script("stop", directory)
    assert [command_of(pid) for pid in pids.values()] == [""] * 3
    assert not started.pids()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where spark-submit is typed: jobs, settings and dist/, the archive unpacked, no .venv."""
    if not ARCHIVE.exists():
        pytest.skip(f"{ARCHIVE.relative_to(ROOT)} is missing: run `make dist`")
    folder = tmp_path_factory.mktemp("desk")
    for name in ("conf", "dist", "jobs"):
        (folder / name).symlink_to(ROOT / name)
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(folder / "environment", filter="tar")
    return folder


def submit(cluster: Cluster, desk: Path, job: str, *arguments: object) -> str:
    """Run a job by spark-submit and the example's settings, with an event log; its stdout."""
    (desk / "events").mkdir(exist_ok=True)
    events = {"enabled": "true", "dir": desk / "events", "compress": "false"}
    settings = {f"spark.eventLog.{key}": value for key, value in events.items()}
    settings |= {"spark.eventLog.rolling.enabled": "false", "spark.ui.enabled": "false"}
    command = [SPARK_HOME / "bin" / "spark-submit", "--master", cluster.master]
    command += ["--properties-file", "conf/spark-defaults.example.conf"]
    command += [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    done = subprocess.run(
        [str(part) for part in (*command, job, *arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=desk,
        env=bare_environment(),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def events(desk: Path, kind: str) -> list[dict[str, Any]]:
    """What happened in the application that ended last."""
    newest = max((desk / "events").iterdir(), key=lambda path: path.stat().st_mtime_ns)
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
    cluster: Cluster, desk: Path, corpus: Corpus, packed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    options = ["--config", "conf/cluster.toml", *pack_options(corpus, output), "--json"]
    options += ["--seq-len", 512, "--seq-len", 2048]
    # The submitter's word holds, whatever the job is told.
    options += ["--spark-conf", "spark.master=local[1]", "--spark-conf", "spark.executor.memory=7g"]
    made = json.loads(submit(cluster, desk, "jobs/pack_corpus.py", *options))
    assert [row["seq_len"] for row in made] == [512, 2048]
    for seq_len in (512, 2048):
        ours, theirs = (current(o, "small", f"sequences-{seq_len}") for o in (output, packed))
        assert ours.name == theirs.name
        assert shard_hashes(ours) == shard_hashes(theirs)

    (environment,) = events(desk, "EnvironmentUpdate")
    properties = dict(environment["Spark Properties"])
    assert properties["spark.master"] == cluster.master
    assert properties["spark.executor.memory"] == "1g"
    added = [event["Executor Info"] for event in events(desk, "ExecutorAdded")]
    assert [executor["Total Cores"] for executor in added] == [1, 1]
    ended = events(desk, "TaskEnd")
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
    cluster: Cluster, desk: Path, tmp_path: Path
) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE)
    seen = json.loads(submit(cluster, desk, str(probe)))
    workers = {Path(folder).relative_to(cluster.directory).parts[0] for folder, _, _ in seen}
    assert workers == {"worker-1", "worker-2"}
    for folder, python, package in seen:
        assert Path(python).parent == Path(folder, "environment", "bin")
        assert package == f"{folder}/environment/packages/bfpack_spark/__init__.py"
