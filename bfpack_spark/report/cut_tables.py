"""The tables of cuts, of what a token sees of its document, and of what lies in a row."""

from collections.abc import Callable, Mapping, Sequence

from bfpack_spark.core.row_balance import Balance
from bfpack_spark.explore.length_classes import LengthClass
from bfpack_spark.explore.packed import Context, Packed
from bfpack_spark.explore.statistics import PackingStats
from bfpack_spark.report.layout import Row, Table
from bfpack_spark.report.words import count, mean, percent, span

_PARTS = (8, 2)  # of seq_len: the distances that have a column


def cuts_table(packings: Sequence[PackingStats]) -> Table:
    """Return how often documents of each length are cut, in all and on average, with two columns
    for each packing. All packings have the same classes of lengths."""
    rows: list[Row] = [
        (
            span(same[0].above + 1, same[0].up_to),
            count(same[0].num_documents),
            *(cell for one in same for cell in _cuts(one)),
        )
        for same in zip(*(at.by_length for at in packings), strict=True)
    ]
    names = [count(at.seq_len) for at in packings]
    heads = (f"{name}, {which}" for name in names for which in ("in all", "a document"))
    return Table(
        caption="Cuts by the length of the document, packed / concatenated",
        head=("tokens", "documents", *heads),
        rows=rows,
    )


def _cuts(of: LengthClass) -> tuple[str, str]:
    in_all = f"{count(of.num_truncations_by_best_fit)} / {count(of.num_truncations_by_concat)}"
    return in_all, f"{of.truncations_by_best_fit:,.2f} / {of.truncations_by_concat:,.2f}"


def context_table(packings: Mapping[str, PackingStats]) -> Table:
    """Return what a token sees of its document, by the name of each packing: of all documents, and
    of those that fit. Each cell with two numbers has the packed one first."""
    rows: list[Row] = []
    for name, at in packings.items():
        for which, best_fit, concat in _pairs_of_contexts(at):
            rows.append((name, which, *_cells(best_fit, concat, at.seq_len)))
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
    """Return what tokens of documents of each length see, of what they could. All packings have
    the same classes of lengths."""
    rows: list[Row] = [
        (
            span(same[0].above + 1, same[0].up_to),
            count(same[0].num_documents),
            *(_both(percent(o.context_by_best_fit), percent(o.context_by_concat)) for o in same),
        )
        for same in zip(*(at.by_length for at in packings), strict=True)
    ]
    return Table(
        caption="Context seen, of what could be, packed / concatenated",
        head=("tokens", "documents", *(count(at.seq_len) for at in packings)),
        rows=rows,
    )


def pairs_table(packings: Sequence[PackingStats]) -> Table:
    """Return the share of the pairs of tokens of a document that are in one sequence, by their
    distance."""
    distances = sorted({own for at in packings for own in at.plan.context.distances})
    rows: list[Row] = [
        (count(distance), *(_both(*_both_together(at, distance)) for at in packings))
        for distance in distances
    ]
    return Table(
        caption="Pairs of tokens in one sequence, packed / concatenated",
        head=("tokens apart", *(count(at.seq_len) for at in packings)),
        rows=rows,
    )


def _both_together(at: PackingStats, distance: int) -> tuple[str, str]:
    best_fit, concat = at.best_fit.context, at.concatenated.context
    return _together(best_fit, distance), _together(concat, distance)


def _pairs_of_contexts(at: PackingStats) -> list[tuple[str, Context, Context]]:
    best_fit, concat = at.best_fit, at.concatenated
    return [
        ("all", best_fit.context, concat.context),
        ("that fit", best_fit.fitting, concat.fitting),
    ]


def _cells(best_fit: Context, concat: Context, seq_len: int) -> tuple[str, ...]:
    ways = (best_fit, concat)
    return (
        mean(best_fit.possible),
        _both(*(mean(way.seen) for way in ways)),
        _both(*(percent(way.share) for way in ways)),
        _both(*(percent(way.beginning_share) for way in ways)),
        _both(*(percent(way.whole_share) for way in ways)),
        *(_both(*(_together(way, seq_len // part) for way in ways)) for part in _PARTS),
    )


def _together(context: Context, distance: int) -> str:
    if distance not in context.distances:  # below 1 token
        return "-"
    return percent(context.together[context.distances.index(distance)])


def _both(packed: str, concatenated: str) -> str:
    return f"{packed} / {concatenated}"
