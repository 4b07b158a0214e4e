"""Several lanes of rows woven into one stream: step 0 of every lane, step 1 of every lane, and so
on, over the lanes that still have rows.

Lanes of 3, 1 and 2 rows make the stream a0 b0 c0 a1 c1 a2. Which lane and step stand at a position
follows from the lengths alone, without walking the stream: between two neighbouring lengths the
same lanes take turns.
"""

import numpy as np

from bfpack_spark.core.fragments import Int64


class Weave:
    """The stream of lanes with these lengths."""

    def __init__(self, lengths: Int64) -> None:
        """`lengths`: the rows of each lane, none negative."""
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._heights = np.unique(np.concatenate([[0], self._lengths]))  # ascending, from 0
        active = self._lengths[None, :] > self._heights[:-1, None]
        self._num_active = active.sum(axis=1)
        rows = np.diff(self._heights) * self._num_active
        self._begins = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
        # Of each piece: the lanes that take turns first, and behind them the others.
        self._lanes = np.argsort(~active, axis=1, kind="stable")

    @property
    def num_rows(self) -> int:
        """Return the length of the stream."""
        return int(self._begins[-1])

    def find(self, positions: Int64) -> tuple[Int64, Int64]:
        """Return the lane, and the step in it, at each position of 0..num_rows-1."""
        piece = np.searchsorted(self._begins, positions, side="right") - 1
        step, turn = np.divmod(positions - self._begins[piece], self._num_active[piece])
        return self._lanes[piece, turn], self._heights[piece] + step
