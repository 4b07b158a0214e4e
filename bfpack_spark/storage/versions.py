"""Versions: immutable results, each named by the fingerprint of all that decides it.

    OUTPUT/BUCKET/tokens/VERSION/...               OUTPUT/BUCKET/tokens/_current.json
    OUTPUT/BUCKET/sequences-SEQLEN/VERSION/...     OUTPUT/BUCKET/sequences-SEQLEN/_current.json

A version is complete if and only if its _manifest.json exists, which is written last; replacing
_current.json, atomically, is the publication.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import pyarrow.fs as pafs

from bfpack_spark.core.accounting import Rules
from bfpack_spark.errors import InputError
from bfpack_spark.schema import FORMAT_VERSION
from bfpack_spark.storage import files
from bfpack_spark.storage.metadata import (
    Pointer,
    SequencesManifest,
    TokensManifest,
    read_metadata,
)

Manifest = dict[str, Any]

_KIND_DIRECTORIES = ("documents", "quarantine", "plan", "shards")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the versions of one kind lie: OUTPUT/BUCKET/tokens or
    OUTPUT/BUCKET/sequences-SEQLEN."""

    output: str
    bucket: str
    seq_len: int | None = None  # None: the token store

    @property
    def directory(self) -> str:
        kind = "tokens" if self.seq_len is None else f"sequences-{self.seq_len}"
        return f"{self.output.rstrip('/')}/{self.bucket}/{kind}"


@dataclass(frozen=True, kw_only=True)
class Version:
    """One result, complete or not; `inputs` is all that decides it."""

    place: Place
    inputs: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """sha256 of the canonical JSON of the inputs and the format version."""
        decides = {
            "format_version": FORMAT_VERSION,
            "seq_len": self.place.seq_len,
            "inputs": self.inputs,
        }
        canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def name(self) -> str:
        return self.fingerprint[:16]

    @property
    def directory(self) -> str:
        return f"{self.place.directory}/{self.name}"

    def manifest(self) -> Manifest | None:
        """The manifest; None if the version is not complete."""
        return read_manifest(self.place, self.name)


def read_manifest(place: Place, name: str) -> Manifest | None:
    """The manifest of a version; None if it is not complete. InputError if it is damaged."""
    model = TokensManifest if place.seq_len is None else SequencesManifest
    return read_metadata(f"{place.directory}/{name}/_manifest.json", model)


def read_pointer(place: Place) -> dict[str, Any] | None:
    """What _current.json says; None if nothing is published. InputError if it is damaged."""
    return read_metadata(f"{place.directory}/_current.json", Pointer)


def complete(version: Version, entries: list[dict[str, Any]], **rest: dict[str, Any]) -> Manifest:
    """Write the manifest (the last act of making a version), then remove what it does not list."""
    manifest = {
        "format_version": FORMAT_VERSION,
        "kind": "tokens" if version.place.seq_len is None else "sequences",
        "bucket": version.place.bucket,
        "seq_len": version.place.seq_len,
        "fingerprint": version.fingerprint,
        "inputs": version.inputs,
        "files": sorted(entries, key=lambda entry: str(entry["path"])),
        **rest,
    }
    files.write_json(f"{version.directory}/_manifest.json", manifest)
    _remove_unlisted(version.directory, manifest)
    return manifest


def publish(version: Version) -> None:
    """Let _current.json name this version, atomically; nothing if it does already. Then remove
    what only an unfinished version needs."""
    raw = files.read_bytes(f"{version.directory}/_manifest.json")
    assert raw is not None, "only a complete version can be published"
    pointer = {
        "version": version.name,
        "manifest": f"{version.name}/_manifest.json",
        "manifest_sha256": hashlib.sha256(raw).hexdigest(),
    }
    path = f"{version.place.directory}/_current.json"
    if read_pointer(version.place) != pointer:
        files.write_json(path, pointer)
    _tidy(version.directory, json.loads(raw))


def current_manifest(place: Place) -> Manifest | None:
    """The manifest of the current version; None if none is published, or it is gone."""
    pointer = read_pointer(place)
    return None if pointer is None else read_manifest(place, pointer["version"])


def is_current(place: Place, name: str) -> bool:
    pointer = read_pointer(place)
    return pointer is not None and pointer["version"] == name


def names_in(place: Place) -> list[str]:
    """Names of all versions there, complete or not."""
    return [n for n in files.directories_in(place.directory) if re.fullmatch(r"[0-9a-f]{16}", n)]


def current(place: Place, version: str | None = None) -> tuple[str, Manifest]:
    """Directory and manifest of the current version, or of the one named by its first digits."""
    name = version or _current_name(place)
    if not re.fullmatch(r"[0-9a-f]{16}", name):
        raise InputError(
            f"--version {name}: not a version; it is 16 hex digits, see {place.directory}"
        )
    manifest = read_manifest(place, name)
    if manifest is None:
        raise InputError(f"--version {name}: not complete in {place.directory}; run bfpack pack")
    return f"{place.directory}/{name}", manifest


def files_of(manifest: Manifest, kind: str) -> list[dict[str, Any]]:
    """The manifest's entries of one kind: documents, quarantine, plan or shards."""
    return [entry for entry in manifest["files"] if entry["kind"] == kind]


def files_on_disk(directory: str, kind: str) -> set[str]:
    """Paths, relative to the version's directory, of what lies in one of its directories of
    data."""
    found = files.list_files(f"{directory}/{kind}")
    return {f"{kind}/{info.path.rpartition(f'/{kind}/')[2]}" for info in found}


def rules_of(place: Place, inputs: dict[str, Any]) -> Rules:
    """What the packer needs of the configuration of sequences."""
    configuration = inputs["configuration"]
    assert place.seq_len is not None, "rules are those of sequences"
    return Rules(
        seq_len=place.seq_len,
        packing=configuration["packing"],
        long_documents=configuration["long_documents"],
        group_documents_max=configuration["group_documents_max"],
        seed=configuration["seed"],
    )


def check_output(output: str, bucket: str) -> None:
    """InputError if OUTPUT, or the bucket's folder in it, holds something and none of it is
    ours."""
    fs, path = files.locate(output)
    info = fs.get_file_info(path)
    if info.type == pafs.FileType.NotFound:
        return
    if info.type == pafs.FileType.File:
        raise InputError(f"--output {output}: is a file; name a directory")
    top = fs.get_file_info(pafs.FileSelector(path))
    buckets = [i.path for i in top if i.type == pafs.FileType.Directory]
    ours = [b for b in buckets if _holds_ours(fs, b)]
    if top and not ours:
        raise InputError(
            f"--output {output}: not empty, and holds no tokens/ or sequences-*; name an empty one"
        )
    own = next((b for b in buckets if b.rpartition("/")[2] == bucket), None)
    if own is not None and own not in ours and fs.get_file_info(pafs.FileSelector(own)):
        raise InputError(
            f"--bucket {bucket}: {own} is not empty, and holds no tokens/ or sequences-*; "
            "take another name"
        )


def _holds_ours(fs: pafs.FileSystem, directory: str) -> bool:
    names = [info.base_name for info in fs.get_file_info(pafs.FileSelector(directory))]
    return any(re.fullmatch(r"tokens|sequences-\d+|_lock", name) for name in names)


def _current_name(place: Place) -> str:
    pointer = read_pointer(place)
    if pointer is None:
        what = "token store" if place.seq_len is None else f"sequences of {place.seq_len}"
        raise InputError(
            f"--bucket {place.bucket}: no {what} published in {place.output}; run bfpack pack first"
        )
    return str(pointer["version"])


def _tidy(directory: str, manifest: Manifest) -> None:
    _remove_unlisted(directory, manifest)
    for name in files.names_in(directory):
        if name == "_plan.json" or name.endswith(".tmp"):
            files.delete_file(f"{directory}/{name}")


def _remove_unlisted(directory: str, manifest: Manifest) -> None:
    """What an earlier, unfinished run left in the directories of data."""
    listed = {entry["path"] for entry in manifest["files"]}
    for kind in _KIND_DIRECTORIES:
        for path in files_on_disk(directory, kind) - listed:
            files.delete_file(f"{directory}/{path}")
    files.delete_directory(f"{directory}/_temporary")
