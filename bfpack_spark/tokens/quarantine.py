"""The limit of --max-quarantined. It holds for the documents and for the bytes of their text, in
the whole store and in what a run has added to it, so that nothing can dilute it."""

from bfpack_spark.errors import InputError
from bfpack_spark.tokens.refused import Places
from bfpack_spark.versions.manifests import TokensAccounting, TokensManifest

_NAMED = 3  # reasons that a line names


def check_quarantine(manifest: TokensManifest, limit: float, directory: str) -> None:
    """Raise InputError if a larger share than `limit` is in quarantine. A count that the manifest
    lacks, because an older build did not make it, is not judged."""
    where = f"see {directory}/quarantine"
    _check_part(manifest.accounting, manifest.first_places, limit, "", where)
    new = manifest.increment
    if new is not None:
        _check_part(new.accounting, new.first_places, limit, " that are new", where)


def _check_part(
    accounting: TokensAccounting, places: Places, limit: float, which: str, where: str
) -> None:
    documents = (accounting.documents_in, accounting.documents_quarantined)
    texts = (accounting.bytes_in, accounting.bytes_quarantined)
    for unit, what, (num_in, refused) in (
        ("documents", "documents", documents),
        ("bytes", "bytes of text", texts),
    ):
        share = sum(refused.values()) / num_in if num_in else 0.0
        if share > limit:
            raise InputError(
                f"--max-quarantined {limit:g}: {share:.2%} of the {what}{which} are in quarantine "
                f"({most_frequent(refused, places, unit)}); {where}, repair the "
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
