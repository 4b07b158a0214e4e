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
from matplotlib.patches import Rectangle

from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.fragments import Fragments, Int64, cut_documents, cut_stream
from bfpack_spark.core.rows import arrange

SEQ_LEN = 2048
# Tokens of the documents A to L, in the order of the corpus. C is longer than a sequence.
LENGTHS: Int64 = np.array([180, 600, 2120, 740, 880, 200, 180, 1400, 1040, 720, 480, 1540])
COLOURS = (
    *("#56B4E9", "#E69F00", "#7AC5A5", "#F0E442", "#CC79A7", "#9FB8D9"),
    *("#F4B183", "#B5D99C", "#C9A0DC", "#D9C8A9", "#8FD3D1", "#F5A3A3"),
)
CUT = "#B00020"
PADDING = "#E3E3E3"
LEGEND = (
    "A red edge is a cut through a document. Grey is padding. Only C is longer than a sequence."
)
BAR_HEIGHT = 0.72  # of the distance between two sequences
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
    """Draw one row for each sequence: fragments in colour, cuts as red edges, padding in grey."""
    num_sequences = int(sequence.max()) + 1
    axes.set(xlim=(-16, SEQ_LEN + 16), ylim=(num_sequences, 0))
    axes.set_axis_off()
    for row in range(num_sequences):
        draw_box(axes, 0, row, SEQ_LEN, PADDING)
    placement = arrange(sequence, fragments.length, np.arange(len(sequence)))
    for index, offset in zip(placement.order.tolist(), placement.offset.tolist(), strict=True):
        draw_fragment(axes, fragments, index, offset, int(sequence[index]))
    num_cut = int((np.bincount(fragments.document) > 1).sum())
    padding = num_sequences * SEQ_LEN - int(LENGTHS.sum())
    axes.set_title(
        f"{name}: {num_sequences} sequences of {SEQ_LEN:,} tokens, {padding} of padding, "
        f"{num_cut} of {len(LENGTHS)} documents cut",
        loc="left",
        fontsize=10,
    )


def draw_fragment(axes: Axes, fragments: Fragments, index: int, offset: int, row: int) -> None:
    """Draw a fragment with its document's letter, and a line at each end where it was cut."""
    document, start = int(fragments.document[index]), int(fragments.start[index])
    length = int(fragments.length[index])
    draw_box(axes, offset, row, length, COLOURS[document])
    middle = row + BAR_HEIGHT / 2
    letter = chr(ord("A") + document)
    axes.text(offset + length / 2, middle, letter, ha="center", va="center")
    cuts = [offset] if start > 0 else []
    if start + length < LENGTHS[document]:
        cuts.append(offset + length)
    for place in cuts:
        axes.plot(
            [place] * 2,
            [row, row + BAR_HEIGHT],
            color=CUT,
            lw=4,
            solid_capstyle="butt",
            clip_on=False,
        )


def draw_box(axes: Axes, offset: int, row: int, length: int, colour: str) -> None:
    """Draw a box of `length` tokens in a row."""
    axes.add_patch(
        Rectangle((offset, row), length, BAR_HEIGHT, facecolor=colour, edgecolor="white", lw=1)
    )


if __name__ == "__main__":
    main()
