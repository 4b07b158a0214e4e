"""The rows of a mixture: core/mixture.py tells the source of a position, and core/row_order.py the
rows of a source, an epoch after the other.

The lanes of a mixture go in groups to the lanes of a bucket: bucket i has G_i lanes, and its lane j
serves the lanes of the mixture that are j modulo G_i. The c-th row that they take has the rank c *
G_i + j in the bucket. So a reader of some lanes of the mixture decodes no other lanes of a bucket
that has as many. A bucket has about as many lanes as four times its share of the mixture's, so that
all buckets together have few, however many buckets there are.

Lanes do not take equally many rows. At the end some ranks lie behind the last row that is drawn,
and as many before it are not taken; the former are replaced by the latter. So each rank is taken
once.

A mixture that continues another one has parts. A part takes the ranks that the parts before it have
left, from the smallest on.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.mixture import MixtureOrder
from bfpack_spark.core.row_order import OrderRules, Places, RowOrder, Window

_LANES_IN_ALL = 4  # times the lanes of the mixture, and one for each bucket
_ORDERS_MAX = 2  # epochs of a bucket whose order is kept


@dataclass(frozen=True, kw_only=True)
class SourceRows:
    """The rows of one bucket."""

    shard_rows: Sequence[int]
    group_rows: int  # of each row group but a shard's last
    seed: int  # of its own order

    @property
    def num_rows(self) -> int:
        return sum(self.shard_rows)

    @property
    def num_groups(self) -> int:
        return sum(-(-rows // self.group_rows) for rows in self.shard_rows)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of the stream with constant weights."""

    begin: int  # first position
    drawn: dict[int, int]  # rows of each source; the part may end before all are taken


@dataclass(frozen=True, kw_only=True)
class _Left:
    """The ranks of a source that have not been taken: some, and all from the end on."""

    ranks: Int64  # ascending, all below the end
    end: int

    def rank(self, number: Int64) -> Int64:
        """Return the number-th of them."""
        few = len(self.ranks)
        behind = self.end + number - few
        if not few:
            return np.asarray(behind)
        return np.where(number < few, self.ranks[np.minimum(number, few - 1)], behind)

    def without(self, first: int, numbers: Int64) -> "_Left":
        """Return those that are left if the first ones are taken, so many, and the numbers-th."""
        end = int(numbers.max(initial=first - 1)) + 1
        skipped = self.rank(np.setdiff1d(np.arange(first, end), numbers))
        rest = self.ranks[end:]
        behind = self.end + max(end - len(self.ranks), 0)
        return _Left(ranks=np.concatenate([skipped, rest]), end=behind)


@dataclass(frozen=True, kw_only=True)
class _Ranks:
    """The ranks of a source that a part takes."""

    too_large: Int64  # numbers from the number of rows drawn on that lanes take, ascending
    instead: Int64  # of each: a smaller number that no lane takes
    left: _Left

    def rank(self, number: Int64) -> Int64:
        """Return the rank of each number of a row that lanes take."""
        return self.left.rank(self.number(number))

    def number(self, number: Int64) -> Int64:
        """Return numbers of 0 to the rows drawn, instead of those that lanes take."""
        at = np.searchsorted(self.too_large, number)
        if len(self.too_large):
            found = np.minimum(at, len(self.too_large) - 1)
            taken = self.too_large[found] == number
            number = np.where(taken, self.instead[found], number)
        return number


class MixedRows:
    """The order of the rows of a mixture, with the sources that it takes from."""

    def __init__(
        self, sources: Sequence[SourceRows], parts: Sequence[Part], rules: OrderRules
    ) -> None:
        """`parts` begin one after another, the first at 0. `rules.lanes` is a power of two. The
        seeds are those of the sources. Raises ValueError as MixtureOrder does."""
        self._sources, self._parts, self._rules = sources, parts, rules
        self._groups = np.array([self._lanes_of(number) for number in range(len(sources))])
        self._slots = np.cumsum(self._groups) - self._groups
        self._orders: OrderedDict[tuple[int, int], RowOrder] = OrderedDict()
        self._mixed, self._ranks = [], []
        left = [_Left(ranks=np.empty(0, np.int64), end=0) for _ in sources]
        for part, following in zip(parts, [*parts[1:], None], strict=True):
            mixed = MixtureOrder(rows=tuple(part.drawn.values()), lanes=rules.lanes)
            ranks = self._ranks_of(part, mixed, left)
            self._mixed.append(mixed)
            self._ranks.append(ranks)
            if following is not None:
                taken = self._taken(part, mixed, following.begin - part.begin)
                for source, counts in taken.items():
                    numbers = ranks[source].number(_last_numbers(counts))
                    first = int(counts.min()) * len(counts)
                    left[source] = left[source].without(first, numbers)

    @property
    def num_rows(self) -> int:
        return self._parts[-1].begin + len(self._mixed[-1])

    @property
    def num_slots(self) -> int:
        """Return how many windows a reader of all lanes holds."""
        return int(self._groups.sum())

    def find(self, positions: Int64) -> Places:
        """Return the places of the rows at positions of 0..num_rows-1. A slot is a lane of a
        bucket."""
        return self._places(*self.ranks(positions))

    def window(self, slot: int, number: int) -> Window:
        """Return what a window holds."""
        source = int(np.searchsorted(self._slots, slot, side="right")) - 1
        turn, window = divmod(number, 1 << 32)
        epoch, lane = divmod(turn, int(self._groups[source]))
        return replace(self._order(source, epoch).window(lane, window), source=source)

    def ranks(self, positions: Int64) -> tuple[Int64, Int64, Int64]:
        """Return source, rank and slot of the row at each position: rank // rows of the source is
        its epoch, and the rest its position there."""
        source, rank, slot = (np.empty(len(positions), np.int64) for _ in range(3))
        begins = [part.begin for part in self._parts]
        part_of = np.searchsorted(begins, positions, side="right") - 1
        for number in np.unique(part_of).tolist():
            here = np.flatnonzero(part_of == number)
            source[here], rank[here], slot[here] = self._find_in(number, positions[here])
        return source, rank, slot

    def _find_in(self, number: int, positions: Int64) -> tuple[Int64, Int64, Int64]:
        """Return the source, rank and slot of positions of one part."""
        part, lanes = self._parts[number], self._rules.lanes
        sources = np.array(list(part.drawn))
        inside = positions - part.begin
        local, earlier = self._mixed[number].find(inside, self._groups[sources])
        source = sources[local]
        lane = inside % lanes % self._groups[source]
        taken = earlier * self._groups[source] + lane
        rank = np.empty_like(taken)
        for each in np.unique(source).tolist():
            of = source == each
            rank[of] = self._ranks[number][each].rank(taken[of])
        return source, rank, self._slots[source] + lane

    def _places(self, source: Int64, rank: Int64, slot: Int64) -> Places:
        rows = np.array([each.num_rows for each in self._sources])[source]
        epoch, position = np.divmod(rank, rows)
        window, row = np.empty_like(rank), np.empty_like(rank)
        key = (epoch << 16) + source
        for each in np.unique(key).tolist():
            number, turn = each % (1 << 16), each >> 16
            here = np.flatnonzero(key == each)
            places = self._order(number, turn).find(position[here])
            turn = turn * int(self._groups[number]) + places.slot
            window[here], row[here] = (turn << 32) + places.window, places.row
        return Places(slot=slot, window=window, row=row)

    def _order(self, source: int, epoch: int) -> RowOrder:
        key = (source, epoch)
        if key not in self._orders:
            if len(self._orders) >= _ORDERS_MAX * len(self._sources):
                self._orders.popitem(last=False)
            rows, lanes = self._sources[source], int(self._groups[source])
            rules = replace(self._rules, seed=rows.seed, epoch=epoch, lanes=lanes)
            self._orders[key] = RowOrder(rows.shard_rows, rows.group_rows, rules)
        self._orders.move_to_end(key)
        return self._orders[key]

    def _lanes_of(self, source: int) -> int:
        """Return how many lanes a source has: a power of two, by its share of the first part that
        draws from it."""
        drawn = next(part.drawn for part in self._parts if source in part.drawn)
        lanes = self._rules.lanes
        most = min(lanes, self._sources[source].num_groups)
        share = _LANES_IN_ALL * lanes * drawn[source] // sum(drawn.values())
        return 1 << (max(1, min(most, share)).bit_length() - 1)

    def _taken(self, part: Part, mixed: MixtureOrder, position: int) -> dict[int, Int64]:
        groups = self._groups[np.array(list(part.drawn))]
        return dict(zip(part.drawn, mixed.taken(position, groups), strict=True))

    def _ranks_of(self, part: Part, mixed: MixtureOrder, left: list[_Left]) -> dict[int, _Ranks]:
        taken = self._taken(part, mixed, len(mixed))
        ranks = {}
        for source, counts in taken.items():
            drawn = part.drawn[source]
            numbers = _last_numbers(counts)
            low = int(counts.min()) * len(counts)
            ranks[source] = _Ranks(
                too_large=numbers[numbers >= drawn],
                instead=np.setdiff1d(np.arange(low, drawn), numbers),
                left=left[source],
            )
        return ranks


def _last_numbers(counts: Int64) -> Int64:
    """Return the numbers of the rows that groups of lanes take, ascending and without those below
    the first one that is not taken: the c-th row of group j is c * groups + j."""
    groups, first = len(counts), int(counts.min())
    taken = [np.arange(first, count) * groups + group for group, count in enumerate(counts)]
    return np.sort(np.concatenate(taken))


# What a reader goes by. Of positions, `find` tells the places. As positions ascend, the windows of
# a slot come one after another, so a reader holds one window of each slot.
Order: TypeAlias = RowOrder | MixedRows
