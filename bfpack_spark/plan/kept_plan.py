"""A plan that is kept between two runs: it is complete, and not yet assembled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from bfpack_spark.files import own_files, write_own_files
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import FileEntry, PlanAccounting
from bfpack_spark.versions.metadata import Count, Metadata, read_metadata
from bfpack_spark.versions.publication import Version


class PlanNote(Metadata):
    """The contents of _plan.json: the files of a complete plan, their accounting and the number of
    shards. This is enough to assemble it, in this run or a later one."""

    remedy: ClassVar[str] = "remove it, and the plan is made anew"

    files: Annotated[list[FileEntry], Field(min_length=1)]
    accounting: PlanAccounting
    num_shards: Annotated[int, Field(gt=0, lt=2**31)]
    # Of documents with loss masks: what the policy for long documents took.
    quarantine: list[FileEntry] = Field(default_factory=list)
    num_targets_truncated: Count = 0
    num_targets_dropped: Count = 0
    num_documents_without_target: Count = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A complete plan of a version."""

    version: Version
    note: PlanNote

    @property
    def num_fragments(self) -> int:
        return sum(entry.rows for entry in self.note.files)


def keep_plan(plan: Plan) -> None:
    """Write a note that the plan is complete. Publication removes the note."""
    output, inside = plan.version.home.output, plan.version.inside
    own_files.sync_folders(output, inside)
    write_own_files.write_json(output, f"{inside}/_plan.json", plan.note.as_json())


def find_plan(version: Version) -> Plan | None:
    """Return the plan of an unfinished version, or None if there is no note of it or if its files
    are not there in their full size."""
    note = read_metadata(f"{version.directory}/_plan.json", PlanNote)
    if note is None:
        return None
    by_kind = {"plan": note.files, "quarantine": note.quarantine}
    if not all(_all_there(version, kind, files) for kind, files in by_kind.items() if files):
        return None
    return Plan(version=version, note=note)


def _all_there(version: Version, kind: str, files: Sequence[FileEntry]) -> bool:
    """Return whether all files have their full size, by one listing."""
    there = publication.files_on_disk(version.home, version.name, kind)
    return all(entry.path in there and there[entry.path].size == entry.bytes for entry in files)
