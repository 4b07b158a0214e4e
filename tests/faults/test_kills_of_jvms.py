"""The JVM of a driver, or its process group, is killed at every named point: what is published is
the old version or the complete new one, and running again gives the bytes of a run that nobody
disturbed."""

from pathlib import Path

import pytest
from faults.injection import Fault, arm, hits
from faults.kit import Cases, Drivers, complete, one_line, run_alone
from faults.matrix import LONG, SLOW, Matrix
from faults.points import AFTERWARDS, POINTS, divided

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.parametrize(
    ("first", "points"),
    [
        pytest.param("jvm", "some", marks=SLOW),
        pytest.param("jvm", "others", marks=LONG),
        pytest.param("group", "some", marks=LONG),
        pytest.param("group", "others", marks=LONG),
    ],
)
def test_a_jvm_or_group_killed_at_each_named_point_publishes_no_mixture(
    case_of: Cases, drivers: Drivers, matrix: Matrix, tmp_path: Path, first: str, points: str
) -> None:
    """By turns. A driver without its JVM goes on as far as it needs none, to the end or to one
    line, and then the next run begins anew; a group is gone without a word, and the next run goes
    on from there."""
    case = case_of("parquet")
    output = case.copy(tmp_path / "first")
    faults = tmp_path / "faults"
    for number, (name, point) in enumerate(divided(POINTS, 8)[points].items()):
        whose = ("jvm", "group")[(number + (first == "group")) % 2]
        arm(faults, Fault(point=f"{point} before", act=f"kill {whose}"))
        ran = run_alone(tmp_path, faults, *case.pack(output))
        assert hits(faults) >= 1, f"{name}: {ran.err}"
        if whose == "group":
            assert ran.code == -9
        elif ran.code:
            assert one_line(ran, 5), name
        case.check_published(output)
        if whose == "jvm":
            complete(case, drivers, output)
            output = case.copy(tmp_path / str(number))
        matrix.add(f"{whose} killed before a named point", AFTERWARDS)
    complete(case, drivers, output)
    complete(case, drivers, output)
