"""A driver is killed at every point that the disk can tell from the one before, and at random ones:
what is published is the old version or the complete new one, and running again gives the bytes of a
run that nobody disturbed."""

import random
import time
from pathlib import Path

import pytest
from faults.injection import Fault, arm, hits
from faults.kit import Case, Cases, Drivers, complete
from faults.matrix import LONG, SLOW, Matrix
from faults.points import AFTERWARDS, POINTS

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.parametrize(
    ("form", "when", "first", "every"),
    [
        ("parquet", "before", 0, 4),
        pytest.param("parquet", "before", 2, 4, marks=SLOW),
        pytest.param("masks", "before", 0, 3, marks=SLOW),
        pytest.param("parquet", "before", 1, 2, marks=LONG),
        pytest.param("masks", "after", 0, 1, marks=LONG),
    ],
)
def test_a_driver_killed_at_each_named_point_publishes_no_mixture(
    case_of: Cases,
    drivers: Drivers,
    matrix: Matrix,
    tmp_path: Path,
    form: str,
    when: str,
    first: int,
    every: int,
) -> None:
    """One run after another on the same output, each killed some points later than the last."""
    case = case_of(form)
    output = case.copy(tmp_path)
    for name, point in list(POINTS.items())[first::every]:
        arm(drivers.host.faults, Fault(point=f"{point} {when}", act="kill driver"))
        ran = drivers.run(*case.pack(output))
        assert hits(drivers.host.faults), f"{name}: {ran.err}"
        assert ran.code == -9
        drivers.host.cancel()
        case.check_published(output)
        matrix.add(f"driver killed {when} a named point ({form})", AFTERWARDS)
    arm(drivers.host.faults)
    complete(case, drivers, output)


@pytest.mark.parametrize(
    ("number", "form", "kills"),
    [
        pytest.param(0, "jsonl", 2, marks=SLOW),
        *(
            pytest.param(number, form, 5, marks=LONG)
            for number in range(1, 11)
            for form in [("jsonl", "parquet", "masks")[number % 3]]
        ),
    ],
)
def test_a_driver_killed_at_random_moments_publishes_no_mixture(
    case_of: Cases,
    drivers: Drivers,
    matrix: Matrix,
    tmp_path: Path,
    number: int,
    form: str,
    kills: int,
) -> None:
    """One run after another on the same output; what the workers of a dead one still do goes on
    beside the next one, every other time. Where a run was faster than its killer, it starts anew
    on another output."""
    case, chosen = case_of(form), random.Random(number)
    seconds, killed, copies = undisturbed_seconds(case, drivers, tmp_path), 0, 0
    output = case.copy(tmp_path / "0")
    while killed < kills:
        driver = drivers.start(*case.pack(output))
        driver.process.join(timeout=chosen.random() * seconds)
        driver.process.kill()
        if driver.wait().code == -9:
            killed += 1
            if killed % 2:
                drivers.host.cancel()
            shown = case.check_published(output)
            seen = "new" if shown == 2 else "old" if not shown else "new tokens"
            matrix.add(f"driver killed at a random moment ({form})", f"{seen} version seen")
        else:
            case.check_final(output)
            copies += 1
            output = case.copy(tmp_path / str(copies))
    complete(case, drivers, output)


_SECONDS: dict[Path, float] = {}


def undisturbed_seconds(case: Case, drivers: Drivers, folder: Path) -> float:
    """That a run of the case takes, measured once."""
    if case.before not in _SECONDS:
        output = case.copy(folder / "undisturbed")
        began = time.monotonic()
        assert drivers.run(*case.pack(output)).code == 0
        _SECONDS[case.before] = time.monotonic() - began
        case.check_final(output)
    return _SECONDS[case.before]
