"""How far the sources of a mixture are off their shares, after every one of a million steps.

    python scripts/bench/mixture_drift.py [--steps 1000000]

A step has `lanes` rows. Of each mixture the table has the most that a source was off, in rows: in
one step, after any number of steps in all lanes together, and in one lane.
"""

import numpy as np
from commands import parser_of
from figures import print_head

from bfpack_spark.core.mixture import MixtureOrder

LANES = 16
AT_ONCE = 1 << 20  # positions
# Name -> how much of the stream each source has.
MIXTURES = {
    "2 sources, 70 % and 30 %": [0.7031, 0.2969],
    "35 equal sources": [1 / 35] * 35,
    "35 sources, one of 97 %": [0.97, *[0.03 / 34] * 34],
    "24 sources, each half of the one before": [2.0 ** -(1 + i) for i in range(24)],
}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    num_rows = parser.parse_args().steps * LANES
    print_head("mixture | a step | all lanes | one lane", "lrrr")
    for name, shares in MIXTURES.items():
        rows = tuple(max(int(share * num_rows), 1) for share in shares)
        figures = drift(MixtureOrder(rows=rows, lanes=LANES))
        print(f"| {name} | {' | '.join(f'{figure:.2f}' for figure in figures)} |", flush=True)


def drift(mixed: MixtureOrder) -> tuple[float, float, float]:
    """Return the most that a source is off its share, in rows: in one step, after any number of
    steps, and in one lane after any number of steps."""
    steps = len(mixed) // LANES
    source = np.empty(steps * LANES, dtype=np.int8)
    groups = np.full(len(mixed.rows), LANES)
    for begin in range(0, len(source), AT_ONCE):
        positions = np.arange(begin, min(begin + AT_ONCE, len(source)))
        source[begin : begin + len(positions)] = mixed.find(positions, groups)[0]
    in_step, in_all, in_lane = 0.0, 0.0, 0.0
    number = np.arange(1, steps + 1)
    for index, rows in enumerate(mixed.rows):
        taken, share = (source == index).reshape(steps, LANES), rows / len(mixed)
        of_step = taken.sum(axis=1)
        in_step = max(in_step, float(np.abs(of_step - LANES * share).max()))
        off = np.abs(np.cumsum(of_step) - LANES * share * number)
        in_all = max(in_all, float(off.max()))
        for lane in taken.T:
            off = np.abs(np.cumsum(lane, dtype=np.int32) - share * number)
            in_lane = max(in_lane, float(off.max()))
    return in_step, in_all, in_lane


if __name__ == "__main__":
    main()
