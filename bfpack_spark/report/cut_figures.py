"""The figures of cuts and of what tokens see, with the words and the numbers that say the same."""

from collections.abc import Sequence
from functools import partial

from bfpack_spark.explore import plots
from bfpack_spark.explore.statistics import CorpusStats, PackingStats
from bfpack_spark.report.cut_tables import classes_table, cuts_table, pairs_table
from bfpack_spark.report.headlines import bucket_name
from bfpack_spark.report.layout import Figure
from bfpack_spark.report.svg import picture
from bfpack_spark.report.words import count, mean, percent, rules_name


def truncations_figure(stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return figure 4 of Ding et al. for these documents: how often those of each length are cut,
    in all and on average, at every seq_len of the packings."""
    name, seq_lens = _name("truncations", packings), [at.seq_len for at in packings]
    return Figure(
        name=name,
        title=f"Truncations by the length of the document, at {_words(packings)}",
        description=f"{count(stats.num_documents)} documents. {_cuts(packings)}",
        picture=picture(name, partial(plots.truncations_by_length, stats, *seq_lens)),
        numbers=cuts_table(packings),
    )


def bucket_figure(number: int, stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return the truncations of one bucket of several, small enough to stand beside the others."""
    name, seq_lens = _name(f"bucket-{number}", packings), [at.seq_len for at in packings]
    return Figure(
        name=name,
        title=f"{bucket_name(stats)}, at {_words(packings)}",
        description=f"{count(stats.num_documents)} documents. {_cuts(packings)}",
        picture=picture(name, partial(plots.truncations_in_all, stats, *seq_lens)),
        numbers=cuts_table(packings),
    )


def context_figure(stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return how much of their documents tokens see, by the length of the document."""
    name, seq_lens = _name("context", packings), [at.seq_len for at in packings]
    seen = (
        f"At {count(at.seq_len)} tokens see {percent(at.best_fit.context.share)} of what they "
        f"could by packing, and {percent(at.concatenated.context.share)} by concatenation."
        for at in packings
    )
    return Figure(
        name=name,
        title=f"What tokens see of their document, by its length, at {_words(packings)}",
        description=" ".join(seen),
        picture=picture(name, partial(plots.context_by_length, stats, *seq_lens)),
        numbers=classes_table(packings),
    )


def together_figure(stats: CorpusStats, packings: Sequence[PackingStats]) -> Figure:
    """Return how many pairs of tokens of a document are in one sequence, by their distance."""
    name, seq_lens = _name("together", packings), [at.seq_len for at in packings]
    return Figure(
        name=name,
        title=f"Pairs of tokens in one sequence, by their distance, at {_words(packings)}",
        description=(
            "Pairs of tokens of one document, as a share of all that are so far apart. The pairs "
            "of a document that fits are all in one sequence by packing."
        ),
        picture=picture(name, partial(plots.together, stats, *seq_lens)),
        numbers=pairs_table(packings),
    )


def _name(kind: str, packings: Sequence[PackingStats]) -> str:
    return "-".join([kind, *(rules_name(at.rules) for at in packings)])


def _words(packings: Sequence[PackingStats]) -> str:
    return " and ".join(count(at.seq_len) for at in packings)


def _cuts(packings: Sequence[PackingStats]) -> str:
    return " ".join(
        f"At {count(at.seq_len)} they are cut {count(at.concatenated.num_truncations)} times by "
        f"concatenation, {mean(at.concatenated.truncations)} times a document, and "
        f"{count(at.best_fit.num_truncations)} times by packing; {percent(at.unnecessary_share)} "
        "of the cuts are unnecessary."
        for at in packings
    )
