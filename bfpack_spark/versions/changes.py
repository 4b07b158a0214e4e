"""The differences between the inputs of two versions, in words."""

from typing import Any

_NAMED = 5  # most files of one kind that are named
_HASHES = ("tokenizer_sha256", "tokens_fingerprint")
_WORDS = {"tokenizer_sha256": "tokenizer", "tokens_fingerprint": "tokens"}


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return a phrase for each field that differs: "seed 0 -> 1", "tokenizer 1f.. -> 2e..", "1 file
    new (a.parquet)"."""
    said = [
        f"{_WORDS[name]} {str(before[name])[:16]} -> {str(after[name])[:16]}"
        for name in _HASHES
        if name in before and name in after and before[name] != after[name]
    ]
    old, new = before.get("configuration", {}), after.get("configuration", {})
    said += [
        f"{name} {old.get(name)} -> {new.get(name)}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    return said + inventory_changes(before.get("inventory", []), after.get("inventory", []))


def inventory_changes(before: list[list[Any]], after: list[list[Any]]) -> list[str]:
    """Return a phrase for the files (name, size, ETag or time) that are new, one for those that are
    changed, and one for those that are gone."""
    old, new = ({name: rest for name, *rest in files} for files in (before, after))
    kinds = {
        "new": new.keys() - old.keys(),
        "changed": {name for name in old.keys() & new.keys() if old[name] != new[name]},
        "gone": old.keys() - new.keys(),
    }
    return [_files(kind, sorted(names)) for kind, names in kinds.items() if names]


def _files(kind: str, names: list[str]) -> str:
    more = ", ..." if len(names) > _NAMED else ""
    word = "file" if len(names) == 1 else "files"
    return f"{len(names):,} {word} {kind} ({', '.join(names[:_NAMED])}{more})"
