"""What a reader asks of an order: where the row of a position lies, and what is decoded for it.

core.row_order.RowOrder is the order of one bucket. Whatever else maps positions to rows of numbered
sources, such as a mixture, is read by the same code if it answers these two questions.
"""

from typing import Protocol

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.row_order import Places, Window


class Order(Protocol):
    """A stream of rows."""

    @property
    def num_rows(self) -> int:
        """Return the length of an epoch, in rows."""

    @property
    def num_slots(self) -> int:
        """Return how many slots there are: how many windows a reader of all rows holds."""

    def find(self, positions: Int64) -> Places:
        """Return the places of the rows at positions of 0..num_rows-1: of each, its slot, the
        window of that slot, and the place in it. A reader holds one window of each slot, so a
        slot's windows must come one after another as positions ascend."""

    def window(self, slot: int, number: int) -> Window:
        """Return the row groups of a window, and the order of their rows."""
