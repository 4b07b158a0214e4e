"""Tables, views and DataFrames of documents: what identifies them, and their columns."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from bfpack_spark.corpus.documents import Columns, no_column
from bfpack_spark.corpus.inventory import InputFile, Inventory
from bfpack_spark.errors import InputError

_INTEGERS = (st.ByteType, st.ShortType, st.IntegerType, st.LongType)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Rows of documents, and what identifies them."""

    format: str  # table, delta or frame
    name: str  # in messages, and in the manifest
    stamp: str  # the table's snapshot, or the version that the user says
    rows: DataFrame
    place: Column | None = None  # what names a row of this snapshot, if anything does
    # Which rows were added since an earlier stamp; None if more than that has happened.
    added_since: Callable[[str], Column | None] = field(default=lambda _: None)

    def inventory(self) -> Inventory:
        """Return an inventory in which one entry stands for the frame. It has no bytes of its own,
        and its stamp stands where a file has its ETag."""
        entry = InputFile(name=self.name, path="", size=0, etag=self.stamp)
        return Inventory(format=self.format, files=(entry,))


def version_of(stamp: str) -> str:
    """Return the version that gives a frame of this stamp again: "iceberg 71" -> "71"."""
    found = re.fullmatch(r"(?:iceberg|delta \S+) (\d+)", stamp)
    return found[1] if found else stamp


def column(name: str) -> Column:
    """Return the column of this very name, whatever characters it holds."""
    return sf.col(quoted(name))


def quoted(name: str) -> str:
    """Return a name as SQL takes it."""
    return f"`{name.replace('`', '``')}`"


def table_name(asked: str, table: str, forms: str) -> str:
    """Return the name of a table in SQL. Raise InputError, which begins with `asked` and tells the
    `forms` of names, if it cannot be one.

    "lake.db.docs" -> `lake`.`db`.`docs`
    """
    parts = table.split(".")
    if not all(re.fullmatch(r"[\w-]+", part) for part in parts):
        raise InputError(f"{asked}: no table is called so; write {forms}")
    return ".".join(map(quoted, parts))


def check_frame(rows: DataFrame, columns: Columns, name: str) -> None:
    """Raise InputError if a column is missing, or is of a type that cannot be read."""
    for option, column in columns.by_option.items():
        check_column(rows, option, column, name)


def check_column(rows: DataFrame, option: str, named: str, name: str) -> None:
    """Raise InputError unless there is one such column, of a type that this option can take."""
    if named not in rows.columns:
        raise no_column(option, named, name, rows.columns)
    exact = rows.sparkSession.conf.get("spark.sql.caseSensitive") == "true"
    same: Callable[[str], str] = str if exact else str.casefold
    fields = [field for field in rows.schema.fields if same(field.name) == same(named)]
    if len(fields) > 1:
        names = sorted({field.name for field in fields})
        how = f", as Spark compares names: {', '.join(names)}" if len(names) > 1 else ""
        raise InputError(
            f"{option} {named}: {len(fields)} columns of {name} have this name{how}; "
            "rename all but one"
        )
    readable, wanted = _KINDS[option]
    kind = fields[0].dataType
    if not readable(kind):
        raise InputError(
            f"{option} {named}: has type {kind.simpleString()} in {name}, wanted {wanted}"
        )


def _is_text(kind: st.DataType) -> bool:
    return isinstance(kind, st.StringType | st.BinaryType | st.VarcharType | st.CharType)


def _is_tokens(kind: st.DataType) -> bool:
    is_list = isinstance(kind, st.ArrayType) and isinstance(kind.elementType, _INTEGERS)
    return is_list or isinstance(kind, st.BinaryType)


def _is_mask(kind: st.DataType) -> bool:
    is_list = isinstance(kind, st.ArrayType) and isinstance(kind.elementType, st.BooleanType)
    return is_list or _is_tokens(kind)


def _is_objects(kind: st.DataType) -> bool:
    if isinstance(kind, st.ArrayType):
        return isinstance(kind.elementType, st.StructType | st.MapType)
    return _is_text(kind)


def _is_id(kind: st.DataType) -> bool:
    is_number = isinstance(kind, st.DecimalType) and kind.scale == 0
    is_text = _is_text(kind) and not isinstance(kind, st.BinaryType)
    return is_number or is_text or isinstance(kind, _INTEGERS)


_KINDS = {
    "--text-column": (_is_text, "strings"),
    "--tokens-column": (_is_tokens, "array of integers or int32 binary"),
    "--labels-column": (_is_tokens, "array of integers or int32 binary"),
    "--loss-mask-column": (_is_mask, "array of integers or booleans, or binary of a byte a token"),
    "--messages-column": (_is_objects, "array of structs, or JSON as strings"),
    "--tools-column": (_is_objects, "array of structs, or JSON as strings"),
    "--prompt-column": (_is_text, "strings"),
    "--completion-column": (_is_text, "strings"),
    "--id-column": (_is_id, "strings or integers"),
    "--bucket-column": (_is_id, "strings or integers"),
}
