"""How many rows of a Parquet row group may be decoded at once.

Footers tell how large the columns are as encoded. That is also their decoded size, except for
dictionaries, which hold a text once even if it is repeated a thousand times. So where the length of
a dictionary's texts matters, the dictionary is read (a page, which the reader decodes anyway).
"""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bfpack_spark.corpus.documents import READING, ReadingSizes
from bfpack_spark.errors import InputError

_INFLATION = 1000  # a column that is stored in so many times fewer bytes does not look like text
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "FLOAT": 4, "DOUBLE": 8}

# Returns the texts of a column's dictionary, given the number of the row group and the path of the
# column, which may lie in lists and structs: "messages.list.element.content".
Dictionary = Callable[[int, str], pa.Array]


def check_inflation(
    metadata: pq.FileMetaData,
    number: int,
    leaves: list[int],
    name: str,
    sizes: ReadingSizes = READING,
) -> None:
    """Raise InputError if the footer says that a column of a row group inflates far more than text
    does. A footer that lies about this costs the memory of one page, of 2 GiB at most."""
    for leaf in leaves:
        column = metadata.row_group(number).column(leaf)
        size, stored = column.total_uncompressed_size, max(column.total_compressed_size, 1)
        if size > sizes.page_bytes and size > _INFLATION * stored:
            raise InputError(
                f"--input: {name}: column {column.path_in_schema} of row group {number} inflates "
                f"from {stored:,} to {size:,} bytes; write it in row groups of less than "
                f"{sizes.page_bytes >> 20} MiB, or remove it"
            )


def rows_at_once(
    metadata: pq.FileMetaData,
    number: int,
    leaves: list[int],
    dictionary: Dictionary,
    sizes: ReadingSizes = READING,
) -> int:
    """Return the number of rows that take about `sizes.batch_bytes` when they are decoded, or at
    most four times as much if all their texts were the longest of a dictionary."""
    group = metadata.row_group(number)
    columns = [group.column(leaf) for leaf in leaves]
    size = sum(
        max(
            column.total_uncompressed_size, _WIDTHS.get(column.physical_type, 0) * column.num_values
        )
        for column in columns
    )
    rows = int(max(1, min(sizes.batch_rows, sizes.batch_bytes * group.num_rows // max(size, 1))))
    for column in columns:
        if column.physical_type != "BYTE_ARRAY" or not column.has_dictionary_page:
            continue
        if min(rows, group.num_rows) * column.total_uncompressed_size > sizes.likely_bytes:
            texts = dictionary(number, column.path_in_schema)
            longest = pc.max(pc.binary_length(texts)).as_py() or 0
            rows = min(rows, max(4 * sizes.batch_bytes // max(longest, 1), 1))
    return rows
