"""A plan that is kept between two runs: it is complete, and not yet assembled."""

from dataclasses import dataclass
from typing import Any

from bfpack_spark.files import access, own_files
from bfpack_spark.versions.metadata import PlanNote, read_metadata
from bfpack_spark.versions.versions import Version


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A complete plan: its files, their accounting and the number of shards. This is enough to
    assemble it, in this run or a later one."""

    version: Version
    entries: list[dict[str, Any]]
    accounting: dict[str, Any]
    num_shards: int


def keep_plan(made: Plan) -> None:
    """Write a note that the plan is complete. Publication removes the note."""
    note = {"files": made.entries, "accounting": made.accounting, "num_shards": made.num_shards}
    version = made.version
    own_files.sync_folders(version.place.output, version.inside)
    own_files.write_json(version.place.output, f"{version.inside}/_plan.json", note)


def find_plan(version: Version) -> Plan | None:
    """Return the plan of an unfinished version, or None if there is no note of it or if its files
    are not there in their full size."""
    made = read_metadata(f"{version.directory}/_plan.json", PlanNote)
    if made is None or not _all_there(version, made["files"]):
        return None
    return Plan(
        version=version,
        entries=made["files"],
        accounting=made["accounting"],
        num_shards=made["num_shards"],
    )


def _all_there(version: Version, entries: list[dict[str, Any]]) -> bool:
    sizes = (access.size_of(f"{version.directory}/{entry['path']}") for entry in entries)
    return list(sizes) == [entry["bytes"] for entry in entries]
