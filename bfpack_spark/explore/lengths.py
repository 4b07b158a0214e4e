"""The documents of a token store by length, counted by Spark or in this process alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from bfpack_spark.core.histogram import Histogram
from bfpack_spark.errors import InputError
from bfpack_spark.tokens.measure_lengths import measure_lengths
from bfpack_spark.tokens.token_files import read_lengths
from bfpack_spark.tokens.token_store import TokenStore, open_token_store
from bfpack_spark.versions import publication
from bfpack_spark.versions.on_disk import buckets_of
from bfpack_spark.versions.publication import Place

_THREADS = 16  # a small read from an object store is mostly waiting


def length_histogram(spark: SparkSession, store: TokenStore) -> Histogram:
    """Return the documents of a token store by length in tokens, ascending. Spark sends about one
    row for each distinct length."""
    rows = measure_lengths(store.lengths(spark)).toArrow()
    return Histogram(
        values=rows.column("length").to_numpy().astype("int64"),
        counts=rows.column("num_documents").to_numpy().astype("int64"),
    )


def read_histogram(output: str, bucket: str, version: str | None = None) -> Histogram:
    """Return the same histogram for a bucket, read without Spark. The tokens are not read. Raise
    InputError if there is no token store."""
    store = open_token_store(output, bucket, version)
    with ThreadPoolExecutor(_THREADS) as pool:
        return Histogram.merged(pool.map(_count_file, store.paths))


def buckets_in(output: str) -> list[str]:
    """Return the buckets with a published token store. Raise InputError if there is none."""
    places = [Place(output=output, bucket=name) for name in buckets_of(output)]
    names = [place.bucket for place in places if publication.current_manifest(place) is not None]
    if not names:
        raise InputError(f"--output {output}: no bucket with tokens in it; run bfpack pack first")
    return sorted(names)


def _count_file(path: str) -> Histogram:
    by_length = pc.value_counts(read_lengths(path))
    lengths = by_length.field("values").to_numpy().astype(np.int64)
    order = np.argsort(lengths)
    counts = by_length.field("counts").to_numpy().astype(np.int64)
    return Histogram(values=lengths[order], counts=counts[order])
