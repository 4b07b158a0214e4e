"""Mixtures: which source each position of a stream takes, and which of its rows.

A stream of N positions is woven from L `lanes`: position p is step p // L of lane p % L. Source i
gives n_i of the N rows, so its share of a step is L * n_i / N = q_i + f_i, with a whole q_i and 0
<= f_i < 1. Three things are promised.

- *Totals.* Over the whole stream, source i is taken exactly n_i times.
- *Steps.* A step takes q_i or q_i + 1 rows of source i, and q_i alone where f_i is 0. A last step
  that is cut short takes its share, rounded down or up. So every step is within one row.
- *Drift.* After any number of steps, the rows taken of a source are within a constant of its share,
  and so are those that a lane takes. With J levels (see below) a lane is less than J + D / L rows
  off, where D is what all lanes together are off, and D is at most J * W + J, with W of
  mixture_steps.py. After every one of a million steps of 2 to 35 sources, equal and unequal, at
  most 4.3 rows of all lanes, and 4.5 of one (scripts/bench/mixture_drift.py).

**Steps** (mixture_steps.py). Each step has q_i rows of every source and one more of some sources.
Which sources these are is told by a binary tree over the sources: where a node gives one row to one
of its two sides, the rows go to the sides in proportion, rounded to the nearest.

**Lanes** (mixture_lanes.py). Rows of a source are numbered as they come, in blocks of `lanes` rows.
No lane takes two rows of a block. Steps and blocks are the two sides of a bipartite graph whose
edges are rows; an edge coloring with `lanes` colors gives the lanes (Koenig, 1916).

**Long streams.** A plan of all steps would be as long as the stream. So a page of some steps is
planned once and repeated. In it each source has a multiple of L rows, so that a page ends with
equal lanes. Evenly between the steps of pages lie others, which take the rows that are left over.
These other steps, end to end, are a shorter stream of the same kind: the next level, which is
planned in the same way. Each level has about a fifth of the steps of the one before, or less, so a
position is found by one look into the plan of each of a handful of levels.

Why drift is bounded: at each level a lane has E // L or E // L + 1 of the E rows that a source has
had, since no lane takes two of a block. The planned steps have a source at one constant rate and
the others at another, both between q_i and q_i + 1, and after any step the number of others is less
than one from its own share. So a level adds less than 1 to what its plan is off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.mixture_lanes import LaneTable, color_lanes
from bfpack_spark.core.mixture_steps import deal_steps

_PAGE = 1 << 14  # positions of a page, at least; planning takes 1 to 2 microseconds for each
_PLANNED_PART = 4  # a page has at least so many steps for each that is left over
_LANES_MAX = 1 << 14  # so that their numbers fit 16 bits
_LARGEST = 1 << 31  # steps; the product of two numbers of steps then fits 64 bits
ROWS_MAX = _LANES_MAX * _LARGEST - 1  # of a stream, at the most lanes


def apportion(num_rows: int, weights: Sequence[Fraction]) -> list[int]:
    """Return how many of `num_rows` rows each weight gets, by largest remainder (Hamilton's
    method). Of equal remainders, the earlier weight goes first.

    10 rows at 1/2, 1/3, 1/6 -> 5, 3, 2
    """
    shares = [num_rows * weight / sum(weights) for weight in weights]
    rows = [int(share) for share in shares]
    order = sorted(range(len(rows)), key=lambda i: (rows[i] - shares[i], i))
    for i in order[: num_rows - sum(rows)]:
        rows[i] += 1
    return rows


def lanes_needed(num_rows: int) -> int:
    """Return the fewest lanes, a power of two, by which a stream of so many rows can be woven."""
    return 1 << (num_rows // _LARGEST).bit_length()


@dataclass(frozen=True, kw_only=True)
class _Level:
    """A page that is repeated in some of the steps of a stream. The other steps lie evenly between
    them, and are the stream of the next level. The last level has one page and no other steps."""

    steps: int  # of the stream
    left: int  # those that the next level plans
    page: LaneTable

    def find(self, step: Int64) -> tuple[Int64, Int64, Int64]:
        """Return how many pages end before each step, how many steps of the next page do, and how
        many steps of the next level do."""
        left = step * self.left // self.steps
        page, place = np.divmod(step - left, len(self.page))
        return page, place, left

    def is_planned(self, step: Int64) -> npt.NDArray[np.bool_]:
        """Tell for each step whether this level plans it."""
        planned = (step + 1) * self.left // self.steps == step * self.left // self.steps
        return np.asarray(planned)


@dataclass(frozen=True, kw_only=True)
class MixtureOrder:
    """The stream of some sources, of which each gives so many `rows`, woven from `lanes` lanes.

    Raises ValueError if a source gives no row, if lanes is no power of two of at most 16384, or if
    the stream has 2^31 steps or more.
    """

    rows: tuple[int, ...]
    lanes: int
    page: int = _PAGE  # positions of a page, at least

    def __post_init__(self) -> None:
        if self.lanes < 1 or self.lanes & (self.lanes - 1):
            raise ValueError(f"lanes {self.lanes}: take a power of two, such as 16")
        if self.lanes > _LANES_MAX:
            raise ValueError(f"lanes {self.lanes}: take at most {_LANES_MAX}")
        if not self.rows or min(self.rows) < 1:
            raise ValueError(f"rows {self.rows}: every source must give a row")
        if self._steps >= _LARGEST:
            lanes = lanes_needed(len(self))
            raise ValueError(
                f"{len(self)} rows are 2^31 steps or more at lanes {self.lanes}; "
                + (
                    "make a shorter mixture"
                    if lanes > _LANES_MAX
                    else f"take lanes {lanes} or more"
                )
            )

    def __len__(self) -> int:
        """Return the number of positions."""
        return sum(self.rows)

    def find(self, positions: Int64, groups: Int64) -> tuple[Int64, Int64]:
        """Return the source of each position, and how many rows of this source the lanes of its
        group take earlier. Lanes are in one group if they are equal modulo the number of `groups`
        of the source, a power of two of at most `lanes` for each source: at `lanes` groups each
        lane is alone, at 1 all are together."""
        step, lane = np.divmod(positions, self.lanes)
        sources = self._sources(step)
        source = sources[np.arange(len(step)), lane]
        group = groups[source]
        others = np.arange(self.lanes)
        same = (others - lane[:, None]) & (group - 1)[:, None] == 0  # powers of two
        here = same & (others < lane[:, None]) & (sources == source[:, None])
        rows = here.sum(axis=1)
        for number in np.unique(group).tolist():
            of = np.flatnonzero(group == number)
            rows[of] += self._before(step[of], lane[of] % number, number, source[of])
        return source, rows

    def taken(self, position: int, groups: Int64) -> list[Int64]:
        """Return how many rows of each source each group of lanes takes before a position."""
        step, rest = divmod(position, self.lanes)
        last = self._sources(np.array([step]))[0, :rest] if rest else np.empty(0, np.int64)
        taken = []
        for source, number in enumerate(groups.tolist()):
            group = np.arange(number)
            rows = self._before(np.full(number, step), group, number, np.full(number, source))
            extra = np.flatnonzero(last == source) % number
            taken.append(rows + np.bincount(extra, minlength=number))
        return taken

    @property
    def _steps(self) -> int:
        return len(self) // self.lanes

    @cached_property
    def _tail(self) -> Int64:
        """The sources of a last step that is cut short."""
        parts = apportion(len(self) % self.lanes, [Fraction(rows) for rows in self.rows])
        return np.repeat(np.arange(len(parts)), parts)

    @cached_property
    def _levels(self) -> tuple[_Level, ...]:
        rows = np.array(self.rows) - np.bincount(self._tail, minlength=len(self.rows))
        base = np.array([n * self.lanes // len(self) for n in self.rows], dtype=np.int64)
        extra, steps, levels = rows - base * self._steps, self._steps, []
        while steps:
            level, extra, steps = _plan_level(extra, base, steps, self)
            levels.append(level)
        return tuple(levels)

    def _sources(self, step: Int64) -> Int64:
        """Return the sources of all positions of each step: an array [steps, lanes]. Behind the end
        of a step that is cut short there is -1."""
        sources = np.full((len(step), self.lanes), -1, np.int64)
        sources[:, : len(self._tail)] = self._tail
        left = np.flatnonzero(step < self._steps)
        step = step[left]
        for level in self._levels:
            _, place, later = level.find(step)
            here = level.is_planned(step)
            sources[left[here]] = level.page.table[place[here]]
            left, step = left[~here], later[~here]
        assert not len(left), "the last level plans all its steps"
        return sources

    def _before(self, step: Int64, group: Int64, groups: int, source: Int64) -> Int64:
        rows = np.zeros(len(step), np.int64)
        for level in self._levels:
            pages, place, step = level.find(step)
            whole = np.full_like(place, len(level.page))
            rows += pages * level.page.before(whole, group, groups, source)
            rows += level.page.before(place, group, groups, source)
        return rows


def _plan_level(
    extra: Int64, base: Int64, steps: int, whole: MixtureOrder
) -> tuple[_Level, Int64, int]:
    """Return the plan of a stream of whole steps, and what it leaves to the next level: the extra
    rows of each source, and the number of steps.

    Each step has `base` rows of every source, and each source has `extra` rows more in all `steps`.
    """
    pages, length, here = _find_page(extra, steps, whole) or (1, steps, extra)
    page = color_lanes(deal_steps(here, length) + base, whole.lanes)
    left = steps - pages * length
    return _Level(steps=steps, left=left, page=page), extra - pages * here, left


def _find_page(extra: Int64, steps: int, whole: MixtureOrder) -> tuple[int, int, Int64] | None:
    """Return the number of pages, the steps of each, and the extra rows of each source in a page;
    or None if the stream is too short for pages."""
    lanes, moving = whole.lanes, (extra > 0) & (extra < steps)
    num_moving, each = int(moving.sum()), int(extra[moving].sum()) // steps
    left = -(-num_moving * lanes // max(1, min(each, num_moving - each)))  # of a page
    while True:
        laps = max(whole.page // lanes, _PLANNED_PART * left) // lanes + 1
        pages = steps // (laps * lanes + left)
        if pages < 2:
            return None
        here = _extra_of_page(extra, steps, pages, laps, lanes)
        if here is not None:
            return pages, laps * lanes, here
        left *= 2


def _extra_of_page(extra: Int64, steps: int, pages: int, laps: int, lanes: int) -> Int64 | None:
    """Return the extra rows of each source in a page of `laps` times `lanes` steps: multiples of
    `lanes`, near the shares, and such that the steps that are left have no source with less than
    no extra rows, or with more than one a step. None if there are none such."""
    left = steps - pages * laps * lanes
    least = np.maximum(0, -((left - extra) // (pages * lanes)))
    most = np.minimum(laps, extra // (pages * lanes))
    share = extra * (laps / steps)
    total = int(extra.sum()) // steps * laps
    here = np.clip(np.floor(share).astype(np.int64), least, most)
    while here.sum() != total:
        sign = 1 if here.sum() < total else -1
        free = here < most if sign > 0 else here > least
        if not free.any():
            return None
        here[np.argmax(np.where(free, sign * (share - here), -np.inf))] += sign
    return np.asarray(here * lanes)
