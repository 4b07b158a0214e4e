"""Which versions a bucket holds, and why each is kept.

A version is kept if it is current, in a snapshot or a mixture, or named by the manifest of a kept
version (its token store, or the token store whose files it lists). An unfinished version is kept
for some days.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from bfpack_spark.errors import InputError
from bfpack_spark.files import own_files
from bfpack_spark.files.bucket_names import folder_of
from bfpack_spark.files.what_is_there import bucket_folders, seq_lens_of
from bfpack_spark.versions import publication
from bfpack_spark.versions.changes import changes
from bfpack_spark.versions.manifests import Manifest, SequencesManifest, TokensManifest
from bfpack_spark.versions.pins import Pins
from bfpack_spark.versions.publication import Home
from bfpack_spark.versions.refusals import refusal_of

UNFINISHED_DAYS = 7.0  # that an unfinished version is kept
_DAY = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class VersionOnDisk:
    """A version on disk, with its state and the reason why it is kept."""

    home: Home
    name: str
    state: str  # current, complete, refused, unfinished or damaged
    refusal: str | None = None  # why it was not published
    snapshots: list[str]
    mixtures: list[str]
    kept: str | None  # the reason; None: nothing keeps it
    num_files: int
    num_bytes: int
    written: float  # seconds; of its manifest, or of the youngest file of one that has none
    contents: dict[str, int]  # documents, tokens and sequences of a complete one
    differs: list[str]  # from it to the current one
    is_outdated: bool  # sequences of a token store that is not current any more
    needs: tuple[str, ...]  # the token stores from which it is made or takes files
    needed_by: tuple[str, ...] = ()  # the kept versions that need it

    @property
    def inside(self) -> str:
        return f"{self.home.inside}/{self.name}"

    @property
    def kind(self) -> str:
        return self.home.directory.rpartition("/")[2]

    @property
    def why_not_kept(self) -> str:
        """Return the reason for its removal."""
        if self.refusal is not None:
            return self.refusal
        if self.state == "unfinished":
            return f"no run has written to it for {(time.time() - self.written) / _DAY:.1f} days"
        return "it is not current, in no snapshot or mixture, and nothing that is kept needs it"


def versions_on_disk(
    output: str,
    bucket: str,
    pins: Pins,
    unfinished_days: float = UNFINISHED_DAYS,
) -> list[VersionOnDisk]:
    """Return every version of a bucket: those of the token store, then those of each seq_len, each
    by the time at which it was written."""
    found = [
        version
        for home in homes_of(output, bucket)
        for version in _in_home(home, pins, unfinished_days)
    ]
    needs = list(_needs(found))
    return [_with_reason(version, needs) for version in found]


def _in_home(home: Home, pins: Pins, unfinished_days: float) -> list[VersionOnDisk]:
    current = None
    with suppress(InputError):  # damages are said apart
        current = publication.current_manifest(home)
    names = publication.names_in(home)
    there = [_on_disk(home, name, current, pins, unfinished_days) for name in names]
    return sorted(there, key=lambda version: version.written)


def homes_of(output: str, bucket: str) -> list[Home]:
    """Return the token store's home and those of sequences, by seq_len, if they exist."""
    names = own_files.folders_in(output, folder_of(bucket))
    homes = [Home(output=output, bucket=bucket)] if "tokens" in names else []
    return [*homes, *(Home(output=output, bucket=bucket, seq_len=n) for n in seq_lens_of(names))]


def buckets_of(output: str) -> list[str]:
    """Return the buckets of an output."""
    return [name for name in bucket_folders(output) if homes_of(output, name)]


def buckets_in(output: str) -> list[str]:
    """Return the buckets with a published token store. Of what is published and damaged, whoever
    reads it says so. Raise InputError if there is none."""
    homes = [Home(output=output, bucket=name) for name in buckets_of(output)]
    names = [home.bucket for home in homes if publication.read_pointer(home) is not None]
    if not names:
        raise InputError(f"--output {output}: no bucket with tokens in it; run bfpack pack first")
    return sorted(names)


def _on_disk(
    home: Home,
    name: str,
    current: Manifest | None,
    pins: Pins,
    unfinished_days: float,
) -> VersionOnDisk:
    state, manifest = _state(home, name)
    files = own_files.files_below(home.output, f"{home.inside}/{name}")  # its manifest is in it
    there = files.values()
    snapshots, mixtures = pins.snapshots_of(home, name), pins.mixtures_of(home, name)
    kept = state if state in ("current", "damaged") else None
    if snapshots:
        kept = f"in snapshot {', '.join(snapshots)}"
    if mixtures:
        needed = f"needed by mixture {', '.join(mixtures)}"
        kept = f"{kept}, {needed}" if snapshots else needed
    newest = max((facts.modified for facts in there), default=0) / 1e9
    if state == "unfinished" and not is_old(newest, unfinished_days):
        kept = f"unfinished, and written to in the last {unfinished_days:g} days"
    refusal = refusal_of(home, name) if state == "complete" else None
    manifest_file = files.get("_manifest.json")
    return VersionOnDisk(
        home=home,
        name=name,
        state="refused" if refusal else state,
        refusal=refusal,
        snapshots=snapshots,
        mixtures=mixtures,
        kept=kept,
        num_files=len(there),
        num_bytes=sum(facts.size for facts in there),
        written=manifest_file.modified / 1e9 if manifest and manifest_file else newest,
        contents={} if manifest is None else _contents(manifest),
        differs=changes(manifest.inputs, current.inputs) if manifest and current else [],
        is_outdated=isinstance(manifest, SequencesManifest) and _is_outdated(home, manifest),
        needs=() if manifest is None else _needed_stores(manifest),
    )


def _contents(manifest: Manifest) -> dict[str, int]:
    if isinstance(manifest, SequencesManifest):
        totals = manifest.totals
        return {
            "documents": manifest.accounting.num_documents_packed,
            "tokens": totals.tokens,
            "sequences": totals.sequences,
        }
    assert isinstance(manifest, TokensManifest), "of one kind or the other"
    return {"documents": manifest.totals.documents, "tokens": manifest.totals.tokens}


def _is_outdated(home: Home, manifest: SequencesManifest) -> bool:
    with suppress(InputError):  # damages are said apart
        return not publication.is_current(replace(home, seq_len=None), manifest.tokens_version)
    return False


def _needed_stores(manifest: Manifest) -> tuple[str, ...]:
    """Return the token store from which sequences are made, or the token stores whose files a token
    store lists."""
    if isinstance(manifest, SequencesManifest):
        return (manifest.tokens_version,)
    paths = (entry.path.split("/") for entry in manifest.files)
    return tuple(sorted({parts[1] for parts in paths if parts[0] == ".."}))


def is_old(seconds: float, days: float) -> bool:
    """Tell whether a time lies at least so many days back."""
    return time.time() - seconds >= days * _DAY


def _state(home: Home, name: str) -> tuple[str, Manifest | None]:
    """Return the state of a version, and its manifest if it is complete."""
    try:
        manifest = publication.read_manifest(home, name)
    except InputError:
        return "damaged", None
    if manifest is None:
        return "unfinished", None
    with suppress(InputError):  # a damaged pointer names no version
        if publication.is_current(home, name):
            return "current", manifest
    return "complete", manifest


def _needs(found: list[VersionOnDisk]) -> Iterator[tuple[str, str]]:
    """Yield the token stores that kept versions need, and those from which these take files: a
    name, and which version needs it."""
    stores = {version.name: version for version in found if version.home.seq_len is None}
    for version in found:
        if version.kept is None:
            continue
        names = [version.name]
        if version.home.seq_len is not None:
            names = list(version.needs)
            yield from ((name, f"{version.kind} {version.name}") for name in names)
        for name in names:
            if name in stores:
                yield from ((earlier, f"tokens {name}") for earlier in stores[name].needs)


def _with_reason(version: VersionOnDisk, needs: list[tuple[str, str]]) -> VersionOnDisk:
    by = tuple(dict.fromkeys(by for name, by in needs if name == version.name))
    if version.home.seq_len is not None or not by:
        return version
    return replace(version, kept=version.kept or f"needed by {', '.join(by)}", needed_by=by)
