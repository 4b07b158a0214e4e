"""Which sections a report has: that of one version, and that of an output's buckets together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bfpack_spark.explore.groups import group_balance
from bfpack_spark.explore.several import with_total
from bfpack_spark.report import sections
from bfpack_spark.report.buckets import (
    Named,
    add_accounts,
    buckets_table,
    names_table,
    seq_lens_table,
)
from bfpack_spark.report.collect import VersionReport
from bfpack_spark.report.page import Page, Section, Table
from bfpack_spark.report.words import count, share
from bfpack_spark.storage import versions


def version_page(report: VersionReport) -> Page:
    """One version of sequences."""
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
            sections.costs_section(report.run),
            sections.configuration_section(manifest, report.tokens),
        ],
    )


def _others(seq_len: int, others: int) -> str:
    if not others:
        return ""
    return f"Packed here is {count(seq_len)}; what it would be at others is by the same rules."


def output_page(reports: Sequence[VersionReport]) -> Page:
    """Buckets, each packed on its own, at one seq_len or more."""
    by_seq_len: dict[int, list[VersionReport]] = {}
    for report in reports:
        by_seq_len.setdefault(report.stats.at[0].seq_len, []).append(report)
    totals = [with_total([r.stats for r in found])[-1] for found in by_seq_len.values()]
    named = {n: [*map(_named, found)] for n, found in by_seq_len.items()}
    at = tuple(total.at[0] for total in totals)
    accounts = [add_accounts([r.manifest for r in found]) for found in by_seq_len.values()]
    buckets = {report.place.bucket for report in reports}
    return Page(
        title=f"{count(len(buckets))} buckets",
        lead=f"Each packed on its own, at {', '.join(map(count, by_seq_len))}.",
        facts=_facts(accounts[0]),
        sections=[
            *(sections.accounting_section(a, f", at {count(a['seq_len'])}") for a in accounts),
            sections.truncations_section(at),
            sections.lengths_section(replace(totals[0], at=at)),
            Section(
                name="buckets",
                title="Buckets",
                tables=[
                    buckets_table(f"Buckets at {count(n)}", found) for n, found in named.items()
                ],
            ),
            _costs_of(reports),
            sections.configurations_section(
                [report.manifest["inputs"]["configuration"] for report in reports],
                names_table(named),
            ),
        ],
    )


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
    """The version beside what else is published of its bucket."""
    named = [Named(name=count(report.stats.at[0].seq_len), manifest=report.manifest)]
    for at in report.stats.at[1:]:
        manifest = versions.current_manifest(replace(report.place, seq_len=at.seq_len))
        if manifest is not None:
            named.append(Named(name=count(at.seq_len), manifest=manifest))
    return seq_lens_table(report.place.bucket, named)


def _costs_of(reports: Sequence[VersionReport]) -> Section:
    """A run that made several versions has told each of them of the stages that they share."""
    runs = [(report.place.bucket, report.run) for report in reports if report.run is not None]
    costs = {(bucket, cost): cost for bucket, run in runs for cost in run.costs}
    return sections.sum_of_costs_section([*costs.values()], len(runs), len(reports))


_WORDS = {"best_fit": "best fit", "concat": "concatenation, the baseline"}
