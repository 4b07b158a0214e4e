"""Executors of their own: all are killed when what they have shuffled is in use, and others do
their tasks again; or a task is slow, and Spark lets another executor race it. No byte changes."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from faults.injection import Fault, arm, hits, holding
from faults.kit import TESTS, Cases, Drivers, started_host
from faults.matrix import Matrix

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]


# Two executors of a core each, in JVMs of their own, which fetch each other's blocks from each
# other, and not from the disk that they share here.
SETTINGS = {
    "spark.master": "local-cluster[2,1,1024]",
    "spark.executor.memory": "1g",
    "spark.shuffle.readHostLocalDisk": "false",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.compress": "false",
    "spark.eventLog.rolling.enabled": "false",
}
# Spark compares what a task sends, in whatever order, with what it sent before.
COMPARED = {"spark.sql.shuffle.orderIndependentChecksum.enabled": "true"}
LOG_OF_CHECKSUMS = """
logger.checksums.name = org.apache.spark.ShuffleStatus
logger.checksums.level = debug
"""
# A task is raced when half of its stage has ended, and it takes longer than theirs; one that is
# alone, after two seconds.
SPECULATION = {
    "spark.speculation": "true",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.multiplier": "1.1",
    "spark.speculation.interval": "100ms",
    "spark.speculation.minTaskRuntime": "1s",
    "spark.speculation.task.duration.threshold": "2s",
}
POINTS = ("pack - before", "rename */shards/* before")  # planning, assembling


def logging_checksums(folder: Path) -> dict[str, str]:
    """The settings of a JVM that logs the checksums of what tasks send."""
    usual = (ROOT / "bfpack_spark" / "spark" / "log4j2.properties").read_text()
    path = folder / "log4j2.properties"
    path.write_text(usual + LOG_OF_CHECKSUMS)
    option = f"-Dlog4j2.configurationFile={path.as_uri()}"
    return COMPARED | {"spark.driver.extraJavaOptions": option}


def told_by(events: Path, kind: str) -> list[dict[str, Any]]:
    """The events of one kind in the log of a session that has ended."""
    (log,) = events.iterdir()
    told = map(json.loads, log.read_text().splitlines())
    return [event for event in told if event["Event"] == f"SparkListener{kind}"]


def test_executors_killed_when_their_map_output_is_in_use_change_no_byte(
    case_of: Cases, matrix: Matrix, tmp_path: Path
) -> None:
    """When the plan is made, and again when the shards are. What is sent again is the same."""
    case = case_of("parquet")
    output = case.copy(tmp_path)
    events = tmp_path / "events"
    events.mkdir()
    settings = SETTINGS | {"spark.eventLog.dir": str(events)} | logging_checksums(tmp_path)
    with started_host(tmp_path / "cluster", **settings) as host:
        arm(host.faults, *(Fault(point=point, act="kill executors") for point in POINTS))
        Drivers(host, tmp_path).run(*case.pack(output)).succeeds()
        assert all(hits(host.faults, number) for number in range(len(POINTS)))
    assert len(told_by(events, "ExecutorRemoved")) >= 4
    ends = Counter(end["Task End Reason"]["Reason"] for end in told_by(events, "TaskEnd"))
    assert ends["ExecutorLostFailure"], ends
    assert ends["Resubmitted"] + ends["FetchFailed"] >= 2, ends
    said = (tmp_path / "cluster" / "host.err").read_text()
    assert "Checksum of map output for task" in said
    assert "Checksum of map output changes" not in said
    assert case.check_published(output) == 2
    case.check_shards(output)
    matrix.add("executors killed, their map output in use", "same shards, same plan", len(POINTS))


@pytest.fixture
def two_hosts(tmp_path: Path) -> Iterator[str]:
    """The master of a cluster whose workers Spark takes for two machines, since it lets no machine
    race itself."""
    script, folder = ROOT / "scripts" / "cluster.sh", tmp_path / "cluster"
    told = {**os.environ, "WORKER_HOSTS": "127.0.0.1 127.0.0.2"}
    started = subprocess.run([script, "start", folder], capture_output=True, text=True, env=told)
    assert started.returncode == 0, started.stderr
    yield started.stdout.strip()
    subprocess.run([script, "stop", folder], check=True)


@pytest.mark.long
def test_a_task_that_is_raced_by_another_changes_no_byte(
    case_of: Cases, matrix: Matrix, tmp_path: Path, two_hosts: str
) -> None:
    """Who is held has written its file, and not named it; the other one gives it its name."""
    case = case_of("parquet")
    output = case.copy(tmp_path)
    events, session = tmp_path / "events", tmp_path / "session"
    events.mkdir()
    settings = SETTINGS | SPECULATION | {"spark.eventLog.dir": str(events)}
    settings |= {"spark.master": two_hosts, "spark.executorEnv.PYTHONPATH": str(TESTS)}
    settings |= {"spark.executorEnv.FAULTS": str(session / "faults")}
    points = ("rename */documents/* before", "rename */shards/* before")
    with started_host(session, **settings) as host, holding(host.faults, *points) as gate:
        driver = Drivers(host, tmp_path).start(*case.pack(output))
        assert driver.wait_at(gate) != driver.wait_at(gate)
        driver.wait().succeeds()
    raced = [end for end in told_by(events, "TaskEnd") if end["Task Info"]["Speculative"]]
    assert len([end for end in raced if end["Task End Reason"]["Reason"] == "Success"]) >= 2
    assert case.check_published(output) == 2
    case.check_shards(output)
    matrix.add("task held still, and raced by a copy", "same shards, same plan", len(points))
