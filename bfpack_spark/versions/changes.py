"""The differences between the inputs of two versions, in words: why a new version is made, and from
which version to which `current` moves."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bfpack_spark.errors import InputError
from bfpack_spark.versions import publication
from bfpack_spark.versions.inputs import SequencesInputs
from bfpack_spark.versions.manifests import Manifest
from bfpack_spark.versions.metadata import Metadata
from bfpack_spark.versions.publication import Home, Version

log = logging.getLogger("bfpack")

ONLY_TIME = "of the same size, but with another time"
_NAMED = 5  # most files of one kind that are named
# How a phrase about a hash begins: what it is of, and in which file of a token store that is.
_WORDS = {
    "tokenizer_sha256": "tokenizer changed: tokenizer.json",
    "tokens_fingerprint": "tokens",
    "chat_template_sha256": "chat template changed: chat_template.json",
}


def say_changes(what: str, version: Version) -> None:
    """Log how this version differs from the current one, and whether an unfinished one is
    continued."""
    earlier = publication.current_manifest(version.home)
    if earlier is not None and earlier.fingerprint != version.fingerprint:
        why = "; ".join(changes(earlier.inputs, version.inputs))
        log.info("%s: new version %s beside %s: %s", what, version.name, earlier.version, why)
    if version.name in publication.names_in(version.home):
        log.info("%s: continuing the unfinished version %s in place", what, version.name)


@dataclass(frozen=True, kw_only=True)
class Move:
    """Which version was current before another one was published, and how that one differs."""

    earlier: str
    changes: list[str]


def publish_and_say(what: str, version: Version) -> Move | None:
    """Publish a version. If another one was current, log how they differ, and return it."""
    pointer, earlier = publication.readable_pointer(version.home), None
    if pointer is not None and pointer.version != version.name:
        with suppress(InputError):  # it may be damaged
            earlier = publication.read_manifest(version.home, pointer.version)
    publication.publish(version)
    if earlier is None:
        return None
    move = Move(earlier=earlier.version, changes=_differences(version, earlier))
    why = "; ".join(move.changes)
    log.info("%s: current was %s and is now %s: %s", what, move.earlier, version.name, why)
    return move


def _differences(version: Version, earlier: Manifest) -> list[str]:
    """Return how a version differs from an earlier one, and how their token stores differ, if both
    are still there."""
    said = changes(earlier.inputs, version.inputs)
    inputs = (earlier.inputs, version.inputs)
    names = [i.tokens_fingerprint[:16] for i in inputs if isinstance(i, SequencesInputs)]
    if len(set(names)) < 2:
        return said
    tokens = Home(output=version.home.output, bucket=version.home.bucket)
    with suppress(InputError):  # one may be damaged
        before, after = (publication.read_manifest(tokens, name) for name in names)
        if before is not None and after is not None:
            return [*said, *changes(before.inputs, after.inputs)]
    return said


def changes(earlier: Metadata, later: Metadata) -> list[str]:
    """Return a phrase for each field of these inputs that differs: "seed 0 -> 1", "tokens 1f.. ->
    2e..", "1 file new (a.parquet)"."""
    before, after = earlier.as_json(), later.as_json()
    hashes = [name for name in _WORDS if name in before and name in after]
    old, new = before.get("configuration", {}), after.get("configuration", {})
    phrases = [_change(name, before[name], after[name]) for name in hashes]
    phrases += [_change(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]
    files = inventory_changes(before.get("inventory", []), after.get("inventory", []))
    return [phrase for phrase in phrases if phrase is not None] + files


def _change(name: str, old: Any, new: Any) -> str | None:
    """Return a phrase for a field that differs, or None. Of a hash it has 16 hex digits, and what
    it is of."""
    if old == new:
        return None
    if name not in _WORDS:
        return f"{name} {old} -> {new}"
    return f"{_WORDS[name]} {str(old)[:16]} -> {str(new)[:16]}"


def inventory_changes(
    before: Sequence[list[str | int]], after: Sequence[list[str | int]]
) -> list[str]:
    """Return a phrase for the files (name, size, ETag or time) that are new, one for those that are
    changed, one for those of which nothing differs but the time or the ETag, and one for those that
    are gone. A table, which has no size, says its version too."""
    old, new = ({str(name): rest for name, *rest in files} for files in (before, after))
    tables = [name for name in old.keys() & new.keys() if _is_table(old[name], new[name])]
    differ = {n for n in old.keys() & new.keys() if old[n] != new[n]} - set(tables)
    restamped = {n for n in differ if old[n][0] == new[n][0] and old[n][2:] == new[n][2:]}
    by_time = {n for n in restamped if isinstance(new[n][1], int)}
    kinds = {
        "new": new.keys() - old.keys(),
        "changed": differ - restamped,
        ONLY_TIME: by_time,
        "of the same size, but with another ETag": restamped - by_time,
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
