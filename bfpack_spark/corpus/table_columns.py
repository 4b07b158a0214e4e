"""Columns of a table, which may have other names in its files."""

from dataclasses import replace

from bfpack_spark.corpus.documents import Columns, no_column
from bfpack_spark.corpus.inventory import Inventory
from bfpack_spark.errors import InputError


def check_table(inventory: Inventory, columns: Columns) -> None:
    """Raise InputError if the table lacks a column, or if it is a partition column and so in no
    file."""
    content = "--tokens-column" if columns.tokens else "--text-column"
    wanted = {content: columns.content, "--id-column": columns.doc_id}
    for option, name in {**wanted, "--bucket-column": columns.bucket}.items():
        if name is None or name in inventory.columns:
            continue
        if name in inventory.files[0].partition:
            raise InputError(
                f"{option} {name}: is a partition column of the table, of which only "
                "--bucket-column can make use; name another"
            )
        there = [*inventory.columns, *inventory.files[0].partition]
        raise no_column(option, name, "the table", there)


def columns_in_files(inventory: Inventory, columns: Columns) -> Columns:
    """Return the columns by their names in the files (the same names, unless Delta's column mapping
    is used)."""
    own = inventory.columns

    def renamed(name: str | None) -> str | None:
        return None if name is None else own.get(name, name)

    return replace(
        columns,
        content=own.get(columns.content, columns.content),
        doc_id=renamed(columns.doc_id),
        bucket=renamed(columns.bucket),
    )
