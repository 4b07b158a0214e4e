"""One bucket after another, and what became of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bfpack_spark.cli.explain import explain


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one bucket: what was made of it, or why nothing was published."""

    bucket: str
    made: Any = None
    error: str | None = None
    code: int = 0


def run_each(acts: Iterable[tuple[str, Callable[[], Any]]]) -> list[Outcome]:
    """One bucket after another. Of several, one that fails does not stop the others; the only one
    raises what it raises."""
    todo = list(acts)
    if len(todo) == 1:
        return [Outcome(bucket=name, made=act()) for name, act in todo]
    return [_outcome(name, act) for name, act in todo]


def exit_code(outcomes: list[Outcome]) -> int:
    """0 all done; 4 some failed; where all did, their own: 5 before 3 before 2."""
    failed = [outcome.code for outcome in outcomes if outcome.error is not None]
    if len(failed) < len(outcomes):
        return 4 if failed else 0
    return max(failed)


def _outcome(name: str, act: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(bucket=name, made=act())
    except Exception as error:  # whatever it is, the other buckets go on
        said, code = explain(error)
        why = said or f"a fault in bfpack itself: {type(error).__name__}: {error}"
        return Outcome(bucket=name, error=" ".join(why.split()), code=code)
