"""What `versions` and `prune` print of the versions on disk.

web sequences-2048 1f...: complete; made 2026-05-01 04:00; 3,000 documents, 11,431,298 tokens,
    5,583 sequences; 8 files, 45.2 MB; from this to the current one: long_documents split -> drop
web tokens 2e...: current; made 2026-05-02 04:00; 3,100 documents, ...; needed by
    sequences-2048 3d...
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bfpack_spark.cli.each_bucket import Outcome
from bfpack_spark.cli.printing import error_rows, print_json, say
from bfpack_spark.printable import counted
from bfpack_spark.report.words import size
from bfpack_spark.versions.on_disk import VersionOnDisk
from bfpack_spark.versions.pruning import LeftOver
from bfpack_spark.versions.publication import Home

_LEFT_BY_KILLED = "left by a run that was killed"

Removable = VersionOnDisk | LeftOver


def print_versions(
    found: Sequence[VersionOnDisk], damages: dict[Home, list[str]], as_json: bool
) -> None:
    """Print the versions on disk. `damages` says what is wrong with the files that name them."""
    if as_json:
        wrong = [
            {"bucket": home.bucket, "seq_len": home.seq_len, "state": "damaged", "problem": said}
            for home, problems in damages.items()
            for said in problems
        ]
        print_json([*map(_row, found), *wrong])
        return
    for version in found:
        say(_line(version))
    for home, problems in damages.items():
        for said in problems:
            say(f"{home.bucket} {home.directory.rpartition('/')[2]}: damaged: {said}")


def print_removals(
    removals: Sequence[Removable],
    kept: Sequence[VersionOnDisk],
    outcomes: Sequence[Outcome],
    done: str,
    as_json: bool,
) -> None:
    """Print what is removed, or would be, and why. Then print what is kept, and why."""
    errors = error_rows(outcomes)
    if as_json:
        rows = [{**_removal_row(removable), "removed": done == "removed"} for removable in removals]
        print_json([*rows, *errors])
        return
    for removable in removals:
        say(f"{done} {_removal_line(removable)}")
    if removals:
        total = sum(removable.num_bytes for removable in removals)
        exactly = f" ({total:,} bytes)" if total >= 1000 else ""
        say(f"{done} {size(total)}{exactly} in all")
        if done != "removed":
            say("this was only a list, and nothing is removed; add --yes to remove it")
    elif not errors:
        say("nothing to remove")
    done_kept = "kept" if done == "removed" or not removals else "would keep"
    for version in kept:
        say(f"{done_kept} {version.home.bucket} {version.kind} {version.name}: {version.kept}")


def _line(version: VersionOnDisk) -> str:
    state = f"{version.state} ({version.refusal})" if version.refusal else version.state
    parts = [", ".join([state, *(f"in {name}" for name in version.snapshots)])]
    parts.append(_made(version))
    parts.append(", ".join(counted(n, noun[:-1]) for noun, n in version.contents.items()))
    parts.append(_size(version))
    if version.mixtures:
        parts.append(f"needed by mixture {', '.join(version.mixtures)}")
    if version.needed_by:
        parts.append(f"needed by {', '.join(version.needed_by)}")
    if version.is_outdated:
        parts.append("made from another token store, and not from the current one")
    if version.differs:
        parts.append(f"from this to the current one: {', '.join(version.differs)}")
    said = "; ".join(filter(None, parts))
    return f"{version.home.bucket} {version.kind} {version.name}: {said}"


def _removal_line(removable: Removable) -> str:
    if isinstance(removable, LeftOver):
        return f"{removable.path}: {size(removable.num_bytes)}; {_LEFT_BY_KILLED}"
    named = f"{removable.home.bucket} {removable.kind} {removable.name}"
    facts = (removable.state, _made(removable), _size(removable), removable.why_not_kept)
    return f"{named}: {'; '.join(facts)}"


def _removal_row(removable: Removable) -> dict[str, Any]:
    if isinstance(removable, LeftOver):
        return {
            "bucket": removable.bucket,
            "path": removable.path,
            "bytes": removable.num_bytes,
            "why": _LEFT_BY_KILLED,
        }
    return {**_row(removable), "why": removable.why_not_kept}


def _row(version: VersionOnDisk) -> dict[str, Any]:
    return {
        "bucket": version.home.bucket,
        "kind": "tokens" if version.home.seq_len is None else "sequences",
        "seq_len": version.home.seq_len,
        "version": version.name,
        "state": version.state,
        "refused": version.refusal,
        "snapshots": version.snapshots,
        "mixtures": version.mixtures,
        "kept": version.kept,
        "needed_by": list(version.needed_by),
        "made": _moment(version).isoformat(timespec="seconds"),
        **version.contents,
        "until_current": version.differs,
        "outdated": version.is_outdated,
        "files": version.num_files,
        "bytes": version.num_bytes,
    }


def _size(version: VersionOnDisk) -> str:
    return f"{counted(version.num_files, 'file')}, {size(version.num_bytes)}"


def _made(version: VersionOnDisk) -> str:
    return f"{'made' if version.contents else 'last written'} {_moment(version):%Y-%m-%d %H:%M UTC}"


def _moment(version: VersionOnDisk) -> datetime:
    return datetime.fromtimestamp(version.written, UTC)
