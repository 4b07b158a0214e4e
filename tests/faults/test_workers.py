"""Python workers that are killed, or crash as C++ does, in each stage: Spark tries the task again
and no byte changes, or, where every attempt dies, the old version stands and one line says so."""

from pathlib import Path

import pytest
from faults.injection import Fault, arm, hits, holding
from faults.kit import Cases, Drivers, complete, one_line
from faults.matrix import LONG, Matrix

pytestmark = pytest.mark.timeout(1800)


# What a worker does in each stage, in the order in which a run comes to it. (Lengths are counted in
# the JVM.)
STAGES = {
    "tokenize": "TokenizeSpec.tokenize *",
    "write tokens": "rename */documents/*",
    "find repeated ids": "read_ids *",
    "deal to groups": "read_places *",
    "plan": "pack *",
    "write plan": "rename */plan/*",
    "locate": "read_fragments *",
    "assemble": "read_token_file *",
    "write shards": "rename */shards/*",
}


@pytest.mark.parametrize("act", ["kill", pytest.param("crash", marks=LONG)])
def test_a_worker_that_dies_once_in_every_stage_changes_no_byte(
    case_of: Cases, drivers: Drivers, matrix: Matrix, tmp_path: Path, act: str
) -> None:
    case = case_of("parquet")
    output = case.copy(tmp_path)
    arm(
        drivers.host.faults,
        *(Fault(point=f"{point} before", act=act) for point in STAGES.values()),
    )
    ran = drivers.run(*case.pack(output))
    times = [hits(drivers.host.faults, number) for number in range(len(STAGES))]
    arm(drivers.host.faults)
    assert ran.code == 0, ran.err
    assert all(times), dict(zip(STAGES, times, strict=True))
    assert case.check_published(output) == 2
    case.check_final(output)
    signal = {"kill": "SIGKILL", "crash": "SIGSEGV"}[act]
    matrix.add(f"worker gets {signal} in a stage", "tried again, same bytes", len(STAGES))


@pytest.mark.slow
def test_a_worker_that_dies_every_time_fails_the_run_with_one_line(
    case_of: Cases, drivers: Drivers, matrix: Matrix, tmp_path: Path
) -> None:
    """On one output, a stage later each time, by turns; in the end the run goes on from there."""
    case = case_of("parquet")
    output = case.copy(tmp_path)
    for number, (name, point) in enumerate(STAGES.items()):
        act, signal = (("kill", "SIGKILL"), ("crash", "SIGSEGV"))[number % 2]
        arm(drivers.host.faults, Fault(point=f"{point} before", act=act, times=1000))
        ran = drivers.run(*case.pack(output))
        assert hits(drivers.host.faults) >= 3, f"{name}: {ran.err}"
        assert "worker" in one_line(ran, 5), name
        case.check_published(output)
        matrix.add(f"every worker of a stage gets {signal}", "one line, exit 5")
    arm(drivers.host.faults)
    complete(case, drivers, output)


@pytest.mark.slow
def test_a_worker_held_over_a_second_run_changes_nothing_published(
    case_of: Cases, drivers: Drivers, matrix: Matrix, tmp_path: Path
) -> None:
    """Its driver is dead, and the next run has other partitions; then it writes its file."""
    case = case_of("parquet")
    output = case.copy(tmp_path)
    faults = drivers.host.faults
    with holding(faults, "rename */documents/* before") as gate:
        dead = drivers.start(*case.pack(output))
        dead.wait_at(gate)
        dead.process.kill()
        assert dead.wait().code == -9
        arm(faults)
        drivers.run(*case.pack(output)).succeeds()
        case.check_final(output)
    drivers.host.cancel()
    drivers.run("verify", "--output", output, "--bucket", "b", "--seq-len", 128).succeeds()
    assert case.check_published(output) == 2
    matrix.add("late worker of a dead run", "what is published stays as it is")
