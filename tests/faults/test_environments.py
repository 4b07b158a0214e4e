"""The shards and the plan's rows are the same whatever the machine is set to: time zone, locale,
hash seed, cores, sizes of Arrow batches, adaptive execution, shuffle partitions."""

from pathlib import Path

import pytest
from faults.injection import arm
from faults.kit import Cases, Drivers, run_alone
from faults.matrix import LONG, SLOW, Matrix

pytestmark = pytest.mark.timeout(1800)

SQL = "spark.sql."

SETTINGS = {
    "Arrow batches of 7 rows": {f"{SQL}execution.arrow.maxRecordsPerBatch": "7"},
    "Arrow batches of 2 kB": {f"{SQL}execution.arrow.maxBytesPerBatch": "2048"},
    "adaptive execution off": {f"{SQL}adaptive.enabled": "false"},
    "1 shuffle partition": {f"{SQL}shuffle.partitions": "1"},
    "23 shuffle partitions": {f"{SQL}shuffle.partitions": "23"},
    "ANSI mode off": {f"{SQL}ansi.enabled": "false"},
}
JAVA = (
    "-Duser.language=tr -Duser.country=TR -Duser.timezone=Pacific/Apia -Dfile.encoding=ISO-8859-1"
)
MACHINES = {
    "1 core, Turkish, Apia": (
        {"TZ": "Pacific/Apia", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "7"},
        {"spark.master": "local[1]"},
    ),
    "4 cores, C, Kathmandu": (
        {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "0", "JAVA_TOOL_OPTIONS": JAVA},
        {"spark.master": "local[4]", f"{SQL}session.timeZone": "Asia/Kathmandu"},
    ),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=LONG if n[:5] != "Arrow" else []) for n in SETTINGS],
)
def test_settings_of_the_session_change_no_byte(
    case_of: Cases, drivers: Drivers, matrix: Matrix, tmp_path: Path, name: str
) -> None:
    case = case_of("parquet")
    output = case.copy(tmp_path)
    conf = [part for k, v in SETTINGS[name].items() for part in ("--spark-conf", f"{k}={v}")]
    drivers.run(*case.pack(output, *conf)).succeeds()
    case.check_shards(output)
    matrix.add(f"environment: {name}", "same shards, same plan")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=LONG if n[:1] == "1" else SLOW) for n in MACHINES]
)
def test_another_machine_changes_no_byte(
    case_of: Cases,
    matrix: Matrix,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    case = case_of("parquet")
    output = tmp_path / "output"
    variables, settings = MACHINES[name]
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    arm(tmp_path / "faults")
    run_alone(tmp_path, tmp_path / "faults", *case.pack(output), **settings).succeeds()
    case.check_shards(output)
    matrix.add(f"environment: {name}", "same shards, same plan")
