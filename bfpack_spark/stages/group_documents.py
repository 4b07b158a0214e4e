"""Stage 3, (doc_id, length) -> groups: every group gets (almost) the same length histogram.

Documents are thought of in one row, longest first, of one length by a seeded hash of doc_id, and
dealt round robin (core.groups holds the arithmetic): a document's group is its place in that row,
plus the seed, modulo the number of groups. So it depends on the set of (doc_id, length) and the
seed, never on partitions or arrival.

The row is cut into partitions where a length ends; the histogram tells how many documents lie ahead
of each, and sorting a partition gives the rest of the place. The first sort key is a number that
nearly always decides: a window over lengths, which compares whole rows, took four times as long.
With one group there is nothing to sort.
"""

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from bfpack_spark.core.accounting import Histogram

_PARTITION_DOCUMENTS = 1 << 20


def group_documents(tokens: DataFrame, histogram: Histogram, groups: int, seed: int) -> DataFrame:
    """Columns doc_id, length, doc_hash (seeded) and group; partition g of the result is group g.

    histogram: that of the documents, from which follows where in the row each length lies.
    """
    hashed = tokens.select(
        "doc_id",
        sf.col("length").cast("long"),
        sf.xxhash64("doc_id", sf.lit(seed).cast("long")).alias("doc_hash"),
    )
    if groups == 1:
        return hashed.withColumn("group", sf.lit(0)).repartitionById(1, "group")
    stretches = _stretches(histogram)
    table = tokens.sparkSession.createDataFrame(stretches)
    # -length in the upper half, the upper half of the hash in the lower.
    key = sf.shiftleft(-sf.col("length"), 32) + sf.shiftright("doc_hash", 32)
    in_order = (
        hashed.join(sf.broadcast(table), "length", "inner")
        .repartitionById(stretches["stretch"][-1].as_py() + 1, "stretch")
        .withColumn("key", key)
        .sortWithinPartitions("key", "doc_hash", "doc_id")
    )
    place = sf.col("ahead") + _rank_in_partition() + sf.lit(seed)
    grouped = in_order.select(
        "doc_id", "length", "doc_hash", sf.pmod(place, sf.lit(groups)).cast("int").alias("group")
    )
    return grouped.repartitionById(groups, "group")


def _stretches(histogram: Histogram) -> pa.Table:
    """The stretch of the row that each length lies in, and the documents ahead of that stretch; a
    row a distinct length, few, whatever the number of documents."""
    counts = histogram.counts[::-1]
    ahead = np.cumsum(counts) - counts
    first = np.unique(ahead // _PARTITION_DOCUMENTS, return_index=True, return_inverse=True)
    _, begins, stretch = first
    columns = {
        "length": histogram.lengths[::-1],
        "stretch": stretch.astype(np.int32),
        "ahead": ahead[begins][stretch],
    }
    return pa.table(columns)


def _rank_in_partition() -> Column:
    """Of a row, from 0; the upper bits of what Spark calls an id are the partition's number."""
    return sf.monotonically_increasing_id().bitwiseAND(sf.lit((1 << 33) - 1))
