"""Numbers whose hash in Spark is known: the inverse of Spark's `hash` of an int.

Before version 4.1, Spark can send a row only to the partition pmod(hash(column), n). hash is
Murmur3 with the seed 42, each step of which can be undone. So for each k there is an int whose hash
is k itself, whatever n is: the key of 0 is -1693959553, and hash(-1693959553) = 0.

Source: MurmurHash3_x86_32 of Austin Appleby, as org.apache.spark.unsafe.hash.Murmur3_x86_32.hashInt
has it.
"""

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column
from pyspark.sql import functions as sf

Words = npt.NDArray[np.uint32]
_SEED = 42
_BYTES = 4  # of an int


def hash_key(number: Column, parts: int) -> Column:
    """Return the int whose hash is this number, which is from 0 to parts - 1.

    Spark looks it up in a constant. As an expression, the steps of hash_keys would lie 30 deep, and
    Spark Connect 4.0 analyzes no more than two such columns of a plan.
    """
    keys = ",".join(map(str, hash_keys(np.arange(parts, dtype=np.uint32)).tolist()))
    return sf.split(sf.lit(keys), ",")[number].cast("int")


def hash_keys(numbers: Words) -> npt.NDArray[np.int32]:
    """Return the ints whose hashes are these numbers: the steps of hashInt, undone from the last to
    the first, on 32 bits."""
    value = numbers.copy()
    value ^= value >> 16
    value *= _inverse(0xC2B2AE35)
    value ^= (value >> 13) ^ (value >> 26)
    value *= _inverse(0x85EBCA6B)
    value ^= value >> 16
    value ^= _BYTES
    value -= np.uint32(0xE6546B64)
    value *= _inverse(5)
    value = _rotated(value, 32 - 13) ^ np.uint32(_SEED)
    value *= _inverse(0x1B873593)
    value = _rotated(value, 32 - 15) * _inverse(0xCC9E2D51)
    return value.view(np.int32)


def _rotated(value: Words, by: int) -> Words:
    """Return 32 bits rotated to the left."""
    return (value << np.uint32(by)) | (value >> np.uint32(32 - by))


def _inverse(factor: int) -> np.uint32:
    """Return the number that undoes a multiplication by an odd factor, modulo 2^32."""
    return np.uint32(pow(factor, -1, 1 << 32))
