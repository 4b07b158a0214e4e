"""What a report says of the costs of a run."""

from collections.abc import Sequence

from bfpack_spark.core.sum_fields import sum_known
from bfpack_spark.report.collect import RunFacts
from bfpack_spark.report.layout import Cell, Row, Section, Table
from bfpack_spark.report.sections import pairs_table
from bfpack_spark.report.words import count, seconds
from bfpack_spark.spark.costs import StageCost


def costs_section(run: RunFacts | None) -> Section:
    """Return the time and CPU of the runs that made a version."""
    if run is None or not run.costs:
        note = "The run that made this version left no account of its time."
        return Section(name="costs", title="Time and CPU", notes=[note])
    rows = [(_stage(cost), *_cost_cells([cost], run.costs)) for cost in run.costs]
    return Section(
        name="costs",
        title="Time and CPU",
        notes=[
            "The stages of the runs that made this version. A token store that was there took no "
            "time. " + _CLOCKS
        ],
        tables=[
            _costs_table(f"By stage, finished {run.finished}", rows),
            pairs_table("The driver's machine", run.machine),
        ],
    )


def sum_of_costs_section(costs: Sequence[StageCost], told: int, asked: int) -> Section:
    """Return the time and CPU of the runs that made several versions, by stage."""
    rows = [
        (name, *_cost_cells([cost for cost in costs if cost.stage == name], costs))
        for name in dict.fromkeys(cost.stage for cost in costs)
    ]
    return Section(
        name="costs",
        title="Time and CPU",
        notes=[f"These runs made {count(told)} of the {count(asked)} versions. " + _CLOCKS],
        tables=[_costs_table("By stage", rows)] if rows else [],
    )


_CLOCKS = (
    "CPU is that of all processes on the driver's machine, and known where Spark ran in local "
    "mode; the tasks' time is how long they held a core, on whichever machine."
)


def _costs_table(caption: str, rows: Sequence[Row]) -> Table:
    return Table(caption=caption, head=("stage", "wall", "CPU", "Spark tasks"), rows=[*rows])


def _stage(cost: StageCost) -> str:
    return cost.stage if cost.seq_len is None else f"{cost.stage} {count(cost.seq_len)}"


def _cost_cells(costs: Sequence[StageCost], every: Sequence[StageCost]) -> Row:
    wall, whole = sum(c.seconds for c in costs), sum(c.seconds for c in every)
    return (
        Cell(text=seconds(wall), bar=wall / whole if whole else 0.0),
        seconds(sum_known([c.cpu_seconds for c in costs])),
        seconds(sum_known([c.task_seconds for c in costs])),
    )
