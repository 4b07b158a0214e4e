"""The table of what was done, how often, and what became of it."""

from collections import Counter
from collections.abc import Iterator

import pytest

# Of a part that make test leaves out, and of one that merging does not wait for either.
SLOW = [pytest.mark.slow]
LONG = [*SLOW, pytest.mark.long]


class Matrix:
    """Counts of (fault, outcome), in the order in which faults came first."""

    def __init__(self) -> None:
        self._rows: Counter[tuple[str, str]] = Counter()

    def add(self, fault: str, outcome: str, times: int = 1) -> None:
        """It was done so often, and all that is promised of it was checked."""
        self._rows[fault, outcome] += times

    def rows(self) -> list[tuple[str, str, int]]:
        """What `add` was given, added up."""
        return [(fault, outcome, times) for (fault, outcome), times in self._rows.items()]

    def lines(self) -> Iterator[str]:
        """A row a fault and outcome, and the sum."""
        width = max((len(fault) for fault, _ in self._rows), default=0)
        for (fault, outcome), times in self._rows.items():
            yield f"{fault:<{width}}  {times:>5}  {outcome}"
        if self._rows:
            yield f"{'faults tried':<{width}}  {self._rows.total():>5}"
