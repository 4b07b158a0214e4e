"""Snapshots: named records of what a training run reads, so that prune keeps it.

OUTPUT/_snapshots/NAME.json {"buckets": {BUCKET: {SEQ_LEN: {version, fingerprint, ...}}}}
"""

from typing import Annotated, TypeAlias

from pydantic import Field

from bfpack_spark.errors import InputError
from bfpack_spark.files import create_own_files, own_files
from bfpack_spark.versions import publication
from bfpack_spark.versions.metadata import Count, Metadata, Sha256, VersionName, read_metadata
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
    path = f"{output.rstrip('/')}/{FOLDER}/{name}.json"
    is_new = create_own_files.create_json(output, f"{FOLDER}/{name}.json", snapshot.as_json())
    if not is_new and read_metadata(path, Snapshot) != snapshot:
        raise InputError(f"snapshot {name}: there is another of this name, {path}; take a new name")
    return path


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


def check_snapshots(output: str, snapshots: dict[str, Snapshot]) -> None:
    """Raise InputError if a snapshot names a version that does not exist: what it should keep would
    be removed."""
    for name, snapshot in snapshots.items():
        for bucket, of_bucket in snapshot.buckets.items():
            for seq_len, held in of_bucket.items():
                home = Home(output=output, bucket=bucket, seq_len=int(seq_len))
                manifest = publication.read_manifest(home, held.version)
                if manifest is None or manifest.fingerprint != held.fingerprint:
                    raise InputError(
                        f"{output.rstrip('/')}/{FOLDER}/{name}.json: names {held.version} of "
                        f"{home.directory}, which is not there; correct the snapshot, or remove "
                        "it if nothing reads it"
                    )
