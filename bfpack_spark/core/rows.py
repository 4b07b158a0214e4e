"""From fragments to rows: the order and place of fragments in their sequences, and of rows in
shards."""

from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.shuffle import mix


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Fragments in the order in which they lie in their sequences."""

    order: Int64  # index of the fragment
    position: Int64  # its rank in the sequence
    offset: Int64  # its first token in the sequence


def arrange(sequence: Int64, length: Int64, key: Int64) -> Placement:
    """Order the fragments of every sequence by key: sequences [0, 0], lengths [5, 3], keys [2, 1]
    -> order [1, 0], positions [0, 1], offsets [0, 3]."""
    order = _sorted(sequence, key)
    first = np.flatnonzero(np.diff(sequence[order], prepend=-1))
    run = np.diff(first, append=len(order))
    end = np.cumsum(length[order])
    begin = end - length[order]
    position = np.arange(len(order), dtype=np.int64) - np.repeat(first, run)
    return Placement(order=order, position=position, offset=begin - np.repeat(begin[first], run))


def _sorted(sequence: Int64, key: Int64) -> Int64:
    """Return np.lexsort((key, sequence)) in a third of its time. The sequence and the upper bits of
    the key are combined into one number, which nearly always decides."""
    bits = int(sequence.max(initial=0)).bit_length()
    upper = (key.view(np.uint64) ^ np.uint64(1 << 63)) >> np.uint64(bits)
    both = (sequence.view(np.uint64) << np.uint64(64 - bits)) | upper if bits else upper
    order = np.argsort(both)
    if (np.diff(both[order]) == 0).any():
        return np.lexsort((key, sequence))
    return order


def fragment_key(document_hash: Int64, start: Int64) -> Int64:
    """Return a pseudo-random rank for each fragment, made from the seeded hash of its document's id
    and from its start."""
    return mix(document_hash.view(np.uint64) ^ mix(start.view(np.uint64))).view(np.int64)


def shard_starts(num_sequences: int, num_shards: int) -> Int64:
    """Return the first sequence of each shard, and the end: 7 in 3 -> [0, 3, 5, 7]."""
    shard = np.arange(num_shards + 1, dtype=np.int64)
    return shard * (num_sequences // num_shards) + np.minimum(shard, num_sequences % num_shards)


def default_num_shards(num_sequences: int, seq_len: int) -> int:
    """Return the smallest power of two that is >= 32 and keeps a shard within 2^26 tokens, but
    reduce it until a shard has at least 64 rows. (HF `datasets` shuffles and splits well over
    powers of two from 32 on.)"""
    shards = 32
    while shards * 2**26 < num_sequences * seq_len:
        shards *= 2
    while shards > 1 and num_sequences < 64 * shards:
        shards //= 2
    return shards


def rows_per_row_group(seq_len: int, format_version: int) -> int:
    """Return the rows of a shard's row groups, of all but its last: about 2^17 tokens, and about
    2^20 in the first format. With the smaller ones a row at random is read in a sixth of the time,
    and shards are 1 % larger."""
    if format_version == 1:
        return min(max(2**20 // seq_len, 1), 4096)
    return max(2**17 // seq_len, 1)
