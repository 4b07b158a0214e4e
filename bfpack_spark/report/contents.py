"""Which sections a page has: that of one version, that of the buckets of an output together, and
that of statistics alone."""

from collections.abc import Sequence
from dataclasses import replace

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.explore.several import total_of
from bfpack_spark.explore.statistics import CorpusStats
from bfpack_spark.printable import counted
from bfpack_spark.report import sections
from bfpack_spark.report.collect import VersionReport
from bfpack_spark.report.comparison import (
    COLUMNS,
    add_manifests,
    buckets_table,
    names_table,
    not_added_table,
    seq_lens_table,
)
from bfpack_spark.report.cut_sections import (
    bucket_figures,
    context_figures,
    context_section,
    how_they_cut,
    truncations_figures,
    truncations_section,
)
from bfpack_spark.report.figures import fragments_figure, lengths_figure
from bfpack_spark.report.headlines import HOW_TO_CHOOSE, about, about_lengths, bucket_name, headline
from bfpack_spark.report.layout import Page, Section, Table
from bfpack_spark.report.tables import detailed_tables_of, tables_of
from bfpack_spark.report.target_tables import targets_of_buckets, targets_sections
from bfpack_spark.report.words import count, percent, rules_name, rules_words
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import SequencesAccounting, SequencesManifest
from bfpack_spark.versions.publication import Home


def version_page(report: VersionReport) -> Page:
    """Return the page of one version of sequences."""
    manifest, stats = report.manifest, report.stats
    at = stats.at[0]
    own = f"This version is packed at {count(at.seq_len)}. The other lengths show the same rules."
    notes = [*[own] * (len(stats.at) > 1), *_cuts_in_order(report)]
    return Page(
        title=f"{report.home.bucket}: sequences of {count(at.seq_len)}",
        lead=f"Version {report.name}, packed by {_WORDS[at.rules.packing]}.",
        facts=[
            *((name, of(manifest.accounting)) for name, of in COLUMNS.items()),
            ("unnecessary cuts of concatenation", percent(at.unnecessary_share)),
            ("context seen by packing", percent(at.best_fit.context.share)),
            ("context by concatenation", percent(at.concatenated.context.share)),
        ],
        sections=[
            sections.accounting_section(manifest.accounting, at.rules.long_documents),
            *targets_sections(manifest),
            truncations_section([stats], notes),
            context_section([stats], [at.seq_len]),
            sections.lengths_section(stats),
            sections.sequences_section(stats, at),
            sections.groups_section(stats.histogram, at.rules),
            sections.shards_section(manifest),
            Section(name="buckets", title="Bucket", tables=[_bucket_table(report)]),
            sections.costs_section(report.run),
            sections.configuration_section(manifest, report.tokens),
        ],
    )


def _cuts_in_order(report: VersionReport) -> list[str]:
    """Return how often the documents of a concatenation are cut in the order that they have. Those
    of best fit are what is expected."""
    account = report.manifest.accounting
    if report.stats.at[0].rules.packing == "best_fit":
        return []
    fragments = sum(entry.rows for entry in report.manifest.files_of("plan"))
    cuts = fragments - account.num_documents_packed + account.num_documents_truncated
    return [
        f"In the order of this version {count(account.num_documents_cut)} documents are cut, "
        f"{count(cuts)} times in all."
    ]


def output_page(reports: Sequence[VersionReport]) -> Page:
    """Return the page of several buckets, each packed by itself, in one way or in several. Versions
    that are packed by different rules are not added up."""
    ways: dict[str, list[VersionReport]] = {}
    not_added = _not_added(reports)
    added = [report for report in reports if report.home not in not_added]
    for report in added:
        ways.setdefault(rules_words(report.stats.at[0].rules), []).append(report)
    totals = {way: total_of([r.stats for r in same]) for way, same in ways.items()}
    accounts = {way: add_manifests([r.manifest for r in same]) for way, same in ways.items()}
    manifests = {way: {r.home.bucket: r.manifest for r in same} for way, same in ways.items()}
    documents = _all_documents(added)
    several = len({report.home.bucket for report in added}) > 1
    whys = [
        (report.home.bucket, not_added[report.home], report.manifest)
        for report in reports
        if report.home in not_added
    ]
    return Page(
        title=counted(len({report.home.bucket for report in reports}), "bucket"),
        lead=f"Each packed on its own, at {'; '.join(ways)}.{_once(reports)}",
        facts=[
            ("documents", count(documents.num_documents)),
            ("tokens", count(documents.num_tokens)),
            *((f"sequences of {way}", count(a.num_sequences)) for way, a in accounts.items()),
        ],
        sections=[
            *(
                _accounting(way, account, totals[way].at[0].rules)
                for way, account in accounts.items()
            ),
            *targets_of_buckets(manifests),
            truncations_section(
                [*totals.values()], each=[report.stats for report in added] if several else []
            ),
            context_section([*totals.values()]),
            sections.lengths_section(documents),
            Section(
                name="buckets",
                title="Buckets",
                tables=[
                    *(buckets_table(f"Buckets at {way}", same) for way, same in manifests.items()),
                    *([not_added_table(whys)] if whys else []),
                ],
            ),
            _costs_of(reports),
            sections.configurations_section(
                [report.manifest for report in reports], names_table(manifests)
            ),
        ],
    )


def _accounting(way: str, account: SequencesAccounting, rules: Rules) -> Section:
    return sections.accounting_section(account, rules.long_documents, rules_name(rules), way)


def _not_added(reports: Sequence[VersionReport]) -> dict[Home, str]:
    """Return the versions that would be counted wrongly in a sum, and why: those of an earlier
    token store, and those of the same tokens and rules as another."""
    left: dict[Home, str] = {}
    first: dict[tuple[str, str], str] = {}
    for report in reports:
        key = (rules_words(report.stats.at[0].rules), report.tokens.fingerprint)
        if report.is_outdated:
            left[report.home] = "made from another token store; pack it again"
        elif first.setdefault(key, report.home.bucket) != report.home.bucket:
            left[report.home] = f"the documents of {first[key]}, packed alike"
    return left if len(left) < len(reports) else {}


def _once(reports: Sequence[VersionReport]) -> str:
    """Return a sentence if several buckets have the same documents."""
    names: dict[str, set[str]] = {}
    for report in (report for report in reports if not report.is_outdated):
        names.setdefault(report.tokens.fingerprint, set()).add(report.home.bucket)
    same = [" and ".join(sorted(buckets)) for buckets in names.values() if len(buckets) > 1]
    return "".join(f" {each} have the same documents, which are counted once." for each in same)


def _all_documents(reports: Sequence[VersionReport]) -> CorpusStats:
    """Return the documents of all token stores, at every seq_len. Each is counted once, even if it
    is packed several times."""
    stores = {r.tokens.fingerprint: r.stats.histogram for r in reports}
    by_seq_len = {report.stats.at[0].seq_len: report.stats.at[0] for report in reports}
    return CorpusStats(
        bucket=None,
        rules=reports[0].stats.rules,
        histogram=Histogram.merged(stores.values()),
        at=tuple(by_seq_len.values()),
    )


def stats_page(statistics: Sequence[CorpusStats]) -> Page:
    """Return the page of statistics alone, which need no packed version. It has pictures of the
    last, which are the total if there are several buckets."""
    last = statistics[-1]
    summaries = [
        Section(
            name=f"summary-{number}",
            title=bucket_name(stats),
            notes=[*headline(stats)[1:], *HOW_TO_CHOOSE],
            tables=tables_of(stats),
        )
        for number, stats in enumerate(statistics)
    ]
    details = Section(
        name="detail",
        title="In detail",
        notes=about_lengths(last),
        tables=detailed_tables_of(last),
    )
    return Page(
        title="What packing comes to",
        lead=f"{bucket_name(last)}, from lengths alone.",
        facts=[
            ("documents", about(last, count(last.num_documents))),
            ("tokens", about(last, count(last.num_tokens))),
        ],
        sections=[*summaries, *_pictures(last, statistics[:-1]), details],
    )


def _pictures(stats: CorpusStats, buckets: Sequence[CorpusStats]) -> list[Section]:
    if not stats.num_documents:
        return []
    return [
        Section(
            name="pictures-truncations",
            title="Packing against concatenation",
            notes=how_they_cut(stats.at),
            figures=[*truncations_figures([stats]), *bucket_figures(buckets)],
        ),
        Section(
            name="pictures-context",
            title="What a token sees",
            figures=context_figures(stats, stats.at[:2]),
        ),
        Section(
            name="pictures-lengths",
            title="Lengths and fragments",
            figures=[
                lengths_figure(stats),
                *(
                    fragments_figure(stats, at, at.fragments)
                    for at in stats.at
                    if at.fragments is not None and at.plan.accounting.num_sequences
                ),
            ],
        ),
    ]


def _bucket_table(report: VersionReport) -> Table:
    """Return the version in one table with the others that are published of its bucket."""
    manifests = [report.manifest]
    for at in report.stats.at[1:]:
        manifest = publication.current_manifest(replace(report.home, seq_len=at.seq_len))
        if isinstance(manifest, SequencesManifest):
            manifests.append(manifest)
    return seq_lens_table(report.home.bucket, manifests)


def _costs_of(reports: Sequence[VersionReport]) -> Section:
    """Return the costs of the runs. A run that made several versions left the costs of their common
    stages with each of them, so these are counted once."""
    runs = [(report.home.bucket, report.run) for report in reports if report.run is not None]
    costs = {(bucket, cost): cost for bucket, run in runs for cost in run.costs}
    return sections.sum_of_costs_section([*costs.values()], len(runs), len(reports))


_WORDS = {"best_fit": "best fit", "concat": "concatenation, the baseline"}
