"""A look at a corpus and its packing, before and after: lengths -> statistics -> frames, plots.

    from bfpack_spark import explore
    from bfpack_spark.explore import plots

    histogram = explore.read_histogram("out", "web")             # no Spark; or, on any session,
    histogram = explore.length_histogram(spark, explore.open_token_store("out", "web"))
    stats = explore.corpus_stats(histogram, (2048, 8192))        # rules: bfpack's own
    stats.at[0].plan.accounting.num_sequences                    # statistics.py: the dataclasses
    explore.summary_frame([stats])                               # frames.py: pandas
    plots.truncations_by_length(stats, 2048, 8192)               # plots.py: a matplotlib figure

    explore.output_stats("out", (), (2048, 8192))                # every bucket, and all together
    settings = Settings(input="corpus", tokenizer="tokenizer")   # from bfpack_spark.config
    explore.sample_stats(explore.sample_input(settings, 10_000), (2048,))   # text, not packed yet
    explore.read_sequence("out", "web", 2048, 3)                 # one sequence, as text
    explore.names_of("out", explore.read_sequence("out", "web", 2048, 3))  # bound elsewhere
    explore.sample_stats(explore.sample_input(settings, 300, "python"), (2048,))[0].references
    explore.find_document("out", "web", 2048, "an id")           # where a document went
    explore.conversation_tokens("tokenizer", template, messages)  # with the targets marked
    explore.plan_table(spark, "out", "web", 2048).createOrReplaceTempView("plan")

The functions that take a session use only its DataFrames, so it may be a session of Spark Connect.
A name is found when it is asked for, so that looking at one sequence brings no pandas and no Spark.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# A module has the name of its function, which must be there before that module is imported.
from bfpack_spark.explore.length_classes import LengthClass, length_classes

if TYPE_CHECKING:
    from bfpack_spark.core.estimates import Estimate, Stratum
    from bfpack_spark.core.histogram import Histogram
    from bfpack_spark.explore.columns import as_json
    from bfpack_spark.explore.conversations import (
        TokenText,
        conversation_tokens,
        whole_rows_frame,
    )
    from bfpack_spark.explore.document import Fragment, Whereabouts, find_document
    from bfpack_spark.explore.frames import (
        context_frame,
        estimates_frame,
        fragments_frame,
        histogram_frame,
        names_frame,
        padding_frame,
        policies_frame,
        quantiles_frame,
        references_frame,
        segments_frame,
        summary_frame,
        together_frame,
        truncations_frame,
        wide_frame,
    )
    from bfpack_spark.explore.lengths import length_histogram, read_histogram
    from bfpack_spark.explore.names import NamedSegment, NameOutOfSight, names_of
    from bfpack_spark.explore.packed import Context, Packed
    from bfpack_spark.explore.references import References
    from bfpack_spark.explore.sample import sample_input
    from bfpack_spark.explore.sample_estimates import Named, Sample
    from bfpack_spark.explore.sequence import Piece, Segment, Sequence, read_sequence
    from bfpack_spark.explore.several import output_stats, sample_stats, with_total
    from bfpack_spark.explore.statistics import (
        CorpusStats,
        PackingStats,
        corpus_stats,
        rules_of,
        stats_at,
    )
    from bfpack_spark.explore.tables import lengths_table, plan_table, sequences_table
    from bfpack_spark.tokens.token_store import open_token_store
    from bfpack_spark.versions.on_disk import buckets_in

# The names of each module.
_NAMES = {
    "core.estimates": "Estimate Stratum",
    "core.histogram": "Histogram",
    "explore.conversations": "TokenText conversation_tokens whole_rows_frame",
    "explore.document": "Fragment Whereabouts find_document",
    "explore.frames": (
        "context_frame estimates_frame fragments_frame histogram_frame names_frame "
        "padding_frame policies_frame quantiles_frame references_frame segments_frame "
        "summary_frame together_frame truncations_frame wide_frame"
    ),
    "explore.columns": "as_json",
    "explore.lengths": "length_histogram read_histogram",
    "explore.names": "NameOutOfSight NamedSegment names_of",
    "explore.packed": "Context Packed",
    "explore.references": "References",
    "explore.sample": "sample_input",
    "explore.sample_estimates": "Named Sample",
    "explore.sequence": "Piece Segment Sequence read_sequence",
    "explore.several": "output_stats sample_stats with_total",
    "explore.statistics": "CorpusStats PackingStats corpus_stats rules_of stats_at",
    "explore.tables": "lengths_table plan_table sequences_table",
    "tokens.token_store": "open_token_store",
    "versions.on_disk": "buckets_in",
}
_PLACES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __dir__() -> list[str]:
    return sorted({"LengthClass", "length_classes", *_PLACES})


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"bfpack_spark.{_PLACES[name]}"), name)
