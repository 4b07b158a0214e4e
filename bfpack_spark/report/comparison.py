"""Versions side by side: the published seq_lens of a bucket, or the buckets of an output."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bfpack_spark.report.layout import Cell, Row, Table
from bfpack_spark.report.words import count, share, size
from bfpack_spark.versions.versions import Manifest, files_of


@dataclass(frozen=True, kw_only=True)
class Named:
    """A manifest, and its name in a table."""

    name: str
    manifest: Manifest


def seq_lens_table(bucket: str, versions: Sequence[Named]) -> Table:
    """Return a table with a row for each seq_len of one bucket."""
    rows: list[Row] = [
        (one.name, *_numbers(one.manifest["accounting"]), *_shards([one.manifest]), _version(one))
        for one in versions
    ]
    caption = f"Published of {bucket} when this was written"
    return Table(caption=caption, head=("seq_len", *_HEAD, "version"), rows=rows)


def buckets_table(caption: str, versions: Sequence[Named]) -> Table:
    """Return a table with a row for each bucket, and their sum."""
    manifests = [one.manifest for one in versions]
    total = add_accounts(manifests)
    most = max(manifest["accounting"]["num_tokens"] for manifest in manifests)
    rows: list[Row] = [
        (
            one.name,
            _share(one.manifest["accounting"]["num_tokens"], total["num_tokens"], most),
            *_numbers(one.manifest["accounting"]),
            *_shards([one.manifest]),
        )
        for one in versions
    ]
    return Table(
        caption=caption,
        head=("bucket", "share of tokens", *_HEAD),
        rows=rows,
        foot=(f"all {count(len(versions))}", "", *_numbers(total), *_shards(manifests)),
    )


def names_table(ways: Mapping[str, Sequence[Named]]) -> Table:
    """Return a table with a row for each bucket: its version for each way to pack."""
    buckets = dict.fromkeys(one.name for named in ways.values() for one in named)
    of = {(way, one.name): _version(one) for way, named in ways.items() for one in named}
    return Table(
        caption="Versions, by bucket and seq_len",
        head=("bucket", *ways),
        rows=[(bucket, *(of.get((way, bucket), "") for way in ways)) for bucket in buckets],
    )


_HEAD = (
    *("documents", "tokens", "sequences", "padding", "documents cut", "cut by concatenation"),
    *("shards", "size"),
)


def add_accounts(manifests: Sequence[Manifest]) -> dict[str, Any]:
    """Return the accounting of several versions as one sum. seq_len is that of the first."""
    accounts = [manifest["accounting"] for manifest in manifests]
    names = [name for name in accounts[0] if not isinstance(accounts[0][name], dict)]
    refused: Counter[str] = Counter()
    for account in accounts:
        refused.update(account["num_documents_quarantined"])
    added = {name: sum(account[name] for account in accounts) for name in names}
    return {
        **added,
        "seq_len": accounts[0]["seq_len"],
        "num_documents_quarantined": dict(refused),
    }


def _version(one: Named) -> str:
    return str(one.manifest["fingerprint"])[:16]


def _share(part: int, whole: int, most: int) -> Cell:
    return Cell(text=share(part, whole), bar=part / max(most, 1))


def _numbers(account: dict[str, Any]) -> tuple[str, ...]:
    documents = account["num_documents"]
    places = account["num_tokens_packed"] + account["num_padding"]
    return (
        count(documents),
        count(account["num_tokens"]),
        count(account["num_sequences"]),
        share(account["num_padding"], places),
        share(account["num_documents_cut"], documents),
        share(account["num_documents_cut_by_concat"], documents),
    )


def _shards(manifests: Sequence[Manifest]) -> tuple[str, str]:
    shards = [entry for manifest in manifests for entry in files_of(manifest, "shards")]
    return count(len(shards)), size(sum(int(entry["bytes"]) for entry in shards))
