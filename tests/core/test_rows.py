"""Rows by a plain walk, and shards by the words of the rule."""

import numpy as np
import pytest
from core.oracle import as_lengths
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.rows import (
    arrange,
    default_num_shards,
    fragment_key,
    rows_per_row_group,
    shard_starts,
)

FRAGMENT = st.tuples(
    st.integers(0, 5), st.integers(1, 9), st.integers(-(2**63), 2**63 - 1)
)  # sequence, length, key


@given(st.lists(FRAGMENT, max_size=60))
def test_arrange_equals_a_walk_through_the_sorted_fragments(
    fragments: list[tuple[int, int, int]],
) -> None:
    order = sorted(range(len(fragments)), key=lambda n: (fragments[n][0], fragments[n][2]))
    before: dict[int, list[int]] = {}
    positions, offsets = [], []
    for number in order:
        sequence, length, _ = fragments[number]
        lain = before.setdefault(sequence, [])
        positions.append(len(lain))
        offsets.append(sum(lain))
        lain.append(length)
    columns = list(zip(*fragments, strict=True)) or [(), (), ()]
    placed = arrange(*(as_lengths(column) for column in columns))
    assert placed.order.tolist() == order
    assert placed.position.tolist() == positions
    assert placed.offset.tolist() == offsets


def test_fragment_keys_differ_where_hashes_differ_as_starts_do() -> None:
    steps = np.arange(64, dtype=np.int64) * 2048
    keys = fragment_key(np.repeat(steps, 64), np.tile(steps, 64))
    assert len(np.unique(keys)) == 64 * 64


def test_fragment_keys_are_as_often_below_zero_as_above() -> None:
    keys = fragment_key(np.arange(10_000), np.zeros(10_000, dtype=np.int64))
    assert 4800 < int((keys < 0).sum()) < 5200


def test_the_first_shards_take_the_rows_that_are_left_over() -> None:
    assert shard_starts(7, 3).tolist() == [0, 3, 5, 7]
    assert shard_starts(8, 4).tolist() == [0, 2, 4, 6, 8]
    assert shard_starts(2, 4).tolist() == [0, 1, 2, 2, 2]
    assert shard_starts(10**12 + 1, 2).tolist() == [0, 5 * 10**11 + 1, 10**12 + 1]


def shards_by_the_rule(sequences: int, seq_len: int) -> int:
    """The smallest power of two >= max(32, tokens / 2^26), with at least 64 rows a shard."""
    powers = [2**n for n in range(40)]
    wanted = min(p for p in powers if p >= 32 and p * 2**26 >= sequences * seq_len)
    return max(p for p in powers if p <= wanted and (p == 1 or sequences // p >= 64))


@pytest.mark.parametrize("seq_len", [1, 2048, 8192, 1_000_003, 2**20])
def test_the_default_number_of_shards_is_that_of_the_rule(seq_len: int) -> None:
    edges = [2**n for n in range(32)] + [2**26 * 2**n // seq_len for n in range(20)]
    around = sorted({max(0, edge + by) for edge in edges for by in (-1, 0, 1)})
    found = [default_num_shards(sequences, seq_len) for sequences in around]
    assert found == [shards_by_the_rule(sequences, seq_len) for sequences in around]
    assert len(set(found)) > 6


@given(st.integers(1, 10_000), st.integers(1, 200))
def test_shards_hold_all_rows_and_differ_by_one_at_most(rows: int, shards: int) -> None:
    starts = shard_starts(rows, shards)
    sizes = np.diff(starts)
    assert (starts[0], starts[-1], len(sizes)) == (0, rows, shards)
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(
    ("seq_len", "now", "first"),
    [(1, 2**17, 4096), (2048, 64, 512), (3000, 43, 349), (2**17, 1, 8), (10**6, 1, 1)],
)
def test_a_row_group_has_a_number_of_rows_that_its_format_tells(
    seq_len: int, now: int, first: int
) -> None:
    assert rows_per_row_group(seq_len, 2) == now
    assert rows_per_row_group(seq_len, 1) == first
