"""Files of documents -> MESSAGES: the doc_ids that occur more than once.

Workers read the ids, deal them by a hash, and count them; the ids travel in blocks. Spark's groupBy
costs 3 microseconds of CPU a document for the same.
"""

import functools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.tasks import TASKS, TaskSizes
from bfpack_spark.schema import DEALT_IDS, MESSAGES, blocks_of, spark_ddl
from bfpack_spark.spark.blocks import from_blocks, to_blocks
from bfpack_spark.spark.messages import message
from bfpack_spark.spark.partitions import hash_ids, rows_of, to_partitions
from bfpack_spark.tokens.token_places import read_ids

_NAMED = 5  # repeated ids in the message of a part


def find_repeated_ids(
    sources: DataFrame, num_documents: int, tasks: TaskSizes = TASKS
) -> DataFrame:
    """Return a message a part: `repeated`, its first few repeated doc_ids in order, each with its
    count. sources: files_frame of the documents, with those in quarantine."""
    parts = tasks.num_id_parts(num_documents)
    dealt = sources.mapInArrow(
        functools.partial(_deal, num_parts=parts), spark_ddl(blocks_of(DEALT_IDS, "part"))
    )
    met = to_partitions(dealt, parts, "part")
    return met.mapInArrow(count_ids, spark_ddl(MESSAGES))


def _deal(batches: Iterator[pa.RecordBatch], *, num_parts: int) -> Iterator[pa.RecordBatch]:
    for ids in (ids for source in rows_of(batches) for ids in read_ids(source["path"])):
        part = pa.array((hash_ids(ids) % np.uint64(num_parts)).astype(np.int32))
        yield to_blocks(pa.table({"part": part, "doc_id": ids}), DEALT_IDS, "part")


def count_ids(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the message of a part, whose ids come in blocks of DEALT_IDS."""
    ids = from_blocks([batch for batch in batches if len(batch)], DEALT_IDS, ["doc_id"])
    counted = pc.value_counts(_suspects(ids.column("doc_id").chunk(0)))
    more = counted.filter(pc.greater(counted.field("counts"), 1)).to_pylist()
    named = sorted((told["values"], told["counts"]) for told in more)[:_NAMED]
    yield message({"repeated": named})


def _suspects(ids: pa.Array) -> pa.Array:
    """Return the ids whose hash occurs more than once: all ids that are repeated, and hardly any
    other. A hash table of Arrow over all ids takes 240 bytes an id."""
    hashes = hash_ids(ids)
    ordered = np.sort(hashes)
    often = ordered[1:][ordered[1:] == ordered[:-1]]
    return ids.filter(pa.array(np.isin(hashes, often)))
