"""The inverse of Spark's hash: every number has an int whose hash it is."""

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.spark.hash_keys import hash_key

NUMBERS = [*range(1000), 4095, 9_999, 65_535, 65_536, 2**30, 2**31 - 2, 2**31 - 1]


def murmur3(values: list[int]) -> np.ndarray:
    """MurmurHash3_x86_32 of ints of four bytes with the seed 42, step by step forwards."""
    k = np.array(values, dtype=np.int64).astype(np.uint32)
    k = rotated(k * np.uint32(0xCC9E2D51), 15) * np.uint32(0x1B873593)
    h = rotated(np.uint32(42) ^ k, 13) * np.uint32(5) + np.uint32(0xE6546B64)
    h ^= np.uint32(4)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return (h ^ (h >> np.uint32(16))).view(np.int32)


def rotated(values: np.ndarray, by: int) -> np.ndarray:
    return (values << np.uint32(by)) | (values >> np.uint32(32 - by))


@pytest.mark.parametrize("ansi", ["true", "false"])
def test_the_hash_of_the_key_of_a_number_is_the_number(spark: SparkSession, ansi: str) -> None:
    """By Spark's own hash and by numpy, which says of 0 and 1 what Spark says."""
    before = spark.conf.get("spark.sql.ansi.enabled")
    spark.conf.set("spark.sql.ansi.enabled", ansi)
    try:
        numbers = spark.createDataFrame([(number,) for number in NUMBERS], "number int")
        keys = numbers.select("number", hash_key(sf.col("number")).alias("key"))
        rows = keys.select("number", "key", sf.hash("key").alias("hash")).collect()
    finally:
        spark.conf.set("spark.sql.ansi.enabled", before)
    assert [row["number"] for row in rows] == NUMBERS
    assert [row["hash"] for row in rows] == NUMBERS
    assert murmur3([row["key"] for row in rows]).tolist() == NUMBERS
    assert murmur3([0, 1]).tolist() == [933211791, -559580957]
