"""Snapshots: named records of what a training run reads, so that prune keeps it.

OUTPUT/_snapshots/NAME.json {"buckets": {BUCKET: {SEQ_LEN: {version, fingerprint, ...}}}}
"""

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from pydantic import Field

from bfpack_spark.errors import InputError
from bfpack_spark.files import own_files
from bfpack_spark.versions import publication
from bfpack_spark.versions.metadata import (
    Count,
    Metadata,
    Sha256,
    VersionName,
    read_metadata,
)
from bfpack_spark.versions.named_files import write_named
from bfpack_spark.versions.publication import Home

FOLDER = "_snapshots"

_SeqLen: TypeAlias = Annotated[str, Field(pattern="^[0-9]{1,10}$")]


class SnapshotEntry(Metadata):
    """The version that a snapshot keeps in one home of sequences."""

    version: VersionName
    fingerprint: Sha256
    sequences: Count | None = None
    tokens: Count | None = None
    shards: Count | None = None


class Snapshot(Metadata):
    """The contents of a snapshot, by bucket and seq_len."""

    buckets: dict[str, dict[_SeqLen, SnapshotEntry]]

    def version_in(self, home: Home) -> str | None:
        """Return the version that the snapshot keeps in a home, if it keeps one."""
        entry = self.buckets.get(home.bucket, {}).get(str(home.seq_len))
        return None if entry is None else entry.version

    def entries(self, output: str) -> Iterator[tuple[Home, SnapshotEntry]]:
        """Yield what the snapshot keeps, by home."""
        for bucket, of_bucket in self.buckets.items():
            for seq_len, entry in of_bucket.items():
                yield Home(output=output, bucket=bucket, seq_len=int(seq_len)), entry


def take_snapshot(homes: list[Home]) -> Snapshot:
    """Return the current versions in homes of sequences: version, fingerprint, sequences, tokens,
    shards."""
    buckets: dict[str, dict[str, SnapshotEntry]] = {}
    for home in homes:
        directory, manifest = publication.current_sequences(home)
        buckets.setdefault(home.bucket, {})[str(home.seq_len)] = SnapshotEntry(
            version=directory.rpartition("/")[2],
            fingerprint=manifest.fingerprint,
            sequences=manifest.totals.sequences,
            tokens=manifest.totals.tokens,
            shards=manifest.totals.shards,
        )
    return Snapshot(buckets=buckets)


def write_snapshot(output: str, name: str, snapshot: Snapshot) -> str:
    """Write a snapshot and return its path. If this same snapshot is there already, nothing is
    written. Raises InputError if another snapshot has the name."""
    return write_named(output, f"{FOLDER}/{name}.json", snapshot, f"snapshot {name}")


def read_snapshots(output: str) -> dict[str, Snapshot]:
    """Return all snapshots, by name. Raises InputError if one cannot be read, because nobody would
    know what it keeps."""
    snapshots = {}
    for name in own_files.files_below(output, FOLDER):
        path = f"{output.rstrip('/')}/{FOLDER}/{name}"
        if name.endswith(".json"):
            snapshot = read_metadata(path, Snapshot)
            if snapshot is None:
                raise InputError(f"{path}: vanished while it was read; run this again")
            snapshots[name.removesuffix(".json")] = snapshot
    return snapshots
