"""Invariant 0: every input file was read whole, by what the manifest of the token store says was
read of each."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.verifying.findings import Violation

_FIRST = 20  # violations that are named


def check_input_files(store: TokenStore) -> list[Violation]:
    """Return the violations of invariant 0 in the manifest.

    Its inventory must have the files of its inputs, in their order. The documents in must be the
    sum of those of the files. The bytes read of a file must be its size, and its rows must be the
    documents that it gave. A count that no build has written (null, or no inventory) is not
    checked.
    """
    told = store.manifest.get("inventory")
    if told is None:
        return []
    wrong = partial(Violation, invariant=0, shard="tokens/_manifest.json")
    inputs = store.manifest["inputs"]
    wanted = inputs["inventory"]
    problems = [*_other_files(told, wanted)]
    if not problems:
        passed_over = inputs["configuration"].get("bucket_column") is not None
        for entry, (_, _, _, *deleted) in zip(told, wanted, strict=True):
            problems += _miscounted(entry, all_rows=not passed_over and not deleted)
    problems += _sum_differs(told, store.manifest["accounting"]["documents_in"])
    return [wrong(problem=problem) for problem in problems[:_FIRST]]


def _other_files(told: list[dict[str, Any]], wanted: list[list[Any]]) -> Iterator[str]:
    """Yield a problem for each file whose name, size and stamp (its ETag or modification time) are
    not those of the inputs, and one if the order differs."""
    said = [(entry["name"], entry["size"], _stamp(entry)) for entry in told]
    listed = [(name, size, stamp) for name, size, stamp, *_ in wanted]
    if said == listed:
        return
    for name in sorted({name for name, *_ in set(said) ^ set(listed)}):
        yield f"inventory: {name} is not the file that the inputs name"
    if set(said) == set(listed):
        yield "inventory: its files are not in the order of the inputs, each once"


def _stamp(entry: dict[str, Any]) -> str | int | None:
    etag = entry.get("etag")
    return entry.get("modified") if etag is None else etag


def _miscounted(entry: dict[str, Any], *, all_rows: bool) -> Iterator[str]:
    """Yield what is wrong with the counts of one file. all_rows: every row must be a document;
    otherwise some rows are deleted or belong to other buckets."""
    rows, documents, num_bytes = (entry.get(key) for key in ("rows", "documents", "bytes"))
    if num_bytes not in (None, entry["size"]):
        yield f"inventory: {num_bytes} of {entry['size']} bytes of {entry['name']} were read"
    if rows is None or documents is None:
        return
    if documents > rows or (all_rows and documents < rows):
        yield f"inventory: {documents} documents came of {rows} rows of {entry['name']}"


def _sum_differs(told: list[dict[str, Any]], documents_in: int) -> Iterator[str]:
    counts = [entry.get("documents") for entry in told]
    known = sum(count for count in counts if count is not None)
    if None not in counts and known != documents_in:
        yield f"inventory: its files gave {known} documents, accounting.documents_in {documents_in}"
