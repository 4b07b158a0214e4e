"""Stage 3, (doc_id, length) -> groups: every group gets (almost) the same length histogram.

Documents are ranked within each length by a seeded hash of doc_id and dealt round robin
(core.groups holds the arithmetic), so a document's group depends on the set of (doc_id, length)
and the seed, never on partitions or arrival. With one group there is nothing to rank.
"""

import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sf

from bfpack_spark.core.accounting import Histogram
from bfpack_spark.core.groups import first_group


def group_documents(tokens: DataFrame, histogram: Histogram, groups: int, seed: int) -> DataFrame:
    """Columns doc_id, length, doc_hash (seeded) and group; partition g of the result is group g.

    histogram: that of the documents, from which follows where the deal of each length begins.
    """
    hashed = tokens.select(
        "doc_id",
        sf.col("length").cast("long"),
        sf.xxhash64("doc_id", sf.lit(seed).cast("long")).alias("doc_hash"),
    )
    if groups == 1:
        return hashed.withColumn("group", sf.lit(0)).repartitionById(1, "group")
    by_length = Window.partitionBy("length").orderBy("doc_hash", "doc_id")
    ranked = hashed.withColumn("rank", sf.row_number().over(by_length) - 1)
    first = sf.broadcast(_first_groups(tokens, histogram, groups, seed))
    dealt = sf.pmod(sf.col("first") + sf.col("rank"), sf.lit(groups)).cast("int")
    grouped = ranked.join(first, "length", "inner").select(
        "doc_id", "length", "doc_hash", dealt.alias("group")
    )
    return grouped.repartitionById(groups, "group")


def _first_groups(tokens: DataFrame, histogram: Histogram, groups: int, seed: int) -> DataFrame:
    """A row a distinct length: few, whatever the number of documents."""
    start = first_group(histogram.counts, groups, seed)
    table = pa.table({"length": histogram.lengths, "first": start})
    return tokens.sparkSession.createDataFrame(table)
