"""Invariant 0: every input file was read whole, by what the manifest of the token store says was
read of each."""

from collections.abc import Iterator
from functools import partial

from bfpack_spark.verifying.findings import Violation
from bfpack_spark.versions.manifests import ReadFile, TokensManifest

_FIRST = 20  # violations that are named


def check_input_files(manifest: TokensManifest) -> list[Violation]:
    """Return the violations of invariant 0 in the manifest of a token store.

    Its inventory must have the files of its inputs, in their order. The documents in must be the
    sum of those of the files. The bytes read of a file must be its size, and its rows must be the
    documents that it gave. A count that no build has written (null, or no inventory) is not
    checked.
    """
    files, inputs = manifest.inventory, manifest.inputs
    if files is None:
        return []
    wrong = partial(Violation, invariant=0, shard="tokens/_manifest.json")
    problems = [*_other_files(files, inputs.inventory)]
    if not problems:
        passed_over = inputs.configuration.bucket_column is not None
        for file, (_, _, _, *deleted) in zip(files, inputs.inventory, strict=True):
            problems += _miscounted(file, all_rows=not passed_over and not deleted)
    problems += _sum_differs(files, manifest.accounting.documents_in)
    return [wrong(problem=problem) for problem in problems[:_FIRST]]


def _other_files(files: list[ReadFile], inputs: list[list[str | int]]) -> Iterator[str]:
    """Yield a problem for each file whose name, size and stamp (its ETag or modification time) are
    not those of the inputs, and one if the order differs."""
    counted = [(f.name, f.size, f.modified if f.etag is None else f.etag) for f in files]
    listed = [(name, size, stamp) for name, size, stamp, *_ in inputs]
    if counted == listed:
        return
    for name in sorted({str(name) for name, *_ in set(counted) ^ set(listed)}):
        yield f"inventory: {name} is not the file that the inputs name"
    if set(counted) == set(listed):
        yield "inventory: its files are not in the order of the inputs, each once"


def _miscounted(file: ReadFile, *, all_rows: bool) -> Iterator[str]:
    """Yield what is wrong with the counts of one file. all_rows: every row must be a document;
    otherwise some rows are deleted or belong to other buckets."""
    rows, documents = file.rows, file.documents
    if file.bytes not in (None, file.size):
        yield f"inventory: {file.bytes} of {file.size} bytes of {file.name} were read"
    if rows is None or documents is None:
        return
    if documents > rows or (all_rows and documents < rows):
        yield f"inventory: {documents} documents came of {rows} rows of {file.name}"


def _sum_differs(files: list[ReadFile], documents_in: int) -> Iterator[str]:
    counts = [file.documents for file in files]
    known = sum(count for count in counts if count is not None)
    if None not in counts and known != documents_in:
        yield f"inventory: its files gave {known} documents, accounting.documents_in {documents_in}"
