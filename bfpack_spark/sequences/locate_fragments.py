"""Stage 5, plan files + token files -> LOCATED: every fragment with the place of its document, in
the partition of the task that will walk the token file. No token is read.

Workers read both kinds of files and deal the rows by a hash of doc_id. Then they join them by
Arrow's hash of the doc_ids themselves. The rows travel in blocks. Spark's own join, which sorts
doc_ids in the JVM, costs 9 microseconds of CPU a fragment; this one costs 2.
"""

import functools
from collections.abc import Iterator
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.tasks import TASKS, TaskSizes
from bfpack_spark.plan.plan_files import read_fragments
from bfpack_spark.schema import LOCATED, SOUGHT, blocks_of, spark_ddl
from bfpack_spark.spark.blocks import from_blocks, has, in_order, to_blocks
from bfpack_spark.spark.partitions import hash_ids, rows_of, to_partitions
from bfpack_spark.tokens.token_places import read_places

_PLACE = ("file", "row", "doc_length")
_FRAGMENT = [name for name in SOUGHT.names if name not in (*_PLACE, "part")]


def locate_fragments(
    sources: DataFrame,
    num_fragments: int,
    num_documents: int,
    num_files: int,
    tasks: TaskSizes = TASKS,
) -> DataFrame:
    """Return blocks of LOCATED; partition k of the result is task k. A task has one of the
    num_files token files, or several that lie side by side.

    sources: files_frame of kinds `plan` and `documents`, which hold so many fragments and
    documents. A fragment whose document is in no token
    file is not in the result.
    """
    parts = tasks.num_joins(num_fragments, num_documents)
    walks = tasks.num_walks(num_files)
    dealt = sources.mapInArrow(
        functools.partial(_deal, num_parts=parts), spark_ddl(blocks_of(SOUGHT, "part"))
    )
    located = to_partitions(dealt, parts, "part").mapInArrow(
        functools.partial(join_blocks, num_files=num_files, num_tasks=walks),
        spark_ddl(blocks_of(LOCATED, "task")),
    )
    return to_partitions(located, walks, "task")


def _deal(batches: Iterator[pa.RecordBatch], *, num_parts: int) -> Iterator[pa.RecordBatch]:
    for kind, path, file in map(itemgetter("kind", "path", "file"), rows_of(batches)):
        for table in read_fragments(path) if kind == "plan" else read_places(path, file):
            hashes = hash_ids(table.column("doc_id").combine_chunks())
            part = pa.array((hashes % np.uint64(num_parts)).astype(np.int32))
            yield to_blocks(table.append_column("part", part), SOUGHT, "part")


def join_blocks(
    batches: Iterator[pa.RecordBatch], *, num_files: int, num_tasks: int
) -> Iterator[pa.RecordBatch]:
    """Yield blocks of LOCATED, one for each task, of the blocks of SOUGHT of a partition."""
    documents, fragments = _received(batches)
    if not len(documents):
        return
    where = _find(documents.column("doc_id").chunk(0), fragments.column("doc_id").chunk(0))
    located = fragments.drop_columns(["doc_id"])
    for name in _PLACE:
        located = located.append_column(name, documents.column(name).take(where))
    located = located.filter(pc.is_valid(where))
    if len(located):
        file = located.column("file").to_numpy().astype(np.int64)
        task = pa.array(file * num_tasks // num_files, pa.int32())
        yield to_blocks(located.append_column("task", task), LOCATED, "task")


def _received(batches: Iterator[pa.RecordBatch]) -> tuple[pa.Table, pa.Table]:
    """Return the documents and the fragments, each in an order that does not depend on how their
    blocks came. The blocks are freed."""
    blocks = [batch for batch in batches if len(batch)]
    stored = in_order([batch.filter(has(batch, "doc_length")) for batch in blocks], ["file", "row"])
    planned = [batch.filter(has(batch, "sequence_id")) for batch in blocks]
    del blocks
    documents = from_blocks(stored, SOUGHT, ["doc_id", *_PLACE])
    del stored
    planned = in_order(planned, ["sequence_id", "position"])
    return documents, from_blocks(planned, SOUGHT, _FRAGMENT)


def _find(stored: pa.Array, sought: pa.Array) -> pa.Array:
    """Return the index in `stored` of each id of `sought`, or null where it is not there. One hash
    table finds them; its copies of the ids are most of the memory that this takes."""
    every = pa.chunked_array([stored, sought]).dictionary_encode()
    stored_codes, codes = (chunk.indices.to_numpy() for chunk in every.chunks)
    assert (stored_codes == np.arange(len(stored_codes))).all(), (
        "a document occurs twice in the store"
    )
    return pa.array(codes, mask=codes >= len(stored_codes))
