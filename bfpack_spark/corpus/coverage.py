"""How much of each input file was read: workers report it, and the driver compares it with the
files.

A task counts three things of every file that it reads in part or as a whole: the rows or documents
that the file gave it, those that it handed on, and the bytes of the file that it consumed. Over all
tasks of a run the sums must be those of the files. Otherwise no manifest is written; the manifest
holds the sums of each file.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bfpack_spark.corpus.inventory import Inventory
from bfpack_spark.errors import InputError, JobError

Told: TypeAlias = list[list[Any]]  # name, rows, bytes, documents, and the footer's rows or None

IN_BYTES = ("jsonl", "text")  # formats in which every byte is consumed


@dataclass(kw_only=True)
class Tally:
    """What one task has read of each file, by the file's name in the inventory."""

    rows: Counter[str] = field(default_factory=Counter)  # Parquet: rows; JSONL: lines that are
    #   not blank; text: one per file. Those of other buckets are counted too.
    num_bytes: Counter[str] = field(default_factory=Counter)  # JSONL, text: bytes of the file
    documents: Counter[str] = field(default_factory=Counter)  # rows that were handed on
    footers: dict[str, int] = field(default_factory=dict)  # Parquet: rows that the footer tells

    def add(self, name: str, *, rows: int = 0, num_bytes: int = 0, documents: int = 0) -> None:
        """Count what was read of a file."""
        self.rows[name] += rows
        self.num_bytes[name] += num_bytes
        self.documents[name] += documents

    def footer(self, name: str, rows: int) -> None:
        """Note how many rows a footer tells. Raises InputError if it told another number before."""
        self.rows[name] += 0  # so that a file without rows is told
        if self.footers.setdefault(name, rows) != rows:
            raise InputError(
                f"--input: {name} was replaced while it was read; run it again when nothing "
                "writes there"
            )

    def told(self) -> Told:
        """Return what goes into the task's message."""
        return [
            [name, rows, self.num_bytes[name], self.documents[name], self.footers.get(name)]
            for name, rows in self.rows.items()
        ]


def add_up(told: Iterable[Told]) -> Tally:
    """Return the sum of the tallies of all tasks."""
    total = Tally()
    for name, rows, num_bytes, documents, footer in (read for each in told for read in each):
        total.add(name, rows=rows, num_bytes=num_bytes, documents=documents)
        if footer is not None:
            total.footer(name, footer)
    return total


def check_coverage(inventory: Inventory, total: Tally, *, bucket_column: str | None) -> None:
    """Raise InputError, which names the file, if one was not read to its end, or was read twice.
    Raise JobError if rows were not handed on. With a column of buckets, some need not be."""
    for file in inventory.files:
        rows, consumed = total.rows[file.name], total.num_bytes[file.name]
        if inventory.format in IN_BYTES and consumed != file.size:
            raise InputError(
                f"--input: {file.name}: {consumed:,} of {file.size:,} bytes were read; see that "
                "nothing writes there and run it again; if it stays so, write the file anew"
            )
        if inventory.format not in IN_BYTES and file.name not in total.footers:
            raise JobError(f"--input: {file.name} was not read; run it again")
        footer = total.footers.get(file.name, rows)
        if rows != footer:
            raise InputError(
                f"--input: {file.name}: {rows:,} rows were read, its footer tells {footer:,}; "
                "write the file anew"
            )
        documents = total.documents[file.name]
        if documents > rows or (bucket_column is None and documents < rows):
            raise JobError(
                f"--input: {file.name} gave {rows:,} documents, {documents:,} were worked on; "
                "run it again"
            )


def check_rows(name: str, counted: int, total: Tally) -> None:
    """Raise InputError if a table or frame gave another number of rows than Spark counts in it.
    Raise JobError if rows were read and not handed on."""
    rows, documents = total.rows[name], total.documents[name]
    if rows != counted:
        raise InputError(
            f"--input: {name}: {rows:,} rows were read, Spark counts {counted:,}; its rows change "
            "from job to job: read a snapshot of a table, or persist the frame"
        )
    if documents != rows:
        raise JobError(
            f"--input: {name} gave {rows:,} documents, {documents:,} were worked on; run it again"
        )


def check_documents(total: Tally, documents_in: int) -> None:
    """Raise JobError if another number of documents is accounted for than was read."""
    read = total.documents.total()
    if read != documents_in:
        raise JobError(
            f"{read:,} documents were read, {documents_in:,} are accounted for; run it again"
        )
