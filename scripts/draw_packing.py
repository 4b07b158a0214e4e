"""Draw the same twelve documents packed by concatenation and by best fit, as scripts/packing.svg.

    python scripts/draw_packing.py [FILE]

The project's own packer places the documents; only their lengths are chosen here. The same version
of matplotlib writes the same bytes each time.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.fragments import Fragments, Int64, cut_documents, cut_stream
from bfpack_spark.core.rows import arrange
from bfpack_spark.explore.boxes import Box
from bfpack_spark.explore.plots import draw_boxes

SEQ_LEN = 2048
# Tokens of the documents a to l, in the order of the corpus. c is longer than a sequence.
LENGTHS: Int64 = np.array([180, 600, 2120, 740, 880, 200, 180, 1400, 1040, 720, 480, 1540])
LEGEND = (
    "A red edge is a cut through a document. Grey is padding. Only c is longer than a sequence."
)
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "bfpack_spark", "font.size": 9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).parent / "packing.svg")
    write_picture(parser.parse_args().file)


def write_picture(path: Path) -> None:
    """Write the picture as SVG: no date, no random names, text as text."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(8, 4.4), facecolor="white")
        concatenated, concat_sequence = cut_stream(LENGTHS, SEQ_LEN)
        fragments = cut_documents(LENGTHS, SEQ_LEN)
        sequence, _ = pack(fragments.length, SEQ_LEN)
        draw_packing(
            figure.add_axes((0.02, 0.54, 0.96, 0.38)),
            "Concatenate and cut",
            concatenated,
            concat_sequence,
        )
        draw_packing(figure.add_axes((0.02, 0.07, 0.96, 0.38)), "Best fit", fragments, sequence)
        figure.text(0.027, 0.03, LEGEND)
        metadata = {"Date": None, "Creator": None, "Title": "Concatenation against best fit"}
        figure.savefig(path, format="svg", metadata=metadata)


def draw_packing(axes: Axes, name: str, fragments: Fragments, sequence: Int64) -> None:
    """Draw one row for each sequence, with its documents side by side."""
    rows = rows_of(fragments, sequence)
    axes.set(xlim=(-16, SEQ_LEN + 16), ylim=(len(rows), 0))
    axes.set_axis_off()
    for number, boxes in enumerate(rows):
        draw_boxes(axes, number, boxes)
    num_cut = int((np.bincount(fragments.document) > 1).sum())
    padding = len(rows) * SEQ_LEN - int(LENGTHS.sum())
    axes.set_title(
        f"{name}: {len(rows)} sequences of {SEQ_LEN:,} tokens, {padding} of padding, "
        f"{num_cut} of {len(LENGTHS)} documents cut",
        loc="left",
        fontsize=10,
    )


def rows_of(fragments: Fragments, sequence: Int64) -> list[list[Box]]:
    """Return the boxes of each sequence: fragments in the order in which they stand, then the
    padding."""
    rows: list[list[Box]] = [[] for _ in range(int(sequence.max()) + 1)]
    placement = arrange(sequence, fragments.length, np.arange(len(sequence)))
    for index, offset in zip(placement.order.tolist(), placement.offset.tolist(), strict=True):
        document, start = int(fragments.document[index]), int(fragments.start[index])
        length = int(fragments.length[index])
        box = Box(
            offset=offset,
            length=length,
            number=document,
            is_cut_before=start > 0,
            is_cut_after=start + length < int(LENGTHS[document]),
        )
        rows[sequence[index]].append(box)
    for boxes in rows:
        end = boxes[-1].end
        if end < SEQ_LEN:
            boxes.append(Box(offset=end, length=SEQ_LEN - end, number=None))
    return rows


if __name__ == "__main__":
    main()
