"""The inverse of Spark's hash: every number has an int whose hash it is."""

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.spark.hash_keys import hash_key, hash_keys

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


def test_numpy_says_of_every_key_its_number() -> None:
    """And of 0 and 1 what Spark says."""
    keys = hash_keys(np.array(NUMBERS, dtype=np.uint32))
    assert murmur3(keys.tolist()).tolist() == NUMBERS
    assert murmur3([0, 1]).tolist() == [933211791, -559580957]


@pytest.mark.parametrize("ansi", ["true", "false"])
@pytest.mark.parametrize("parts", [1, 2, 1000, 20_000])
def test_the_hash_of_the_key_of_a_number_is_the_number(
    spark: SparkSession, parts: int, ansi: str
) -> None:
    """By Spark's own hash."""
    before = spark.conf.get("spark.sql.ansi.enabled")
    spark.conf.set("spark.sql.ansi.enabled", ansi)
    chosen = sorted({0, parts // 3, parts - 1})
    try:
        numbers = spark.createDataFrame([(number,) for number in chosen], "number int")
        keys = numbers.select("number", hash_key(sf.col("number"), parts).alias("key"))
        rows = keys.select("number", "key", sf.hash("key").alias("hash")).collect()
    finally:
        spark.conf.set("spark.sql.ansi.enabled", before)
    assert [row["number"] for row in rows] == chosen
    assert [row["hash"] for row in rows] == chosen
