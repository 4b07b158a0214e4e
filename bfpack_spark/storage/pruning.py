"""Which versions a bucket holds, why each is kept, and the removal of those that nothing keeps.

Kept is what is current, in a snapshot, or named by the manifest of a kept version (its token store,
the token store whose files it lists), and what is unfinished and younger than 7 days.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bfpack_spark.storage import files, versions
from bfpack_spark.storage.locks import Lock
from bfpack_spark.storage.snapshots import Snapshot, snapshots_of
from bfpack_spark.storage.versions import Manifest, Place

UNFINISHED_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class VersionOnDisk:
    """A version on disk."""

    place: Place
    name: str
    state: str  # current, complete or unfinished
    snapshots: list[str]
    kept: str | None  # why; None: nothing keeps it
    num_files: int
    num_bytes: int

    @property
    def directory(self) -> str:
        return f"{self.place.directory}/{self.name}"

    @property
    def kind(self) -> str:
        return self.place.directory.rpartition("/")[2]


def versions_on_disk(
    output: str, bucket: str, snapshots: dict[str, Snapshot]
) -> list[VersionOnDisk]:
    """Every version of a bucket: the token store's, then those of each seq_len."""
    found = [
        _on_disk(place, name, snapshots)
        for place in places_of(output, bucket)
        for name in versions.names_in(place)
    ]
    needed = set(_needed_by(found))
    return [_with_reason(version, needed) for version in found]


def places_of(output: str, bucket: str) -> list[Place]:
    """The token store's place and those of sequences, by seq_len, where they are there."""
    names = files.directories_in(f"{output.rstrip('/')}/{bucket}")
    lengths = sorted(int(n[10:]) for n in names if re.fullmatch(r"sequences-\d+", n))
    places = [Place(output=output, bucket=bucket)] if "tokens" in names else []
    return [*places, *(Place(output=output, bucket=bucket, seq_len=n) for n in lengths)]


def buckets_of(output: str) -> list[str]:
    """The buckets of an output."""
    return [name for name in files.directories_in(output) if places_of(output, name)]


def remove(version: VersionOnDisk, lock: Lock) -> None:
    """The manifest goes first: what remains of a removal that was cut short is unfinished, and no
    reader takes it for whole."""
    assert version.kept is None, f"{version.name} is kept: {version.kept}"
    lock.check()
    manifest = f"{version.directory}/_manifest.json"
    if files.exists(manifest):
        files.delete_file(manifest)
    files.delete_directory(version.directory)


def _on_disk(place: Place, name: str, snapshots: dict[str, Snapshot]) -> VersionOnDisk:
    directory = f"{place.directory}/{name}"
    there = files.list_files(directory)
    state = "unfinished"
    if files.exists(f"{directory}/_manifest.json"):
        state = "current" if versions.is_current(place, name) else "complete"
    names = snapshots_of(snapshots, place, name)
    kept = "current" if state == "current" else None
    if names:
        kept = f"in snapshot {', '.join(names)}"
    newest = max((info.mtime_ns or 0 for info in there), default=0) / 1e9
    if state == "unfinished" and time.time() - newest < UNFINISHED_SECONDS:
        kept = "unfinished, younger than 7 days"
    return VersionOnDisk(
        place=place,
        name=name,
        state=state,
        snapshots=names,
        kept=kept,
        num_files=len(there),
        num_bytes=sum(info.size for info in there),
    )


def _needed_by(found: list[VersionOnDisk]) -> Iterator[str]:
    """Names of the token stores that kept versions need, and those that these take files from."""
    tokens = {h.name: h for h in found if h.place.seq_len is None}
    for version in found:
        if version.kept is None or version.state == "unfinished":
            continue
        manifest = _manifest(version)
        name = version.name
        if version.place.seq_len is not None:
            name = str(manifest["inputs"]["tokens_fingerprint"])[:16]
            yield name
        if name in tokens and tokens[name].state != "unfinished":
            yield from _taken_over(_manifest(tokens[name]))


def _taken_over(manifest: Manifest) -> set[str]:
    paths = (str(entry["path"]).split("/") for entry in manifest["files"])
    return {parts[1] for parts in paths if parts[0] == ".."}


def _manifest(version: VersionOnDisk) -> Manifest:
    return versions.current(version.place, version.name)[1]


def _with_reason(version: VersionOnDisk, needed: set[str]) -> VersionOnDisk:
    if version.kept is None and version.place.seq_len is None and version.name in needed:
        return replace(version, kept="named by a version that is kept")
    return version
