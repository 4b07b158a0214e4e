"""Stage 2, TOKENS.length -> histogram: the documents of each length; no token is read.

From it follow the number of sequences, the lower bound and what is cut, for any seq_len
(core.accounting), before anything is packed.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf


def measure_lengths(tokens: DataFrame) -> DataFrame:
    """Columns `length` (tokens) and `num_documents`, a row a distinct length, ascending."""
    return (
        tokens.groupBy("length")
        .agg(sf.count(sf.lit(1)).alias("num_documents"))
        .orderBy("length")
        .select(sf.col("length").cast("long"), "num_documents")
    )
