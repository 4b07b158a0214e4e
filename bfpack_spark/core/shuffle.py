"""Seeded pseudo-random order without sorting: integer hashing and a permutation of 0..n-1."""

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64

UInt64 = npt.NDArray[np.uint64]

_ROUNDS = 4


def mix(values: UInt64) -> UInt64:
    """Apply a bijection on 64 bits whose results look random: the finalizer of SplitMix64 (Steele
    et al., 2014)."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def mixed(value: int) -> int:
    """Return what `mix` makes of one number, modulo 2^64."""
    z = (value + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def permute(positions: Int64, size: int, seed: int) -> Int64:
    """Return where each position of 0..size-1 goes under the permutation that `seed` names.

    A balanced Feistel network works on the smallest even number of bits that holds `size`. It is
    applied again until the value is below `size` (cycle walking; Black and Rogaway, 2002). The
    network has at most 4 times as many values as there are positions, so a position needs fewer
    than 4 passes through it on average.
    """
    half = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
    keys = mix(np.arange(_ROUNDS, dtype=np.uint64) + mix(np.array([seed % 2**64], dtype=np.uint64)))
    out = _feistel(positions.astype(np.uint64), half, keys)
    outside = np.flatnonzero(out >= size)
    while len(outside):
        out[outside] = _feistel(out[outside], half, keys)
        outside = outside[out[outside] >= size]
    return out.astype(np.int64)


def _feistel(values: UInt64, half: int, keys: UInt64) -> UInt64:
    bits, mask = np.uint64(half), np.uint64(2**half - 1)
    left, right = values >> bits, values & mask
    for key in keys:
        left, right = right, left ^ (mix(right ^ key) & mask)
    return (left << bits) | right
