"""Versions: immutable results, each named by the fingerprint of all that decides it.

    OUTPUT/BUCKET/tokens/VERSION/...               OUTPUT/BUCKET/tokens/_current.json
    OUTPUT/BUCKET/sequences-SEQLEN/VERSION/...     OUTPUT/BUCKET/sequences-SEQLEN/_current.json
    OUTPUT/BUCKET/megatron-SEQLEN, OUTPUT/BUCKET/mds-SEQLEN     exports, in the same way

A version is complete if and only if its _manifest.json exists, which is written last. Publishing a
version means to replace _current.json atomically.
"""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from bfpack_spark.core.rules import Rules
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.files import access, own_files, write_own_files
from bfpack_spark.files.bucket_names import folder_of
from bfpack_spark.files.confined import FileFacts
from bfpack_spark.files.holders import Lock
from bfpack_spark.files.what_is_there import instead_of_version, not_published
from bfpack_spark.schema import ExportFormat
from bfpack_spark.versions.inputs import (
    Inputs,
    SequencesConfiguration,
    SequencesInputs,
    fingerprint,
    formats_of,
)
from bfpack_spark.versions.manifests import (
    ExportManifest,
    FileEntry,
    FileKind,
    Kind,
    Manifest,
    SequencesManifest,
    TokensManifest,
)
from bfpack_spark.versions.metadata import Pointer, parse_metadata, read_metadata

REFUSED = "_refused.json"


@dataclass(frozen=True, kw_only=True)
class Home:
    """The home of the versions of one kind, in OUTPUT/BUCKET."""

    output: str
    bucket: str
    seq_len: int | None = None  # None: the token store
    form: ExportFormat | None = None  # of an export

    @property
    def kind(self) -> Kind:
        return "tokens" if self.seq_len is None else self.form or "sequences"

    @property
    def inside(self) -> str:
        """Return its path in the output."""
        name = self.kind if self.seq_len is None else f"{self.kind}-{self.seq_len}"
        return f"{folder_of(self.bucket)}/{name}"

    @property
    def directory(self) -> str:
        return f"{self.output.rstrip('/')}/{self.inside}"


@dataclass(frozen=True, kw_only=True)
class Version:
    """One result, complete or not. `inputs` holds all that decides it, with the format."""

    home: Home
    inputs: Inputs
    earlier_format: int | None = None  # None: the format that is written

    @property
    def format_version(self) -> int:
        return self.earlier_format or formats_of(self.inputs)[0]

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.inputs, self.home.seq_len, self.format_version)

    @property
    def name(self) -> str:
        return self.fingerprint[:16]

    @property
    def inside(self) -> str:
        """Return its path in the output."""
        return f"{self.home.inside}/{self.name}"

    @property
    def directory(self) -> str:
        return f"{self.home.directory}/{self.name}"

    def manifest(self) -> Manifest | None:
        """Return the manifest, or None if the version is not complete."""
        return read_manifest(self.home, self.name)


def need_manifest(version: Version) -> Manifest:
    """Return the manifest of a version that is known to be complete."""
    manifest = version.manifest()
    assert manifest is not None, f"{version.name} is complete"
    return manifest


def read_manifest(home: Home, name: str) -> Manifest | None:
    """Return the manifest of a version, or None if it is not complete. Raises InputError if it is
    damaged."""
    return read_metadata(f"{home.directory}/{name}/_manifest.json", _model(home))


def _model(home: Home) -> type[Manifest]:
    if home.form is not None:
        return ExportManifest
    return TokensManifest if home.seq_len is None else SequencesManifest


def read_pointer(home: Home) -> Pointer | None:
    """Return what _current.json says, or None if nothing is published. Raises InputError if it is
    damaged."""
    return read_metadata(f"{home.directory}/_current.json", Pointer)


def complete(version: Version, files: Sequence[FileEntry], lock: Lock, **parts: Any) -> Manifest:
    """Write the manifest when all that it lists is on the disk, which completes the version. Then
    remove the files that it does not list. `parts` are the other fields of a manifest. Raises
    JobError if another run has taken the bucket, or has completed the version, meanwhile."""
    home, output = version.home, version.home.output
    manifest = _model(home)(
        format_version=version.format_version,
        kind=home.kind,
        bucket=home.bucket,
        seq_len=home.seq_len,
        fingerprint=version.fingerprint,
        inputs=version.inputs,
        files=sorted(files, key=lambda entry: entry.path),
        **parts,
    )
    own_files.sync_folders(output, version.inside)
    lock.check()
    if is_complete(home, version.name):
        raise JobError(f"{version.directory}: another run has completed it; run this again")
    write_own_files.write_json(output, f"{version.inside}/_manifest.json", manifest.as_json())
    _remove_unlisted(version, manifest)
    return manifest


def publish(version: Version) -> None:
    """Let _current.json name this version, atomically; nothing is written if it does already. Then
    remove what only an unfinished version needs."""
    raw = access.read_bytes(path := f"{version.directory}/_manifest.json")
    assert raw is not None, "only a complete version can be published"
    pointer = Pointer(
        version=version.name,
        manifest=f"{version.name}/_manifest.json",
        manifest_sha256=hashlib.sha256(raw).hexdigest(),
    )
    if readable_pointer(version.home) != pointer:
        home = version.home
        write_own_files.write_json(home.output, f"{home.inside}/_current.json", pointer.as_json())
    _tidy(version, parse_metadata(raw, path, _model(version.home)))


def readable_pointer(home: Home) -> Pointer | None:
    """Return what the pointer says, or None if there is none, or if it is damaged."""
    with suppress(InputError):
        return read_pointer(home)
    return None


def current_manifest(home: Home) -> Manifest | None:
    """Return the manifest of the current version, or None if none is published, or if it is
    gone."""
    pointer = read_pointer(home)
    return None if pointer is None else read_manifest(home, pointer.version)


def is_complete(home: Home, name: str) -> bool:
    return access.exists(f"{home.directory}/{name}/_manifest.json")


def is_pointed_at(home: Home, pointer: Pointer) -> bool:
    """Tell whether the manifest that the pointer names has the hash that the pointer says."""
    raw = access.read_bytes(f"{home.directory}/{pointer.manifest}")
    return raw is not None and hashlib.sha256(raw).hexdigest() == pointer.manifest_sha256


def is_current(home: Home, name: str) -> bool:
    pointer = read_pointer(home)
    return pointer is not None and pointer.version == name


def names_in(home: Home) -> list[str]:
    """Return the names of all versions in a home, complete or not."""
    names = own_files.folders_in(home.output, home.inside)
    return [name for name in names if re.fullmatch(r"[0-9a-f]{16}", name)]


def current(home: Home, version: str | None = None) -> tuple[str, Manifest]:
    """Return directory and manifest of the current version, or of the version with this name.
    Raises InputError if there is none, or if it is not complete."""
    name = version or _current_name(home)
    if not re.fullmatch(r"[0-9a-f]{16}", name):
        raise InputError(
            f"--version {name}: not a version; it is 16 hex digits, see {home.directory}"
        )
    manifest = read_manifest(home, name)
    if manifest is None:
        there = instead_of_version(home.output, home.inside)
        if version and version not in names_in(home):
            raise InputError(f"--version {name}: is not in {home.directory}{there}")
        what = (
            f"--version {name}: is"
            if version
            else f"{home.directory}: the current version {name} is"
        )
        raise InputError(f"{what} not complete; run bfpack pack again{there}")
    return f"{home.directory}/{name}", manifest


def current_sequences(home: Home, version: str | None = None) -> tuple[str, SequencesManifest]:
    """Return what `current` returns for a home of sequences."""
    directory, manifest = current(home, version)
    assert isinstance(manifest, SequencesManifest), "of sequences"
    return directory, manifest


def files_on_disk(home: Home, name: str, kind: str) -> dict[str, FileFacts]:
    """Return what lies in one of a version's data directories, by paths in the version's."""
    files = own_files.files_below(home.output, f"{home.inside}/{name}/{kind}")
    return {f"{kind}/{path}": facts for path, facts in files.items()}


def configuration_of(version: Version) -> SequencesConfiguration:
    """Return the configuration of a version of sequences."""
    assert isinstance(version.inputs, SequencesInputs), f"{version.directory} is no token store"
    return version.inputs.configuration


def rules_of(home: Home, configuration: SequencesConfiguration) -> Rules:
    """Return what the packer needs of the configuration of sequences."""
    assert home.seq_len is not None, "rules are those of sequences"
    return configuration.rules(home.seq_len)


def _current_name(home: Home) -> str:
    pointer = read_pointer(home)
    if pointer is None:
        raise not_published(home.output, home.bucket, home.seq_len)
    return pointer.version


def _tidy(version: Version, manifest: Manifest) -> None:
    _remove_unlisted(version, manifest)
    output = version.home.output
    for name in own_files.kinds_in(output, version.home.inside):
        if is_left_over(name):  # the remains of a pointer
            own_files.delete_file(output, f"{version.home.inside}/{name}")
    for name in own_files.files_below(output, version.inside):
        if name in ("_plan.json", REFUSED) or is_left_over(name):
            own_files.delete_file(output, f"{version.inside}/{name}")


def is_left_over(path: str) -> bool:
    """Tell whether this is a file of a write that was killed, by its name."""
    return re.search(r"\.[0-9a-f]{32}\.tmp$", path) is not None


def _remove_unlisted(version: Version, manifest: Manifest) -> None:
    """Remove what an earlier, unfinished run left in the data directories, unless another version
    lists it: this one may be made anew, and have given files to later ones."""
    listed = {entry.path for entry in manifest.files}
    output, inside = version.home.output, version.inside
    there = {
        p for kind in get_args(FileKind) for p in files_on_disk(version.home, version.name, kind)
    }
    unlisted = there - listed
    for path in unlisted - _listed_by_others(version, unlisted):
        own_files.delete_file(output, f"{inside}/{path}")
    own_files.delete_tree(output, f"{inside}/_temporary")


def _listed_by_others(version: Version, paths: set[str]) -> set[str]:
    """Return those of a version's paths that other versions of its home list, or all if a damaged
    manifest does not tell."""
    listed: set[str] = set()
    for name in names_in(version.home) if paths else ():
        try:
            manifest = read_manifest(version.home, name)
        except InputError:
            return paths
        listed |= {entry.path for entry in manifest.files} if manifest else set()
    return {path for path in paths if f"../{version.name}/{path}" in listed}
