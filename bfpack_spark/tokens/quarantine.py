"""The limit of --max-quarantined. It holds for the documents and for the bytes of their text, in
the whole store and in what a run has added to it, so that nothing can dilute it."""

from typing import Any

from bfpack_spark.errors import InputError
from bfpack_spark.tokens.refused import Places
from bfpack_spark.versions.versions import Manifest

_NAMED = 3  # reasons that a line names


def check_quarantine(manifest: Manifest, limit: float, directory: str) -> None:
    """Raise InputError if a larger share than `limit` is in quarantine. A count that the manifest
    lacks, because an older build did not make it, is not judged."""
    _check_part(manifest, "", limit, directory)
    if "increment" in manifest:
        _check_part(manifest["increment"], " that are new", limit, directory)


def _check_part(part: dict[str, Any], which: str, limit: float, directory: str) -> None:
    accounting, places = part["accounting"], part.get("first_places", {})
    for unit, what in (("documents", "documents"), ("bytes", "bytes of text")):
        num_in = accounting.get(f"{unit}_in", 0)
        refused = accounting.get(f"{unit}_quarantined", {})
        share = sum(refused.values()) / num_in if num_in else 0.0
        if share > limit:
            raise InputError(
                f"--max-quarantined {limit:g}: {share:.2%} of the {what}{which} are in quarantine "
                f"({most_frequent(refused, places, unit)}); see {directory}/quarantine, repair the "
                "input or raise the limit"
            )


def most_frequent(refused: dict[str, int], places: Places, unit: str = "documents") -> str:
    """Return the counts by reason as text, most frequent first: {"broken_line": 10, ...} -> "10
    broken_line from tuesday.jsonl@0 on, ...". At most three reasons are named; the others are one
    sum."""
    ordered = sorted(refused.items(), key=lambda item: (-item[1], item[0]))
    named = [
        f"{count:,} {'bytes ' * (unit == 'bytes')}{reason}"
        + (f" from {places[reason]} on" if reason in places else "")
        for reason, count in ordered[:_NAMED]
    ]
    rest = ordered[_NAMED:]
    if rest:
        named.append(f"and {sum(count for _, count in rest):,} for other reasons")
    return ", ".join(named)
