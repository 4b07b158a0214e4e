"""What is wrong with a shard as a file: its columns, its key-value metadata, and its row groups, in
which readers look for rows by arithmetic."""

import pyarrow as pa
import pyarrow.parquet as pq

from bfpack_spark.core.rows import rows_per_row_group
from bfpack_spark.schema import SEQUENCES, plain, with_masks
from bfpack_spark.verifying.findings import Violation

_TOLD = {"sequence_id", "num_padding"}


def schema_fault(schema: pa.Schema, *, masks: bool, expected: dict[str, str]) -> Violation | None:
    """Return a violation of invariant 5 unless a shard has the columns of the format, and these
    key-value metadata."""
    if schema.remove_metadata() != plain(with_masks(SEQUENCES, masks=masks)):
        columns = ", ".join(f"{field.name} {field.type}" for field in schema)
        return Violation(invariant=5, problem=f"columns are {columns}")
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    metadata = {key: value for key, value in metadata.items() if key.startswith("bfpack.")}
    if metadata != expected:
        wrong = sorted(k for k in metadata | expected if metadata.get(k) != expected.get(k))
        return Violation(invariant=5, problem=f"key-value metadata differ in {', '.join(wrong)}")
    return None


def groups_fault(footer: pq.FileMetaData, seq_len: int, format_version: int) -> Violation | None:
    """Return a violation of invariant 5 unless all row groups but the last have as many rows as the
    format says, and all have the statistics that tell which rows they hold."""
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    wanted = rows_per_row_group(seq_len, format_version)
    rows = [group.num_rows for group in groups]
    if any(size != wanted for size in rows[:-1]) or max(rows, default=0) > wanted:
        problem = f"row groups of {min(rows)} to {max(rows)} rows; all but the last have {wanted}"
        return Violation(invariant=5, problem=problem)
    for group in groups:
        columns = (group.column(number) for number in range(group.num_columns))
        told = {one.path_in_schema for one in columns if one.statistics is not None}
        if missing := _TOLD - told:
            problem = f"the footer has no statistics of {', '.join(sorted(missing))}"
            return Violation(invariant=5, problem=problem)
    return None
