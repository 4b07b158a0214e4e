"""All executors are killed when what they have shuffled is in use: others do their tasks again,
and no byte changes."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.injection import Fault, arm, hits
from faults.kit import Case, Drivers, started_host
from faults.matrix import Matrix

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]

Cases = Callable[[str], Case]

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
POINTS = {"plan": "pack - before", "assemble": "rename */shards/* before"}


@pytest.mark.parametrize("name", POINTS)
def test_executors_killed_when_their_map_output_is_in_use_change_no_byte(
    case_of: Cases, matrix: Matrix, tmp_path: Path, name: str
) -> None:
    case = case_of("parquet")
    output = case.copy(tmp_path)
    events = tmp_path / "events"
    events.mkdir()
    with started_host(
        tmp_path / "cluster", **SETTINGS, **{"spark.eventLog.dir": str(events)}
    ) as host:
        drivers = Drivers(host, tmp_path)
        arm(host.faults, Fault(point=POINTS[name], act="kill executors"))
        ran = drivers.run(*case.pack(output))
        assert ran.code == 0, ran.err
        assert hits(host.faults)
    (log,) = events.iterdir()
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event for event in told if event["Event"] == "SparkListenerExecutorRemoved"]
    ends = Counter(
        event["Task End Reason"]["Reason"]
        for event in told
        if event["Event"] == "SparkListenerTaskEnd"
    )
    assert ends["ExecutorLostFailure"], ends
    assert ends["Resubmitted"] + ends["FetchFailed"], ends
    assert case.check_published(output) == 2
    case.check_shards(output)
    matrix.add(f"executors killed in {name}, their map output in use", "same shards, same plan")
