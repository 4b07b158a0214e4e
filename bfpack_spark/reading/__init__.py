"""From shards to batches, for trainers: without Spark, pandas or PyTorch. README.md states what is
guaranteed."""

from bfpack_spark.reading import layouts
from bfpack_spark.reading.packed_sequences import PackedSequences

__all__ = ["PackedSequences", "layouts"]
