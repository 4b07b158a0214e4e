"""The differences between the inputs of two versions, in words: why a new version is made."""

import logging
from collections.abc import Sequence

from bfpack_spark.versions import publication
from bfpack_spark.versions.metadata import Metadata
from bfpack_spark.versions.publication import Version

log = logging.getLogger("bfpack")

_NAMED = 5  # most files of one kind that are named
_HASHES = ("tokenizer_sha256", "tokens_fingerprint")
_WORDS = {"tokenizer_sha256": "tokenizer", "tokens_fingerprint": "tokens"}


def say_changes(what: str, version: Version) -> None:
    """Log how this version differs from the current one, and whether an unfinished one is
    continued."""
    earlier = publication.current_manifest(version.place)
    if earlier is not None and earlier.fingerprint != version.fingerprint:
        why = "; ".join(changes(earlier.inputs, version.inputs))
        log.info("%s: new version %s beside %s: %s", what, version.name, earlier.version, why)
    if version.name in publication.names_in(version.place):
        log.info("%s: continuing the unfinished version %s in place", what, version.name)


def changes(earlier: Metadata, later: Metadata) -> list[str]:
    """Return a phrase for each field of these inputs that differs: "seed 0 -> 1", "tokenizer 1f..
    -> 2e..", "1 file new (a.parquet)"."""
    before, after = earlier.as_json(), later.as_json()
    phrases = [
        f"{_WORDS[name]} {str(before[name])[:16]} -> {str(after[name])[:16]}"
        for name in _HASHES
        if name in before and name in after and before[name] != after[name]
    ]
    old, new = before.get("configuration", {}), after.get("configuration", {})
    phrases += [
        f"{name} {old.get(name)} -> {new.get(name)}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    return phrases + inventory_changes(before.get("inventory", []), after.get("inventory", []))


def inventory_changes(
    before: Sequence[list[str | int]], after: Sequence[list[str | int]]
) -> list[str]:
    """Return a phrase for the files (name, size, ETag or time) that are new, one for those that are
    changed, and one for those that are gone. A table, which has no size, says its version too."""
    old, new = ({str(name): rest for name, *rest in files} for files in (before, after))
    tables = [name for name in old.keys() & new.keys() if _is_table(old[name], new[name])]
    kinds = {
        "new": new.keys() - old.keys(),
        "changed": {n for n in old.keys() & new.keys() if old[n] != new[n]} - set(tables),
        "gone": old.keys() - new.keys(),
    }
    phrases = [f"{name} {old[name][1]} -> {new[name][1]}" for name in sorted(tables)]
    return phrases + [_files(kind, sorted(names)) for kind, names in kinds.items() if names]


def _is_table(old: list[str | int], new: list[str | int]) -> bool:
    """Return whether what has changed is a table or frame: its stamps are texts and it has no
    size, and objects without bytes are all alike."""
    return old != new and all(
        size == 0 and isinstance(stamp, str) for size, stamp, *_ in (old, new)
    )


def _files(kind: str, names: list[str]) -> str:
    more = ", ..." if len(names) > _NAMED else ""
    word = "file" if len(names) == 1 else "files"
    return f"{len(names):,} {word} {kind} ({', '.join(names[:_NAMED])}{more})"
