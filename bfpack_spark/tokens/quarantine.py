"""The limit of --max-quarantined. It holds for the documents and for the bytes of their text, in
the whole store and in what a run has added to it, so that nothing can dilute it."""

from collections.abc import Iterator, Sequence

import pyarrow.compute as pc

from bfpack_spark.errors import InputError
from bfpack_spark.files.stored_parquet import open_own_parquet
from bfpack_spark.tokenizing.remedies import Chosen, remedy_of
from bfpack_spark.tokens.token_files import Places
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.versions.manifests import TokensAccounting

_NAMED = 3  # reasons that a line names


class OverLimitError(InputError):
    """More is in quarantine than --max-quarantined lets in. `share` says how much of what."""

    def __init__(self, share: str, line: str) -> None:
        super().__init__(line)
        self.share = share


def check_quarantine(store: TokenStore, limit: float) -> None:
    """Raise OverLimitError if a larger share than `limit` is in quarantine. A count that the
    manifest lacks, because an older build did not make it, is not judged."""
    manifest = store.manifest
    _check_part(store, manifest.accounting, manifest.first_places, limit, "")
    new = manifest.increment
    if new is not None:
        _check_part(store, new.accounting, new.first_places, limit, " that are new")


def _check_part(
    store: TokenStore, accounting: TokensAccounting, places: Places, limit: float, which: str
) -> None:
    documents = (accounting.documents_in, accounting.documents_quarantined)
    texts = (accounting.bytes_in, accounting.bytes_quarantined)
    for unit, what, (num_in, refused) in (
        ("documents", "documents", documents),
        ("bytes", "bytes of text", texts),
    ):
        share = sum(refused.values()) / num_in if num_in else 0.0
        if share > limit:
            held = f"{share:.2%} of the {what}{which} are in quarantine"
            chosen = store.manifest.inputs.configuration
            first = about_first(refused, places, store.paths_of("quarantine"), chosen)
            raise OverLimitError(
                held,
                f"--max-quarantined {limit:g}: {held} ({most_frequent(refused, places, unit)}); "
                f"see {store.directory}/quarantine, repair the input or raise the limit; {first}",
            )


def about_first(
    refused: dict[str, int], places: Places, paths: Sequence[str], chosen: Chosen
) -> str:
    """Return what exactly is wrong with the first document of the most frequent reason, which lies
    in one of these files of quarantine, and what to do about it under the options."""
    reason, _ = _ordered(refused)[0]
    looked = paths if reason in places else ()
    details = (detail for path in looked for detail in _details(path, places[reason]))
    detail = next(filter(None, details), None)
    said = "" if detail is None else f" ({detail})"
    return f"the first {reason}{said}: {remedy_of(reason, chosen)}"


def _details(path: str, source: str) -> Iterator[str | None]:
    """Yield what is wrong with the documents at a place, from a file of quarantine."""
    with open_own_parquet(path) as file:
        for rows in file.iter_batches(columns=["source", "detail"]):
            yield from rows.filter(pc.equal(rows["source"], source))["detail"].to_pylist()


def _ordered(refused: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(refused.items(), key=lambda item: (-item[1], item[0]))


def most_frequent(refused: dict[str, int], places: Places, unit: str = "documents") -> str:
    """Return the counts by reason as text, most frequent first: {"broken_line": 10, ...} -> "10
    broken_line from tuesday.jsonl@0 on, ...". At most three reasons are named; the others are one
    sum."""
    ordered = _ordered(refused)
    named = [
        f"{count:,} {'bytes ' * (unit == 'bytes')}{reason}"
        + (f" from {places[reason]} on" if reason in places else "")
        for reason, count in ordered[:_NAMED]
    ]
    rest = ordered[_NAMED:]
    if rest:
        named.append(f"and {sum(count for _, count in rest):,} for other reasons")
    return ", ".join(named)
