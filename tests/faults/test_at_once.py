"""Two runs, a prune and readers of one bucket at once: one run has it, the others say who, and a
reader sees the old version until it sees the new one."""

from pathlib import Path

import pytest
from faults.corpora import BUCKET, SEQ_LEN
from faults.injection import holding
from faults.kit import Cases, Drivers, one_line, verify_command
from faults.matrix import LONG, Matrix

pytestmark = pytest.mark.timeout(1800)


POINTS = {
    "token file": "rename */documents/* before",
    "token pointer": "write */tokens/_current.json before",
    "shard": "rename */shards/* before",
    "pointer": "write */sequences-128/_current.json before",
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == "pointer" else LONG) for n in POINTS]
)
def test_a_second_run_a_prune_and_a_reader_in_the_middle_of_a_run(
    case_of: Cases, drivers: Drivers, matrix: Matrix, tmp_path: Path, name: str
) -> None:
    case = case_of("parquet")
    output = case.copy(tmp_path)
    with holding(drivers.host.faults, POINTS[name]) as gate:
        first = drivers.start(*case.pack(output))
        pid = first.wait_at(gate)
        second = drivers.run(*case.pack(output))
        assert "another run holds it (pid " in one_line(second, 3)
        prune = drivers.run("prune", "--output", output, "--yes")
        assert prune.code == 3, prune.err
        drivers.run(*verify_command(output)).succeeds()
        assert case.check_published(output) < 2
        gate.let_go()
        ran = first.wait()
    assert ran.code == 0, ran.err
    assert pid > 0
    assert case.check_published(output) == 2
    case.check_final(output)
    matrix.add("second run in the middle of a run", "refused, exit 3, names the holder")
    matrix.add("prune in the middle of a run", "refused, exit 3")
    matrix.add("reader in the middle of a run", "sees one whole version")


@pytest.mark.slow
def test_a_prune_removes_the_old_version_once_the_new_is_published(
    case_of: Cases, drivers: Drivers, matrix: Matrix, tmp_path: Path
) -> None:
    case = case_of("parquet")
    output = case.copy(tmp_path)
    assert drivers.run(*case.pack(output)).code == 0
    drivers.run("prune", "--output", output, "--yes").succeeds()
    assert case.check_published(output) == 2
    place = output / BUCKET / f"sequences-{SEQ_LEN}"
    assert len([path for path in place.iterdir() if path.is_dir()]) == 1
    drivers.run(*verify_command(output)).succeeds()
    matrix.add("prune after a run", "keeps what is published, whole")
