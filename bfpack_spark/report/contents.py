"""Which sections a report has: that of one version, and that of the buckets of an output
together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore.group_balance import group_balance
from bfpack_spark.explore.several import with_total
from bfpack_spark.explore.statistics import CorpusStats, PackingStats, length_classes, powers_of_two
from bfpack_spark.report import cost_sections, sections
from bfpack_spark.report.collect import VersionReport
from bfpack_spark.report.comparison import (
    Named,
    add_accounts,
    buckets_table,
    names_table,
    seq_lens_table,
)
from bfpack_spark.report.figures import fragments_figure, lengths_figure, truncations_figure
from bfpack_spark.report.layout import Page, Section, Table
from bfpack_spark.report.words import count, rules_name, rules_words, share
from bfpack_spark.versions import versions


def version_page(report: VersionReport) -> Page:
    """Return the page of one version of sequences."""
    manifest, stats = report.manifest, report.stats
    at = stats.at[0]
    return Page(
        title=f"{report.place.bucket}: sequences of {count(at.seq_len)}",
        lead=f"Version {report.name}, packed by {_WORDS[at.rules.packing]}.",
        facts=_facts(manifest["accounting"]),
        sections=[
            sections.accounting_section(manifest["accounting"]),
            sections.truncations_section(stats.at, _others(at.seq_len, len(stats.at) - 1)),
            sections.lengths_section(stats),
            sections.sequences_section(at),
            sections.groups_section(group_balance(stats.histogram, at.rules)),
            sections.shards_section(manifest),
            Section(name="buckets", title="Bucket", tables=[_bucket_table(report)]),
            cost_sections.costs_section(report.run),
            sections.configuration_section(manifest, report.tokens),
        ],
    )


def _others(seq_len: int, others: int) -> str:
    if not others:
        return ""
    return f"This version is packed at {count(seq_len)}. The other lengths show the same rules."


def output_page(reports: Sequence[VersionReport]) -> Page:
    """Return the page of several buckets, each packed by itself, in one way or in several. Versions
    that are packed by different rules are not added up."""
    ways: dict[str, list[VersionReport]] = {}
    for report in reports:
        ways.setdefault(rules_words(report.stats.at[0].rules), []).append(report)
    at = tuple(with_total([r.stats for r in found])[-1].at[0] for found in ways.values())
    accounts = {way: add_accounts([r.manifest for r in found]) for way, found in ways.items()}
    named = {way: [*map(_named, found)] for way, found in ways.items()}
    lengths, buckets = _every_length(reports, at), {report.place.bucket for report in reports}
    return Page(
        title=f"{count(len(buckets))} bucket{'s' * (len(buckets) > 1)}",
        lead=f"Each packed on its own, at {'; '.join(ways)}.",
        facts=[
            ("documents", count(lengths.num_documents)),
            ("tokens", count(lengths.num_tokens)),
            *((f"sequences of {way}", count(a["num_sequences"])) for way, a in accounts.items()),
        ],
        sections=[
            *(
                sections.accounting_section(account, rules_name(own.rules), f", at {way}")
                for own, (way, account) in zip(at, accounts.items(), strict=True)
            ),
            sections.truncations_section(at),
            sections.lengths_section(lengths),
            Section(
                name="buckets",
                title="Buckets",
                tables=[buckets_table(f"Buckets at {way}", found) for way, found in named.items()],
            ),
            _costs_of(reports),
            sections.configurations_section(
                [report.manifest["inputs"]["configuration"] for report in reports],
                names_table(named),
            ),
        ],
    )


def _every_length(reports: Sequence[VersionReport], at: tuple[PackingStats, ...]) -> CorpusStats:
    """Return the documents of all token stores. Each is counted once, even if it is packed several
    times."""
    stores = {(r.place.bucket, r.tokens["fingerprint"]): r.stats.histogram for r in reports}
    histogram, rules = Histogram.merged(stores.values()), at[0].rules
    classes = length_classes(histogram, rules, powers_of_two(histogram))
    first = replace(at[0], by_length=classes)
    return CorpusStats(bucket=None, rules=rules, histogram=histogram, at=(first, *at[1:]))


def pictures(stats: CorpusStats) -> list[Section]:
    """Return the sections that are drawn from statistics alone. They need no packed version."""
    if not stats.num_documents:
        return []
    return [
        Section(
            name="pictures-truncations",
            title="Packing against concatenation",
            notes=sections.how_they_cut(stats.at),
            figures=[truncations_figure(at) for at in stats.at],
        ),
        Section(
            name="pictures-lengths",
            title="Lengths and fragments",
            figures=[
                lengths_figure(stats),
                *(
                    fragments_figure(at, at.fragments)
                    for at in stats.at
                    if at.fragments is not None and at.plan.accounting.num_sequences
                ),
            ],
        ),
    ]


def _facts(account: dict[str, Any]) -> list[tuple[str, str]]:
    places = account["num_tokens_packed"] + account["num_padding"]
    return [
        ("documents", count(account["num_documents"])),
        ("tokens", count(account["num_tokens"])),
        ("sequences", count(account["num_sequences"])),
        ("padding", share(account["num_padding"], places)),
        ("documents cut", share(account["num_documents_cut"], account["num_documents"])),
        (
            "cut by concatenation",
            share(account["num_documents_cut_by_concat"], account["num_documents"]),
        ),
    ]


def _named(report: VersionReport) -> Named:
    return Named(name=report.place.bucket, manifest=report.manifest)


def _bucket_table(report: VersionReport) -> Table:
    """Return the version in one table with the others that are published of its bucket."""
    named = [Named(name=count(report.stats.at[0].seq_len), manifest=report.manifest)]
    for at in report.stats.at[1:]:
        manifest = versions.current_manifest(replace(report.place, seq_len=at.seq_len))
        if manifest is not None:
            named.append(Named(name=count(at.seq_len), manifest=manifest))
    return seq_lens_table(report.place.bucket, named)


def _costs_of(reports: Sequence[VersionReport]) -> Section:
    """Return the costs of the runs. A run that made several versions left the costs of their common
    stages with each of them, so these are counted once."""
    runs = [(report.place.bucket, report.run) for report in reports if report.run is not None]
    costs = {(bucket, cost): cost for bucket, run in runs for cost in run.costs}
    return cost_sections.sum_of_costs_section([*costs.values()], len(runs), len(reports))


_WORDS = {"best_fit": "best fit", "concat": "concatenation, the baseline"}
