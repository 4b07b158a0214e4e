"""New files of a bucket beside unchanged ones: only they are tokenized.

The new version's manifest lists the earlier one's files too, by paths that begin with ../EARLIER/,
so a document is stored once. It is named as if all had been tokenized anew, and the sequences made
of it are the same bytes.
"""

from dataclasses import dataclass, replace
from typing import Any

from bfpack_spark.corpus.inventory import Inventory
from bfpack_spark.tokens.refused import Places
from bfpack_spark.versions.changes import inventory_changes
from bfpack_spark.versions.versions import Manifest, Version


@dataclass(frozen=True, kw_only=True)
class Increment:
    """What is to be tokenized, and what is taken over."""

    inventory: Inventory
    entries: list[dict[str, Any]]  # of the earlier version, relative to the new one's directory
    accounting: dict[str, Any]  # of these
    first_places: Places  # of what is in their quarantine
    read: list[dict[str, Any]]  # the earlier manifest's inventory: what was read of its input
    # Before the numbers of new files: the version whose files are taken over. A run of the same
    # version beside another one reads other files, and must not write under the same names.
    prefix: str


def _whole(inventory: Inventory) -> Increment:
    """Everything is to be tokenized."""
    return Increment(
        inventory=inventory, entries=[], accounting={}, first_places={}, read=[], prefix=""
    )


def take_over(
    version: Version, inventory: Inventory, earlier: Manifest | None
) -> tuple[Increment, str | None]:
    """What an earlier version spares, and a line that says so, or why it spares nothing (None: it
    differs in more than its files, or there is none).

    `earlier` is a published one: what a version that was refused for its quarantine has tokenized
    is new until it is published, so its broken documents cannot hide in what was there before.
    """
    if earlier is None or not _differ_by_files(earlier["inputs"], version.inputs):
        return _whole(inventory), None
    before, after = (inputs["inventory"] for inputs in (earlier["inputs"], version.inputs))
    known = {name: rest for name, *rest in after}
    if any(known.get(name) != rest for name, *rest in before):
        lost = [said for said in inventory_changes(before, after) if " new " not in said]
        return _whole(inventory), f"everything anew, for of the earlier input {', '.join(lost)}"
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
    """Sums, by name and by reason. What an earlier build did not count is in no sum."""
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
