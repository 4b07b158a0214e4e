"""The tables of the options for long contexts: what they cost, and what overlaps gain."""

from collections.abc import Mapping

from bfpack_spark.explore.statistics import PackingStats
from bfpack_spark.report.layout import Row, Table
from bfpack_spark.report.words import count, percent


def options_tables(packings: Mapping[str, PackingStats]) -> list[Table]:
    """Return one table of what each option costs, by the name of each packing, or none if no option
    is on."""
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
    table = Table(
        caption="What the options for long contexts cost",
        head=(
            *("seq_len", "option", "sequences", "without it", "more", "padding"),
            "padding without it",
        ),
        rows=rows,
    )
    return [table] if rows else []


def overlaps_table(packings: Mapping[str, PackingStats]) -> Table:
    """Return what repeating tokens gains and costs, by the name of each packing."""
    rows: list[Row] = [
        (
            *(name, count(one.overlap), count(one.num_tokens_repeated), percent(one.added_share)),
            *(percent(one.context_share), percent(one.gained_share)),
        )
        for name, at in packings.items()
        for one in at.overlaps
    ]
    return Table(
        caption="What --long-documents slide gains, of the context that a token could see",
        head=("seq_len", "--overlap", "tokens added", "of all", "context seen", "more than split"),
        rows=rows,
    )
