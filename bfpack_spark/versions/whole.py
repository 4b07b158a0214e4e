"""Complete versions: the one of an earlier format, which need not be made anew, and whether one
still is as its manifest lists it. That takes one listing per folder, and reads nothing but the
tokenizer."""

import hashlib
from dataclasses import replace

from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.confined import FileFacts
from bfpack_spark.versions import publication
from bfpack_spark.versions.inputs import formats_of
from bfpack_spark.versions.manifests import FileEntry, Manifest, TokensManifest
from bfpack_spark.versions.publication import Home, Version


def in_any_format(version: Version) -> Version:
    """Return the complete version of these inputs, of the newest format that there is. If none is
    complete, return the version itself, which is of the format that is written."""
    earlier = formats_of(version.inputs)[1:]
    each = (version, *(replace(version, earlier_format=number) for number in earlier))
    there = (one for one in each if publication.is_complete(one.home, one.name))
    return next(there, version)


def check_whole(home: Home, name: str, manifest: Manifest) -> None:
    """Raise InputError, which names file and remedy, if a listed file is gone or has another size.
    Files taken over from earlier versions are checked too. Raise it also if a token store's
    tokenizer is not the one that made it."""
    there: dict[tuple[str, str], dict[str, FileFacts]] = {}
    for entry in manifest.files:
        owner, path = _home_of(entry, name)
        folder = (owner, entry.kind)
        if folder not in there:
            there[folder] = publication.files_on_disk(home, *folder)
        problem = _problem(there[folder].get(path), entry)
        if problem:
            raise _not_whole(home, name, f"{owner}/{path}", problem)
    if isinstance(manifest, TokensManifest):
        _check_tokenizer(home, name, manifest)


def _home_of(entry: FileEntry, name: str) -> tuple[str, str]:
    """Return the version in which a listed file lies, and its path there."""
    if not entry.path.startswith("../"):
        return name, entry.path
    owner, _, inner = entry.path.removeprefix("../").partition("/")
    return owner, inner


def _problem(facts: FileFacts | None, entry: FileEntry) -> str | None:
    if facts is None:
        return "is gone"
    if facts.size != entry.bytes:
        return f"has {facts.size:,} bytes, and had {entry.bytes:,}"
    return None


def _check_tokenizer(home: Home, name: str, manifest: TokensManifest) -> None:
    raw = access.read_bytes(f"{home.directory}/{name}/tokenizer.json")
    if raw is None:
        raise _not_whole(home, name, f"{name}/tokenizer.json", "is gone")
    if hashlib.sha256(raw).hexdigest() != manifest.inputs.tokenizer_sha256:
        raise _not_whole(home, name, f"{name}/tokenizer.json", "is not what made these tokens")


def _not_whole(home: Home, name: str, path: str, problem: str) -> InputError:
    command = "pack" if home.form is None else f"export {home.form}"
    return InputError(
        f"{home.directory}/{path}: {problem}; put it back, or remove "
        f"{home.directory}/{name}/_manifest.json and run bfpack {command} again, which makes "
        f"{name} anew"
    )
