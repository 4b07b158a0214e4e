"""Work on one bucket after another, and the outcome of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bfpack_spark.cli.on_demand import on_demand
from bfpack_spark.errors import was_interrupted
from bfpack_spark.logs import one_of_several

explain = on_demand("bfpack_spark.cli.explain:explain")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one bucket: the results of the command, or why it failed."""

    bucket: str
    result: Any = None
    error: str | None = None
    code: int = 0


def run_each(acts: Iterable[tuple[str, Callable[[], Any]]]) -> list[Outcome]:
    """Work on one bucket after another. If there are several, one that fails does not stop the
    others. A single bucket raises its exception."""
    todo = list(acts)
    if len(todo) == 1:
        return [Outcome(bucket=name, result=act()) for name, act in todo]
    return [_outcome(name, act) for name, act in todo]


def results_of(outcomes: list[Outcome]) -> list[Any]:
    """Return the results of all buckets in one list. A bucket that failed has none."""
    return [result for outcome in outcomes for result in outcome.result or []]


def exit_code(outcomes: list[Outcome]) -> int:
    """Return 0 if all are done, 4 if some failed, and if all failed the largest code: 5, 3 or 2."""
    failed = [outcome.code for outcome in outcomes if outcome.error is not None]
    if len(failed) < len(outcomes):
        return 4 if failed else 0
    return max(failed)


def said_of_failures(outcomes: list[Outcome]) -> str | None:
    """Return in one line how many buckets failed and why, or None if none did. A reason that
    several have is said once: "2 of 3 buckets failed: de, fr (disk full)"."""
    buckets: dict[str, list[str]] = {}  # by reason
    for outcome in outcomes:
        if outcome.error is not None:
            buckets.setdefault(outcome.error, []).append(outcome.bucket)
    each = "; ".join(f"{', '.join(names)} ({why})" for why, names in buckets.items())
    number = sum(map(len, buckets.values()))
    return f"{number} of {len(outcomes)} buckets failed: {each}" if number else None


def _outcome(name: str, act: Callable[[], Any]) -> Outcome:
    try:
        with one_of_several(name):
            return Outcome(bucket=name, result=act())
    except Exception as error:  # the other buckets go on after any failure
        if was_interrupted(error):
            raise
        said, code = explain(error)
        why = said or f"a fault in bfpack itself: {type(error).__name__}: {error}"
        return Outcome(bucket=name, error=" ".join(why.split()), code=code)
