"""The figures of cuts and of what tokens see, with the words and the numbers that say the same."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bfpack_spark.explore import plots
from bfpack_spark.explore.statistics import CorpusStats, PackingStats
from bfpack_spark.report.cut_tables import classes_table, cuts_table, pairs_table
from bfpack_spark.report.headlines import bucket_name
from bfpack_spark.report.layout import Figure, Table
from bfpack_spark.report.svg import picture
from bfpack_spark.report.words import count, mean, percent, rules_name


def truncations_figure(stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return figure 4 of Ding et al. for these documents: how often those of each length are cut,
    in all and on average, at every seq_len of the packings."""
    title, said = "Truncations by the length of the document", _cuts(stats, packings)
    draw = partial(plots.truncations_by_length, stats)
    return _figure("truncations", title, said, draw, cuts_table(packings), packings)


def bucket_figure(number: int, stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return the truncations of one bucket of several, small enough to stand beside the others."""
    title, said = bucket_name(stats), _cuts(stats, packings)
    draw = partial(plots.truncations_in_all, stats)
    return _figure(f"bucket-{number}", title, said, draw, cuts_table(packings), packings)


def context_figure(stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return how much of their documents tokens see, by the length of the document."""
    said = " ".join(
        f"At {count(at.seq_len)} tokens see {percent(at.best_fit.context.share)} of what they "
        f"could by packing, and {percent(at.concatenated.context.share)} by concatenation."
        for at in packings
    )
    title = "What tokens see of their document, by its length"
    draw = partial(plots.context_by_length, stats)
    return _figure("context", title, said, draw, classes_table(packings), packings)


def together_figure(stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return how many pairs of tokens of a document are in one sequence, by their distance."""
    said = (
        "Pairs of tokens of one document, as a share of all that are so far apart. The pairs "
        "of a document that fits are all in one sequence by packing."
    )
    title = "Pairs of tokens in one sequence, by their distance"
    draw = partial(plots.together, stats)
    return _figure("together", title, said, draw, pairs_table(packings), packings)


def _figure(
    kind: str,
    title: str,
    description: str,
    draw: Callable[..., Any],
    numbers: Table,
    packings: Sequence[PackingStats],
) -> Figure:
    """Return what `draw` draws at the seq_lens of the packings."""
    name = "-".join([kind, *(rules_name(at.rules) for at in packings)])
    return Figure(
        name=name,
        title=f"{title}, at {' and '.join(count(at.seq_len) for at in packings)}",
        description=description,
        picture=picture(name, partial(draw, *(at.seq_len for at in packings))),
        numbers=numbers,
    )


def _cuts(stats: CorpusStats, packings: Sequence[PackingStats]) -> str:
    cuts = " ".join(
        f"At {count(at.seq_len)} they are cut {count(at.concatenated.num_truncations)} times by "
        f"concatenation, {mean(at.concatenated.truncations)} times a document, and "
        f"{count(at.best_fit.num_truncations)} times by packing; {percent(at.unnecessary_share)} "
        "of the cuts are unnecessary."
        for at in packings
    )
    return f"{count(stats.num_documents)} documents. {cuts}"
