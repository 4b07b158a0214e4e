"""Versions side by side: the published seq_lens of a bucket, or the buckets of an output."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

from bfpack_spark.core.accounting import add_counts
from bfpack_spark.report.layout import Cell, Row, Table
from bfpack_spark.report.words import count, share, size
from bfpack_spark.versions.manifests import SequencesAccounting, SequencesManifest

Column: TypeAlias = Callable[[SequencesAccounting], str]


def seq_lens_table(bucket: str, versions: Sequence[SequencesManifest]) -> Table:
    """Return a table with a row for each seq_len of one bucket."""
    columns = _columns(versions)
    rows: list[Row] = [
        (count(one.seq_len or 0), *_numbers(one.accounting, columns), *_shards([one]), one.version)
        for one in versions
    ]
    caption = f"Published of {bucket} when this was written"
    head = ("seq_len", *columns, *_SHARDS, "version")
    return Table(caption=caption, head=head, rows=rows)


def buckets_table(caption: str, buckets: Mapping[str, SequencesManifest]) -> Table:
    """Return a table with a row for each bucket, and their sum."""
    manifests = [*buckets.values()]
    total, columns = add_manifests(manifests), _columns(manifests)
    most = max(manifest.accounting.num_tokens for manifest in manifests)
    rows: list[Row] = [
        (
            name,
            Cell(
                text=share(one.accounting.num_tokens, total.num_tokens),
                bar=one.accounting.num_tokens / max(most, 1),
            ),
            *_numbers(one.accounting, columns),
            *_shards([one]),
        )
        for name, one in buckets.items()
    ]
    return Table(
        caption=caption,
        head=("bucket", "share of tokens", *columns, *_SHARDS),
        rows=rows,
        foot=(f"all {count(len(buckets))}", "", *_numbers(total, columns), *_shards(manifests)),
    )


def not_added_table(whys: Sequence[tuple[str, str, SequencesManifest]]) -> Table:
    """Return a table of the versions that are in no sum, each with bucket and reason."""
    return Table(
        caption="Not added to any sum",
        head=("bucket", "seq_len", "version", "tokens", "why"),
        rows=[
            (bucket, str(one.seq_len), one.version, count(one.totals.tokens), why)
            for bucket, why, one in whys
        ],
    )


def names_table(ways: Mapping[str, Mapping[str, SequencesManifest]]) -> Table:
    """Return a table with a row for each bucket: its version for each way to pack."""
    each = {way: {b: one.version for b, one in held.items()} for way, held in ways.items()}
    return Table(
        caption="Versions, by bucket and seq_len",
        head=("bucket", *ways),
        rows=[
            (bucket, *(held.get(bucket, "") for held in each.values()))
            for bucket in dict.fromkeys(chain.from_iterable(each.values()))
        ],
    )


# The numbers of a version that say what packing makes of it.
COLUMNS: dict[str, Column] = {
    "documents": lambda account: count(account.num_documents),
    "tokens": lambda account: count(account.num_tokens),
    "sequences": lambda account: count(account.num_sequences),
    "padding": lambda account: share(
        account.num_padding, account.num_tokens_packed + account.num_padding
    ),
    "documents cut": lambda account: share(account.num_documents_cut, account.num_documents),
    "cut by concatenation": lambda account: share(
        account.num_documents_cut_by_concat, account.num_documents
    ),
}
_LEFT_OUT: dict[str, Column] = {
    "tokens left out": lambda account: share(account.num_tokens_left_out, account.num_tokens)
}
_SHARDS = ("shards", "size")


def add_manifests(manifests: Sequence[SequencesManifest]) -> SequencesAccounting:
    """Return the accounting of several versions as one sum, without targets. seq_len is that of the
    first."""
    every = (vars(manifest.accounting).items() for manifest in manifests)
    accounts = [{name: value for name, value in items if name != "targets"} for items in every]
    return SequencesAccounting(**{**add_counts(accounts), "seq_len": accounts[0]["seq_len"]})


def _columns(manifests: Sequence[SequencesManifest]) -> dict[str, Column]:
    """Return the columns of numbers. The tokens left out have one if there are any."""
    some = any(manifest.accounting.num_tokens_left_out for manifest in manifests)
    return COLUMNS | (_LEFT_OUT if some else {})


def _numbers(account: SequencesAccounting, columns: Mapping[str, Column]) -> tuple[str, ...]:
    return tuple(column(account) for column in columns.values())


def _shards(manifests: Sequence[SequencesManifest]) -> tuple[str, str]:
    shards = [entry for manifest in manifests for entry in manifest.files_of("shards")]
    return count(len(shards)), size(sum(entry.bytes for entry in shards))
