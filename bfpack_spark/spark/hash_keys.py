"""Numbers whose hash in Spark is known: the inverse of Spark's `hash` of an int.

Before version 4.1, Spark can send a row only to the partition pmod(hash(column), n). hash is
Murmur3 with the seed 42, each step of which can be undone. So for each k there is an int whose hash
is k itself, whatever n is: hash_key(0) = -1693959553, and hash(-1693959553) = 0.

Source: MurmurHash3_x86_32 of Austin Appleby, as org.apache.spark.unsafe.hash.Murmur3_x86_32.hashInt
has it.
"""

from collections.abc import Callable

from pyspark.sql import Column
from pyspark.sql import functions as sf

_BITS = 0xFFFFFFFF
_SIGN = 0x80000000
_SEED = 42


def hash_key(number: Column) -> Column:
    """Return the int whose hash is this number, which is >= 0 and less than 2^31.

    The steps are those of hashInt, undone from the last to the first. They are done on 32 bits in a
    long, where no step overflows, since with ANSI mode an overflow is an error.
    """
    value = number.cast("long")
    value = _let(value, lambda x: _xor(x, sf.shiftright(x, 16)))
    value = _times(value, _inverse(0xC2B2AE35))
    value = _let(value, lambda x: _xor(x, _xor(sf.shiftright(x, 13), sf.shiftright(x, 26))))
    value = _times(value, _inverse(0x85EBCA6B))
    value = _let(value, lambda x: _xor(x, sf.shiftright(x, 16)))
    value = _xor(value, sf.lit(4))  # bytes of an int
    value = (value + (_BITS + 1 - 0xE6546B64)).bitwiseAND(_BITS)
    value = _times(value, _inverse(5))
    value = _xor(_rotated(value, 32 - 13), sf.lit(_SEED))
    value = _times(value, _inverse(0x1B873593))
    value = _times(_rotated(value, 32 - 15), _inverse(0xCC9E2D51))
    return (_xor(value, sf.lit(_SIGN)) - _SIGN).cast("int")


def _let(value: Column, body: Callable[[Column], Column]) -> Column:
    """Return body(value), with one evaluation of the value however often the body has it."""
    return sf.transform(sf.array(value), body)[0]


def _xor(one: Column, other: Column) -> Column:
    return one.bitwiseXOR(other)


def _times(value: Column, factor: int) -> Column:
    """Return the lower 32 bits of the product, by two products of less than 2^48."""
    low, high = factor & 0xFFFF, factor >> 16
    return _let(
        value,
        lambda x: (x * low + sf.shiftleft((x * high).bitwiseAND(0xFFFF), 16)).bitwiseAND(_BITS),
    )


def _rotated(value: Column, by: int) -> Column:
    """Return 32 bits rotated to the left."""
    return _let(
        value,
        lambda x: sf.shiftleft(x, by).bitwiseAND(_BITS).bitwiseOR(sf.shiftright(x, 32 - by)),
    )


def _inverse(factor: int) -> int:
    """Return the number that undoes a multiplication by an odd factor, modulo 2^32."""
    return pow(factor, -1, 1 << 32)
