"""Which columns of Parquet files are read, and in which types."""

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.types as pt

from bfpack_spark.corpus.documents import no_column
from bfpack_spark.errors import InputError


def check_schema(schema: pa.Schema, named: Mapping[str, str], name: str) -> None:
    """Raise InputError if the file lacks a column that an option names, or has it twice, or in a
    type that cannot be read. `named`: the columns by their options."""
    for option, column in named.items():
        if column not in schema.names:
            raise no_column(option, column, name, schema.names)
        if schema.names.count(column) > 1:
            raise InputError(
                f"{option} {column}: {schema.names.count(column)} columns of {name} have this "
                "name; rename all but one"
            )
        readable, wanted = _KINDS[option]
        kind = schema.field(column).type
        if not readable(kind):
            raise InputError(f"{option} {column}: has type {kind} in {name}, wanted {wanted}")


def values_of(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.JsonType):  # Parquet's JSON is text
        return kind.storage_type
    return kind.value_type if pt.is_dictionary(kind) else kind


def is_binary(kind: pa.DataType) -> bool:
    return bool(pt.is_binary(kind) or pt.is_large_binary(kind))


def is_text(kind: pa.DataType) -> bool:
    return pt.is_null(kind) or is_string(kind) or is_binary(values_of(kind))


def is_string(kind: pa.DataType) -> bool:
    kind = values_of(kind)
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def is_list(kind: pa.DataType) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


def is_tokens(kind: pa.DataType) -> bool:
    is_ids = is_list(kind) and pt.is_integer(kind.value_type)
    return is_ids or is_binary(kind) or pt.is_null(kind)


def is_mask(kind: pa.DataType) -> bool:
    return (is_list(kind) and pt.is_boolean(kind.value_type)) or is_tokens(kind)


def is_id(kind: pa.DataType) -> bool:
    is_number = pt.is_integer(values_of(kind)) or (pt.is_decimal(kind) and kind.scale == 0)
    return bool(is_number) or is_string(kind) or is_uuid(kind) or pt.is_null(kind)


def is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.UuidType)


def is_of_objects(kind: pa.DataType) -> bool:
    return is_list(kind) and (pt.is_struct(kind.value_type) or pt.is_map(kind.value_type))


def is_objects(kind: pa.DataType) -> bool:
    return is_of_objects(kind) or is_text(kind)


# What the column of each option may hold, and how an error says so.
_KINDS: dict[str, tuple[Callable[[pa.DataType], bool], str]] = {
    "--text-column": (is_text, "strings"),
    "--tokens-column": (is_tokens, "list<int> or int32 binary"),
    "--labels-column": (is_tokens, "list<int> or int32 binary"),
    "--loss-mask-column": (is_mask, "list<int>, list<bool> or binary of a byte a token"),
    "--messages-column": (is_objects, "a list of structs, or JSON as strings"),
    "--tools-column": (is_objects, "a list of structs, or JSON as strings"),
    "--prompt-column": (is_text, "strings"),
    "--completion-column": (is_text, "strings"),
    "--id-column": (is_id, "strings or integers"),
    "--bucket-column": (is_id, "strings or integers"),
}
