"""New files of a bucket beside unchanged ones: only the new files are tokenized.

The manifest of the new version also lists the files of the earlier version, by paths that begin
with ../EARLIER/, so a document is stored once. The new version has the name that it would have if
all files had been tokenized anew, and the sequences made of it are the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bfpack_spark.corpus.coverage import IN_BYTES, Tally
from bfpack_spark.corpus.inventory import InputFile, Inventory
from bfpack_spark.tokens.source import Source
from bfpack_spark.tokens.token_files import Places
from bfpack_spark.versions.changes import ONLY_TIME, inventory_changes
from bfpack_spark.versions.inputs import TokensInputs
from bfpack_spark.versions.manifests import FileEntry, ReadFile, TokensAccounting, TokensManifest

_KEEP_TIMES = (
    "; a file is taken for an earlier one by its name, size and time, and a copy keeps its time "
    "with cp -p or rsync -t"
)


@dataclass(frozen=True, kw_only=True)
class Increment:
    """What is to be tokenized, and what is taken over from an earlier version."""

    source: Source
    entries: Sequence[FileEntry] = ()  # earlier ones, relative to the new version's directory
    accounting: TokensAccounting | None = None  # of these entries
    first_places: Places  # of the documents in their quarantine
    read: Sequence[ReadFile] = ()  # the earlier manifest's inventory: what was read of its input
    # What the names of new files begin with: the version whose files are taken over. A run that
    # makes the same version beside another earlier one tokenizes other files, and must not write
    # them under the same names.
    prefix: str = ""


def take_over(
    inputs: TokensInputs, source: Source, earlier: TokensManifest | None
) -> tuple[Increment, str | None]:
    """Return what is to be tokenized and what the earlier version spares, with a line for the log.

    The line says what is spared, or why nothing is. It is None if there is no earlier version, or
    if that differs in more than its files.

    `earlier` is a published version. If a version was refused for its quarantine, the files that it
    tokenized count as new until it is published, so their broken documents cannot hide among the
    documents that were there before.
    """
    everything = Increment(source=source, first_places={})
    if earlier is None:
        return everything, None
    before = (earlier.inputs.configuration, earlier.inputs.tokenizer_sha256)
    if before != (inputs.configuration, inputs.tokenizer_sha256):
        return everything, None
    added = source.added_to(earlier)
    if added is None:
        found = inventory_changes(earlier.inputs.inventory, inputs.inventory)
        lost = [change for change in found if " new " not in change]
        how = _KEEP_TIMES if any(ONLY_TIME in change for change in lost) else ""
        why = f"of the earlier input {', '.join(lost)}{how}"
        return everything, f"everything is tokenized anew: {why}"
    increment = Increment(
        source=added[0],
        entries=[_from_here(entry, earlier.version) for entry in earlier.files],
        accounting=earlier.accounting,
        first_places=earlier.first_places,
        read=earlier.inventory or (),
        prefix=f"{earlier.version}-",
    )
    return increment, added[1]


def files_read(inventory: Inventory, total: Tally, earlier: Sequence[ReadFile]) -> list[ReadFile]:
    """Return the manifest's inventory. For each file it holds what tells the file from a changed
    one, and what was read of it (null: nothing). For a file that an earlier version has read, it
    holds what that version's manifest says. Of a table, some was read then and some now."""
    known = {file.name: file for file in earlier}
    return [_read(inventory.format, file, total, known.get(file.name)) for file in inventory.files]


def _read(input_format: str, file: InputFile, total: Tally, known: ReadFile | None) -> ReadFile:
    counts: dict[str, int | None] = dict.fromkeys(("rows", "documents", "bytes"))
    if known is not None:
        counts = {name: getattr(known, name) for name in counts}
    if file.name in total.rows:
        counts["rows"] = (counts["rows"] or 0) + total.rows[file.name]
        counts["documents"] = (counts["documents"] or 0) + total.documents[file.name]
        counts["bytes"] = total.num_bytes[file.name] if input_format in IN_BYTES else None
    stamp = {"modified": file.modified} if file.etag is None else {"etag": file.etag}
    return ReadFile.model_validate({"name": file.name, "size": file.size, **stamp, **counts})


def _from_here(entry: FileEntry, version: str) -> FileEntry:
    inside = entry.path if entry.path.startswith("../") else f"../{version}/{entry.path}"
    return entry.model_copy(update={"path": inside})
