"""New files of a bucket beside unchanged ones: only the new files are tokenized.

The manifest of the new version also lists the files of the earlier version, by paths that begin
with ../EARLIER/, so a document is stored once. The new version has the name that it would have if
all files had been tokenized anew, and the sequences made of it are the same bytes.
"""

from dataclasses import dataclass, replace
from typing import Any

from bfpack_spark.corpus.inventory import Inventory
from bfpack_spark.tokens.refused import Places
from bfpack_spark.versions.changes import inventory_changes
from bfpack_spark.versions.versions import Manifest, Version


@dataclass(frozen=True, kw_only=True)
class Increment:
    """What is to be tokenized, and what is taken over from an earlier version."""

    inventory: Inventory
    entries: list[dict[str, Any]]  # of the earlier version, relative to the new one's directory
    accounting: dict[str, Any]  # of these entries
    first_places: Places  # of the documents in their quarantine
    read: list[dict[str, Any]]  # the earlier manifest's inventory: what was read of its input
    # What the names of new files begin with: the version whose files are taken over. A run that
    # makes the same version beside another earlier one tokenizes other files, and must not write
    # them under the same names.
    prefix: str


def _whole(inventory: Inventory) -> Increment:
    """Return the increment that takes nothing over: every file is to be tokenized."""
    return Increment(
        inventory=inventory, entries=[], accounting={}, first_places={}, read=[], prefix=""
    )


def take_over(
    version: Version, inventory: Inventory, earlier: Manifest | None
) -> tuple[Increment, str | None]:
    """Return what is to be tokenized and what the earlier version spares, with a line for the log.

    The line says what is spared, or why nothing is. It is None if there is no earlier version, or
    if that differs in more than its files.

    `earlier` is a published version. If a version was refused for its quarantine, the files that it
    tokenized count as new until it is published, so their broken documents cannot hide among the
    documents that were there before.
    """
    if earlier is None or not _differ_by_files(earlier["inputs"], version.inputs):
        return _whole(inventory), None
    before, after = (inputs["inventory"] for inputs in (earlier["inputs"], version.inputs))
    known = {name: rest for name, *rest in after}
    if any(known.get(name) != rest for name, *rest in before):
        lost = [said for said in inventory_changes(before, after) if " new " not in said]
        why = f"everything is tokenized anew: of the earlier input {', '.join(lost)}"
        return _whole(inventory), why
    names = {name for name, *_ in before}
    new = tuple(file for file in inventory.files if file.name not in names)
    entries = [_from_here(entry, earlier) for entry in earlier["files"]]
    made = Increment(
        inventory=replace(inventory, files=new),
        entries=entries,
        accounting=earlier["accounting"],
        first_places=earlier.get("first_places", {}),
        read=earlier.get("inventory") or [],
        prefix=f"{earlier['fingerprint'][:16]}-",
    )
    return made, f"{len(new):,} new beside {len(names):,} that are unchanged; only they are read"


def add_accounting(before: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the sums of two accountings, by name and by reason. A count that the earlier
    accounting lacks, because an older build did not make it, is in no sum."""
    if not before:
        return new
    return {name: _add(value, new.get(name, 0)) for name, value in before.items()}


def _add(one: Any, other: Any) -> Any:
    if not isinstance(one, dict):
        return one + other
    counts = other or {}
    return {name: one.get(name, 0) + counts.get(name, 0) for name in {**one, **counts}}


def _differ_by_files(before: dict[str, Any], after: dict[str, Any]) -> bool:
    names = ("configuration", "tokenizer_sha256")
    return all(before[name] == after[name] for name in names)


def _from_here(entry: dict[str, Any], earlier: Manifest) -> dict[str, Any]:
    path = str(entry["path"])
    inside = path if path.startswith("../") else f"../{earlier['fingerprint'][:16]}/{path}"
    return {**entry, "path": inside}
