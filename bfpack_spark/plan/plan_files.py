"""The files of the plan: one for each partition of PLAN, in plan/ beside the shards."""

from collections.abc import Iterator

import pyarrow as pa
from pyspark import TaskContext

from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.files.stored_parquet import open_own_parquet
from bfpack_spark.schema import PLAN, plain
from bfpack_spark.spark.messages import message

_ROW_GROUP_ROWS = 1 << 18


def write_plan(batches: Iterator[pa.RecordBatch], *, root: str) -> Iterator[pa.RecordBatch]:
    """Write the rows of one partition and yield one message with the entry of the file. A partition
    without rows writes no file and yields no message."""
    output: ParquetOutput | None = None
    num_tokens = 0
    for batch in _larger(batches):
        if output is None:
            partition = TaskContext.get().partitionId()  # type: ignore[union-attr]
            output = ParquetOutput(root, f"plan/part-{partition:05d}.parquet", PLAN)
        num_tokens += int(batch.column("length").to_numpy().sum(dtype="int64"))
        output.write(batch)
    if output is not None:
        yield message({"files": [output.close("plan", num_tokens, None)]})


def _larger(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    pending: list[pa.RecordBatch] = []
    for batch in batches:
        pending.append(batch)
        if sum(len(part) for part in pending) >= _ROW_GROUP_ROWS:
            yield pa.Table.from_batches(pending)
            pending = []
    if any(len(part) for part in pending):
        yield pa.Table.from_batches(pending)


def read_plan_file(path: str) -> Iterator[pa.Table]:
    """Yield the row groups of a plan file. The checksums of its pages are checked."""
    with open_own_parquet(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, use_threads=False).cast(plain(PLAN))


def read_fragments(path: str) -> Iterator[pa.Table]:
    """Yield the rows of a plan file, without the column `group`."""
    return (table.drop_columns(["group"]) for table in read_plan_file(path) if len(table))
