"""The tables of cuts, of what a token sees of its document, of what lies in a row, and of what the
options for long contexts cost and gain."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from bfpack_spark.core.row_balance import Balance
from bfpack_spark.explore.length_classes import LengthClass
from bfpack_spark.explore.packed import Context, Packed
from bfpack_spark.explore.statistics import PackingStats
from bfpack_spark.report.layout import Row, Table
from bfpack_spark.report.words import count, mean, percent, span

_PARTS = (8, 2)  # of seq_len: the distances that have a column


def cuts_table(packings: Sequence[PackingStats]) -> Table:
    """Return how often documents of each length are cut, in all and on average, with two columns
    for each packing."""
    caption = "Cuts by the length of the document, packed / concatenated"
    names = [count(at.seq_len) for at in packings]
    heads = [f"{name}, {which}" for name in names for which in ("in all", "a document")]
    return _by_length(caption, heads, packings, _cuts)


def _cuts(of: LengthClass) -> tuple[str, ...]:
    in_all = _both(count(of.num_truncations_by_best_fit), count(of.num_truncations_by_concat))
    return in_all, f"{of.truncations_by_best_fit:,.2f} / {of.truncations_by_concat:,.2f}"


def _by_length(
    caption: str,
    heads: Sequence[str],
    packings: Sequence[PackingStats],
    cells: Callable[[LengthClass], tuple[str, ...]],
) -> Table:
    """Return a table with a row for each class of lengths, which all packings have alike, and some
    cells for each packing."""
    rows: list[Row] = [
        (
            span(same[0].above + 1, same[0].up_to),
            count(same[0].num_documents),
            *chain.from_iterable(map(cells, same)),
        )
        for same in zip(*(at.by_length for at in packings), strict=True)
    ]
    return Table(caption=caption, head=("tokens", "documents", *heads), rows=rows)


def context_table(packings: Mapping[str, PackingStats]) -> Table:
    """Return what a token sees of its document, by the name of each packing: of all documents, and
    of those that fit. Each cell with two numbers has the packed one first."""
    rows: list[Row] = []
    for name, at in packings.items():
        ways = (at.best_fit, at.concatenated)
        rows.append((name, "all", *_cells([way.context for way in ways], at.seq_len)))
        rows.append((name, "that fit", *_cells([way.fitting for way in ways], at.seq_len)))
    near, far = (f"together at 1/{part} of seq_len" for part in _PARTS)
    return Table(
        caption=(
            "What a token sees of its document, packed / concatenated: tokens before it, shares "
            "of tokens, and of pairs of tokens so far apart that are in one sequence"
        ),
        head=(
            *("seq_len", "documents", "could see", "sees", "of what it could"),
            *("has the beginning", "in a whole document", near, far),
        ),
        rows=rows,
    )


def rows_table(packings: Mapping[str, PackingStats]) -> Table:
    """Return what lies in a row, by the name of each packing, packed and concatenated. If the
    statistics say for how many ranks, also how well the attention of their rows is balanced."""
    balances = [at.plan.balance for at in packings.values() if at.plan.balance is not None]
    columns = dict(_ROWS)
    caption = "What lies in a row"
    if balances:
        columns |= _BALANCE
        ranks = count(balances[0].num_ranks)
        caption += f"; in a step, {ranks} ranks wait for the row with the most attention"
    rows: list[Row] = [
        (name, *(of(way) for of in columns.values() for way in (at.best_fit, at.concatenated)))
        for name, at in packings.items()
    ]
    heads = (f"{name}, {way}" for name in columns for way in ("packed", "concatenated"))
    return Table(caption=caption, head=("seq_len", *heads), rows=rows)


_ROWS: dict[str, Callable[[Packed], str]] = {
    "documents a row": lambda packed: mean(packed.fragments),
    "begin inside a document": lambda packed: percent(packed.begun_inside_share),
}
_BALANCE: dict[str, Callable[[Packed], str]] = {
    "ranks idle": lambda packed: _of_steps(packed, lambda balance: percent(balance.idle)),
    "most work, of the mean": lambda packed: _of_steps(packed, lambda own: mean(own.stretch)),
}


def _of_steps(packed: Packed, said: Callable[[Balance], str]) -> str:
    """Return what the balance says, if there was one step."""
    return said(packed.balance) if packed.balance and packed.balance.num_steps else "-"


def classes_table(packings: Sequence[PackingStats]) -> Table:
    """Return what tokens of documents of each length see, of what they could."""

    def cells(one: LengthClass) -> tuple[str, ...]:
        return (_both(percent(one.context_by_best_fit), percent(one.context_by_concat)),)

    caption = "Context seen, of what could be, packed / concatenated"
    return _by_length(caption, [count(at.seq_len) for at in packings], packings, cells)


def pairs_table(packings: Sequence[PackingStats]) -> Table:
    """Return the share of the pairs of tokens of a document that are in one sequence, by their
    distance."""
    distances = sorted({own for at in packings for own in at.plan.context.distances})
    ways = [(at.best_fit.context, at.concatenated.context) for at in packings]
    rows: list[Row] = [
        (count(distance), *(_together(both, distance) for both in ways)) for distance in distances
    ]
    return Table(
        caption="Pairs of tokens in one sequence, packed / concatenated",
        head=("tokens apart", *(count(at.seq_len) for at in packings)),
        rows=rows,
    )


def _cells(ways: Sequence[Context], seq_len: int) -> tuple[str, ...]:
    """Return the cells of documents that are packed and concatenated."""
    return (
        mean(ways[0].possible),
        _both(*(mean(way.seen) for way in ways)),
        _both(*(percent(way.share) for way in ways)),
        _both(*(percent(way.beginning_share) for way in ways)),
        _both(*(percent(way.whole_share) for way in ways)),
        *(_together(ways, seq_len // part) for part in _PARTS),
    )


def _together(ways: Sequence[Context], distance: int) -> str:
    shares = (dict(zip(way.distances, way.together, strict=True)) for way in ways)
    # Below 1 token there is none.
    return _both(*(percent(of[distance]) if distance in of else "-" for of in shares))


def _both(packed: str, concatenated: str) -> str:
    return f"{packed} / {concatenated}"


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
