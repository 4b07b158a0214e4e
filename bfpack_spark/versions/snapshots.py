"""Snapshots: named records of what a training run reads, so that prune keeps it.

OUTPUT/_snapshots/NAME.json {"buckets": {BUCKET: {SEQ_LEN: {version, fingerprint, ...}}}}
"""

from typing import Any

from bfpack_spark.errors import InputError
from bfpack_spark.files import own_files
from bfpack_spark.versions import versions
from bfpack_spark.versions.metadata import SnapshotNote, read_metadata
from bfpack_spark.versions.versions import Place

Snapshot = dict[str, Any]

FOLDER = "_snapshots"


def take_snapshot(places: list[Place]) -> Snapshot:
    """Return the current versions in places of sequences: version, fingerprint, sequences, tokens,
    shards."""
    found: dict[str, dict[str, Any]] = {}
    for place in places:
        directory, manifest = versions.current(place)
        found.setdefault(place.bucket, {})[str(place.seq_len)] = {
            "version": directory.rpartition("/")[2],
            "fingerprint": manifest["fingerprint"],
            **{name: manifest["totals"][name] for name in ("sequences", "tokens", "shards")},
        }
    return {"buckets": found}


def write_snapshot(output: str, name: str, snapshot: Snapshot) -> str:
    """Write a snapshot and return its path. If this same snapshot is there already, nothing is
    written. Raises InputError if another snapshot has the name."""
    path = f"{output.rstrip('/')}/{FOLDER}/{name}.json"
    there = read_metadata(path, SnapshotNote)
    if there is not None and there != snapshot:
        raise InputError(f"snapshot {name}: there is another of this name, {path}; take a new name")
    if there is None:
        own_files.write_json(output, f"{FOLDER}/{name}.json", snapshot)
    return path


def read_snapshots(output: str) -> dict[str, Snapshot]:
    """Return all snapshots, by name. Raises InputError if one cannot be read, because nobody would
    know what it keeps."""
    found = {}
    for name in own_files.files_below(output, FOLDER):
        path = f"{output.rstrip('/')}/{FOLDER}/{name}"
        if name.endswith(".json"):
            snapshot = read_metadata(path, SnapshotNote)
            if snapshot is None:
                raise InputError(f"{path}: vanished while it was read; run this again")
            found[name.removesuffix(".json")] = snapshot
    return found


def check_snapshots(output: str, snapshots: dict[str, Snapshot]) -> None:
    """Raise InputError if a snapshot names a version that does not exist: what it should keep would
    be removed."""
    for name, snapshot in snapshots.items():
        for bucket, of_bucket in snapshot["buckets"].items():
            for seq_len, held in of_bucket.items():
                place = Place(output=output, bucket=bucket, seq_len=int(seq_len))
                manifest = versions.read_manifest(place, held["version"])
                if manifest is None or manifest["fingerprint"] != held["fingerprint"]:
                    raise InputError(
                        f"{output.rstrip('/')}/{FOLDER}/{name}.json: names {held['version']} of "
                        f"{place.directory}, which is not there; correct the snapshot, or remove "
                        "it if nothing reads it"
                    )


def snapshots_of(snapshots: dict[str, Snapshot], place: Place, version: str) -> list[str]:
    """Return the names of the snapshots that keep a version of sequences."""
    return sorted(
        name
        for name, snapshot in snapshots.items()
        if snapshot["buckets"].get(place.bucket, {}).get(str(place.seq_len), {}).get("version")
        == version
    )
