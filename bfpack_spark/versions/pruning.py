"""Which versions a bucket holds, why each is kept, and the removal of those that nothing keeps.

A version is kept if it is current, in a snapshot, or named by the manifest of a kept version (its
token store, or the token store whose files it lists). An unfinished version is kept for 7 days. If
a pointer, a manifest or a snapshot does not say what is to be kept, nothing of the bucket is
removed.
"""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from bfpack_spark.errors import InputError
from bfpack_spark.files import own_files
from bfpack_spark.files.bucket_names import bucket_of, folder_of
from bfpack_spark.files.locks import Lock
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import Manifest, SequencesManifest
from bfpack_spark.versions.publication import Place
from bfpack_spark.versions.snapshots import FOLDER, Snapshot, snapshots_of

UNFINISHED_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class VersionOnDisk:
    """A version on disk, with its state and the reason why it is kept."""

    place: Place
    name: str
    state: str  # current, complete, unfinished or damaged
    snapshots: list[str]
    kept: str | None  # the reason; None: nothing keeps it
    num_files: int
    num_bytes: int

    @property
    def directory(self) -> str:
        return f"{self.place.directory}/{self.name}"

    @property
    def inside(self) -> str:
        return f"{self.place.inside}/{self.name}"

    @property
    def kind(self) -> str:
        return self.place.directory.rpartition("/")[2]

    @property
    def why_not_kept(self) -> str:
        """Return the reason for its removal."""
        if self.state == "unfinished":
            return "no run has written to it for 7 days"
        return "neither current, nor in a snapshot, nor needed by a version that is"


@dataclass(frozen=True, kw_only=True)
class LeftOver:
    """A file that a killed run left and that is in no version's manifest."""

    bucket: str
    path: str  # inside the output
    num_bytes: int


def versions_on_disk(
    output: str, bucket: str, snapshots: dict[str, Snapshot]
) -> list[VersionOnDisk]:
    """Return every version of a bucket: those of the token store, then those of each seq_len."""
    versions_there = [
        _on_disk(place, name, snapshots)
        for place in places_of(output, bucket)
        for name in publication.names_in(place)
    ]
    needed = set(_needed_by(versions_there))
    return [_with_reason(version, needed) for version in versions_there]


def places_of(output: str, bucket: str) -> list[Place]:
    """Return the token store's place and those of sequences, by seq_len, if they exist."""
    names = own_files.folders_in(output, folder_of(bucket))
    lengths = sorted(int(n[10:]) for n in names if re.fullmatch(r"sequences-\d+", n))
    places = [Place(output=output, bucket=bucket)] if "tokens" in names else []
    return [*places, *(Place(output=output, bucket=bucket, seq_len=n) for n in lengths)]


def buckets_of(output: str) -> list[str]:
    """Return the buckets of an output."""
    names = filter(None, map(bucket_of, own_files.folders_in(output, "")))
    return sorted(name for name in names if places_of(output, name))


def left_over(output: str, bucket: str) -> list[LeftOver]:
    """Return the files of writes that were cut short, beside versions and in complete ones. A
    caller that holds the bucket's lock knows that no run is still writing them. Snapshots have no
    lock, so their files must be older than 7 days; they are returned for the first bucket."""
    folder = folder_of(bucket)
    complete = {
        f"{place.inside}/{name}/_temporary/".removeprefix(f"{folder}/")
        for place in places_of(output, bucket)
        for name in publication.names_in(place)
        if publication.is_complete(place, name)
    }
    files = [
        LeftOver(bucket=bucket, path=f"{folder}/{path}", num_bytes=facts.size)
        for path, facts in own_files.files_below(output, folder).items()
        if publication.is_left_over(path) or path.startswith(tuple(complete))
    ]
    return files + [
        LeftOver(bucket=bucket, path=f"{FOLDER}/{path}", num_bytes=facts.size)
        for path, facts in own_files.files_below(output, FOLDER).items()
        if publication.is_left_over(path) and _is_old(facts.modified / 1e9)
        if bucket == buckets_of(output)[0]
    ]


def remove(version: VersionOnDisk, lock: Lock) -> None:
    """Remove a version, its manifest first. If the removal is cut short, what remains is an
    unfinished version, which no reader takes for a whole one."""
    assert version.kept is None, f"{version.name} is kept: {version.kept}"
    lock.check()
    output = version.place.output
    own_files.delete_file(output, f"{version.inside}/_manifest.json")
    own_files.sync_folders(output, version.inside)
    own_files.delete_tree(output, version.inside)


def check_nothing_is_damaged(output: str, bucket: str) -> None:
    """Raise InputError, which names every damage, if a pointer or a manifest of the bucket does not
    say what is to be kept."""
    damages = [said for place in places_of(output, bucket) for said in damages_of(place)]
    if damages:
        raise InputError("; ".join(damages))


def damages_of(place: Place) -> Iterator[str]:
    """Yield what is wrong with the metadata of a place, and what to do about it."""
    complete = []
    for name in publication.names_in(place):
        try:
            if publication.read_manifest(place, name) is not None:
                complete.append(name)
        except InputError as error:
            yield str(error)
    path = f"{place.directory}/_current.json"
    try:
        pointer = publication.read_pointer(place)
    except InputError as error:
        yield str(error)
        return
    if pointer is None and complete:
        yield (
            f"{path}: is missing beside complete versions ({', '.join(complete)}), so nobody knows "
            "which is current; run bfpack pack again, which publishes one, or put it back"
        )
    elif pointer is not None and pointer.version not in complete:
        yield (
            f"{path}: names {pointer.version}, which is not complete there; run bfpack pack "
            "again, which publishes one, or put back what was written"
        )
    elif pointer is not None and not publication.is_pointed_at(place, pointer):
        yield (
            f"{path}: its manifest_sha256 is not that of {pointer.manifest}; put back the "
            "manifest or the pointer that was written"
        )


def _on_disk(place: Place, name: str, snapshots: dict[str, Snapshot]) -> VersionOnDisk:
    there = own_files.files_below(place.output, f"{place.inside}/{name}").values()
    state = _state(place, name)
    names = snapshots_of(snapshots, place, name)
    kept = state if state in ("current", "damaged") else None
    if names:
        kept = f"in snapshot {', '.join(names)}"
    newest = max((facts.modified for facts in there), default=0) / 1e9
    if state == "unfinished" and not _is_old(newest):
        kept = "unfinished, younger than 7 days"
    return VersionOnDisk(
        place=place,
        name=name,
        state=state,
        snapshots=names,
        kept=kept,
        num_files=len(there),
        num_bytes=sum(facts.size for facts in there),
    )


def _is_old(seconds: float) -> bool:
    return time.time() - seconds >= UNFINISHED_SECONDS


def _state(place: Place, name: str) -> str:
    try:
        if publication.read_manifest(place, name) is None:
            return "unfinished"
    except InputError:
        return "damaged"
    with suppress(InputError):  # a damaged pointer names no version
        if publication.is_current(place, name):
            return "current"
    return "complete"


def _needed_by(found: list[VersionOnDisk]) -> Iterator[str]:
    """Yield the names of the token stores that kept versions need, and of those from which these
    take files."""
    whole = [version for version in found if version.state in ("current", "complete")]
    tokens = {h.name: h for h in whole if h.place.seq_len is None}
    for version in whole:
        if version.kept is None:
            continue
        manifest = _manifest(version)
        name = version.name
        if isinstance(manifest, SequencesManifest):
            name = manifest.tokens_version
            yield name
        if name in tokens:
            yield from _taken_over(_manifest(tokens[name]))


def _taken_over(manifest: Manifest) -> set[str]:
    paths = (entry.path.split("/") for entry in manifest.files)
    return {parts[1] for parts in paths if parts[0] == ".."}


def _manifest(version: VersionOnDisk) -> Manifest:
    return publication.current(version.place, version.name)[1]


def _with_reason(version: VersionOnDisk, needed: set[str]) -> VersionOnDisk:
    if version.kept is None and version.place.seq_len is None and version.name in needed:
        return replace(version, kept="named by a version that is kept")
    return version
