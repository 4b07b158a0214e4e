"""The lines of text around the tables of statistics, on a terminal and on a page."""

from collections.abc import Iterator

from bfpack_spark.explore.sample_estimates import Sample
from bfpack_spark.explore.statistics import CorpusStats
from bfpack_spark.printable import one_line
from bfpack_spark.report.reference_tables import about_references
from bfpack_spark.report.words import count, percent

HOW_TO_CHOOSE = (
    "A longer seq_len cuts fewer documents, but attention costs more for each token.",
    "Take the shortest at which few enough tokens are in cut documents or left out, and little is "
    "padding.",
)


def bucket_name(stats: CorpusStats) -> str:
    """Return what the documents are called, in one line."""
    once = f"; the documents of {', '.join(stats.same_documents)} are counted once"
    everything = "all buckets, each packed on its own" + (once if stats.same_documents else "")
    return one_line(stats.bucket or everything)


def headline(stats: CorpusStats) -> list[str]:
    """Return the lines above the first table of a bucket."""
    documents, tokens = (
        about(stats, count(number)) for number in (stats.num_documents, stats.num_tokens)
    )
    return [
        f"{bucket_name(stats)}: {documents} documents, {tokens} tokens",
        *([_sampled(stats.sample)] if stats.sample else []),
        *([about_references(stats.references)] if stats.references else []),
        *_refused(stats),
        *about_what_is_kept(stats),
    ]


def about_what_is_kept(stats: CorpusStats) -> Iterator[str]:
    """Yield a line for a policy that looks at loss masks: lengths alone do not tell what it
    keeps."""
    policies = {stats.rules.long_documents, *stats.policies}
    if "truncate_turns" in policies:
        yield (
            "--long-documents truncate_turns: lengths do not tell where turns end, so numbers from "
            "lengths alone are those of truncate, an upper bound of what is packed. Packing keeps "
            "a document up to the end of its last whole turn in the first seq_len tokens, and "
            "leaves it out if no target is left."
        )
    elif "truncate" in policies and stats.has_masks:
        yield (
            "--long-documents truncate: lengths do not tell which tokens are targets, so numbers "
            "from lengths alone are an upper bound of what is packed. Packing leaves out a "
            "document without a target in its first seq_len tokens."
        )


def _refused(stats: CorpusStats) -> Iterator[str]:
    """Yield a line for each seq_len at which `bfpack pack` would fail."""
    if stats.long_documents != "error" or stats.rules.packing != "best_fit":
        return
    for at in stats.at:
        longer = at.plan.accounting.num_documents_cut
        if longer:
            share = percent(longer / max(stats.num_documents, 1))
            yield (
                f"--long-documents error: bfpack pack fails at --seq-len {at.seq_len}, since "
                f"{about(stats, count(longer))} of the documents ({share}) are longer"
            )


def about_lengths(stats: CorpusStats) -> list[str]:
    """Return the lines above the detailed tables of a bucket."""
    lengths = ", ".join(
        f"{100 * q:g}% {about(stats, count(length))}" for q, length in stats.quantiles.items()
    )
    return [
        f"{about(stats, f'{stats.mean_length:,.1f}')} tokens a document; quantiles {lengths}",
        f"--packing {stats.rules.packing} --long-documents {stats.long_documents}, against "
        "all documents whole, concatenated from a random start on (expectations)",
    ]


def _sampled(sample: Sample) -> str:
    refused = f"{sample.num_refused:,} of them refused" if sample.num_refused else "none refused"
    if not sample.num_draws:
        return f"all {sample.num_read:,} documents were read, {refused}; nothing is estimated"
    places = "" if sample.all_sizes_known else f" at {sample.num_draws:,} random places"
    return (
        f"estimated from {sample.num_read:,} documents drawn at random, {refused}, and the sizes "
        f"of all documents{places}; overhead and padding are rough"
    )


def about(stats: CorpusStats, number: str) -> str:
    """Return a number with the word "about" before it, if it is an estimate and not 0."""
    return f"about {number}" if stats.is_estimated and set(number) & set("123456789") else number
