"""The figures of a report: each picture with the words and the numbers that say the same."""

import itertools
from functools import partial

import numpy as np

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore import plots
from bfpack_spark.explore.drawing import fragment_bins, mean_sizes
from bfpack_spark.explore.length_classes import length_classes, powers_of_two
from bfpack_spark.explore.statistics import CorpusStats, PackingStats
from bfpack_spark.report.headlines import about
from bfpack_spark.report.layout import Figure, Table
from bfpack_spark.report.svg import picture
from bfpack_spark.report.tables import lengths_table
from bfpack_spark.report.words import count, mean, rules_name, size, span
from bfpack_spark.versions.manifests import Manifest


def lengths_figure(stats: CorpusStats) -> Figure:
    """Return how long the documents are, and the share of tokens in documents up to each length."""
    seq_lens = [at.seq_len for at in stats.at]
    edges = np.union1d(powers_of_two(stats.histogram), seq_lens).astype(np.int64)
    lengths = stats.histogram.values
    half = np.searchsorted(stats.histogram.totals_up_to(lengths), 0.5)
    whole = f" of {count(lengths[0])} to {count(lengths[-1])} tokens"
    extent = "" if stats.is_estimated else whole

    def number(known: int) -> str:
        return about(stats, count(known))

    description = (
        f"{number(stats.num_documents)} documents{extent}, half of them of at most "
        f"{number(stats.quantiles[0.5])} tokens. Documents of at most {number(lengths[half])} "
        f"tokens hold half of all {number(stats.num_tokens)} tokens, or more."
    )
    return Figure(
        name="lengths",
        title="Length of the documents, and where the tokens lie",
        description=description[0].upper() + description[1:],
        picture=picture("lengths", partial(plots.documents_by_length, stats)),
        numbers=lengths_table(stats, length_classes(stats.histogram, stats.at[0].rules, edges)),
    )


def fragments_figure(stats: CorpusStats, at: PackingStats, fragments: Histogram) -> Figure:
    """Return of how many fragments sequences are made."""
    counts, edges = fragment_bins(fragments)
    high = int(edges[-1]) - 1
    above, none = (
        int(fragments.counts[of].sum()) for of in (fragments.values > high, fragments.values == 0)
    )
    not_drawn = f" {count(above)} with more than {count(high)} are not drawn." if above else ""
    spans = [span(low, end - 1) for low, end in itertools.pairwise(edges)]
    name = f"fragments-{rules_name(at.rules)}"
    return Figure(
        name=name,
        title=f"Fragments a sequence, at {count(at.seq_len)}",
        description=(
            f"A sequence holds {mean(at.plan.fragments)} fragments on average, half of them at "
            f"most {count(fragments.quantile(0.5))}; the most that one holds is "
            f"{count(fragments.values[-1])}.{not_drawn}"
        ),
        picture=picture(name, partial(plots.fragments_per_sequence, stats, at.seq_len)),
        numbers=Table(
            caption=f"Sequences by fragments, at {count(at.seq_len)}",
            head=("fragments", "sequences"),
            rows=[
                *([("none: padding alone", count(none))] if none else []),
                *zip(spans, map(count, counts), strict=True),
                (f"more than {count(high)}", count(above)),
            ],
        ),
    )


def shards_figure(manifest: Manifest) -> Figure:
    """Return the size of each shard. If there are many, each bar is the mean of several in a
    row."""
    sizes = [entry.bytes for entry in manifest.files_of("shards")]
    means, edges = mean_sizes(sizes)
    each = "bytes" if len(means) == len(sizes) else f"bytes, mean of {edges[1]} shards"
    return Figure(
        name="shard-sizes",
        title="Size of the shards",
        description=(
            f"{count(len(sizes))} shards of {size(min(sizes))} to {size(max(sizes))}, "
            f"{size(sum(sizes))} in all."
        ),
        picture=picture("shard-sizes", partial(plots.shard_sizes, sizes)),
        numbers=Table(
            caption="Size of the shards",
            head=("shard", each),
            rows=[(count(k), count(m)) for k, m in zip(edges[:-1], means, strict=True)],
        ),
    )
