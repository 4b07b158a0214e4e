"""Stage 3, (doc_id, length) -> groups: every group gets (almost) the same length histogram.

Documents are ranked within each length by a seeded hash of doc_id and dealt round robin
(core.groups holds the arithmetic), so a document's group depends on the set of (doc_id, length)
and the seed, never on partitions or arrival. With one group there is nothing to rank.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sf

from bfpack_spark.core.groups import MODULUS, MULTIPLIER


def group_documents(tokens: DataFrame, groups: int, seed: int) -> DataFrame:
    """Columns doc_id, length, doc_hash (seeded) and group; partition g of the result is group g."""
    hashed = tokens.select(
        "doc_id",
        sf.col("length").cast("long"),
        sf.xxhash64("doc_id", sf.lit(seed).cast("long")).alias("doc_hash"),
    )
    if groups == 1:
        grouped = hashed.withColumn("group", sf.lit(0))
    else:
        by_length = Window.partitionBy("length").orderBy("doc_hash", "doc_id")
        first = sf.pmod(
            sf.pmod(sf.col("length") * sf.lit(MULTIPLIER) + sf.lit(seed), sf.lit(MODULUS)),
            sf.lit(groups),
        )
        dealt = sf.pmod(first + sf.row_number().over(by_length) - 1, sf.lit(groups))
        grouped = hashed.withColumn("group", dealt.cast("int"))
    return grouped.repartitionById(groups, "group")
