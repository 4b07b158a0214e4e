"""The tables of the options for long contexts: what they cost."""

from collections.abc import Mapping

from bfpack_spark.explore.statistics import PackingStats
from bfpack_spark.report.layout import Row, Table
from bfpack_spark.report.words import count, percent


def options_table(packings: Mapping[str, PackingStats]) -> Table:
    """Return what each option costs, by the name of each packing."""
    rows: list[Row] = [
        (
            *(name, f"{cost.option} {cost.value}"),
            *(count(cost.num_sequences), count(cost.num_sequences_without)),
            *(percent(cost.more_sequences), count(cost.num_padding)),
            count(cost.num_padding_without),
        )
        for name, at in packings.items()
        for cost in at.options
    ]
    return Table(
        caption="What the options for long contexts cost",
        head=(
            *("seq_len", "option", "sequences", "without it", "more", "padding"),
            "padding without it",
        ),
        rows=rows,
    )
