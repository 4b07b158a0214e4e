"""Stage 2, TOKENS.length -> histogram: the number of documents of each length. No token is read.

The histogram gives the number of sequences, the lower bound and what is cut, for any seq_len
(core.accounting), before anything is packed.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf


def measure_lengths(tokens: DataFrame) -> DataFrame:
    """Return `length` (in tokens) and `num_documents`, a row a distinct length, ascending."""
    return (
        tokens.groupBy("length")
        .agg(sf.count(sf.lit(1)).alias("num_documents"))
        .orderBy("length")
        .select(sf.col("length").cast("long"), "num_documents")
    )
