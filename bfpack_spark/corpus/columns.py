"""Which columns of Parquet files are read, and in which types."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.types as pt

from bfpack_spark.corpus.documents import Columns, no_column
from bfpack_spark.errors import InputError

_WANTED = {
    "--text-column": "strings",
    "--tokens-column": "list<int> or int32 binary",
    "--labels-column": "list<int> or int32 binary",
    "--loss-mask-column": "list<int>, list<bool> or binary of a byte a token",
    "--messages-column": "a list of structs, or JSON as strings",
    "--tools-column": "a list of structs, or JSON as strings",
    "--prompt-column": "strings",
    "--completion-column": "strings",
}


def check_schema(schema: pa.Schema, columns: Columns, name: str) -> None:
    content, beside = columns.content_option, columns.beside_option
    for (option, readable), column in (
        ((content, _READABLE.get(content, is_text)), columns.content),
        ((beside, _READABLE.get(beside, is_text)), columns.beside),
        (("--id-column", is_id), columns.doc_id),
        (("--bucket-column", is_id), columns.bucket),
    ):
        if column is not None:
            check_column(schema, option, column, readable, name)


def check_column(
    schema: pa.Schema, option: str, column: str, readable: Callable[[pa.DataType], bool], name: str
) -> None:
    if column not in schema.names:
        raise no_column(option, column, name, schema.names)
    if schema.names.count(column) > 1:
        raise InputError(
            f"{option} {column}: {schema.names.count(column)} columns of {name} have this name; "
            "rename all but one"
        )
    kind = schema.field(column).type
    if not readable(kind):
        wanted = _WANTED.get(option, "strings or integers")
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


def is_tokens(kind: pa.DataType) -> bool:
    is_list = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    is_ids = bool(is_list and pt.is_integer(kind.value_type))
    return is_ids or is_binary(kind) or pt.is_null(kind)


def is_mask(kind: pa.DataType) -> bool:
    is_list = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    return bool(is_list and pt.is_boolean(kind.value_type)) or is_tokens(kind)


def is_id(kind: pa.DataType) -> bool:
    is_number = pt.is_integer(values_of(kind)) or (pt.is_decimal(kind) and kind.scale == 0)
    return bool(is_number) or is_string(kind) or is_uuid(kind) or pt.is_null(kind)


def is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.UuidType)


def is_objects(kind: pa.DataType) -> bool:
    is_list = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    of_objects = is_list and (pt.is_struct(kind.value_type) or pt.is_map(kind.value_type))
    return bool(of_objects) or is_text(kind)


_READABLE = {
    "--tokens-column": is_tokens,
    "--labels-column": is_mask,
    "--loss-mask-column": is_mask,
    "--messages-column": is_objects,
    "--tools-column": is_objects,
}
