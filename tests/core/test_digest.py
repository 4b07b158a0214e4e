"""The digest against a walk token by token; what it must not see, and what it must."""

import numpy as np
from core.oracle import as_lengths
from hypothesis import assume, given
from hypothesis import strategies as st

from bfpack_spark.core.digest import digest_segments

IDS = st.lists(st.integers(0, 2**31 - 1), min_size=2, max_size=60)


def digests(ids: list[int], lengths: list[int], starts: list[int]) -> list[int]:
    tokens = np.array(ids, dtype=np.int32)
    return digest_segments(tokens, as_lengths(lengths), as_lengths(starts)).tolist()


def splitmix(value: int) -> int:
    z = (value + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@given(st.lists(st.tuples(IDS, st.integers(0, 2**32 - 100)), max_size=5))
def test_digests_equal_a_walk_token_by_token(segments: list[tuple[list[int], int]]) -> None:
    walked = []
    for ids, start in segments:
        digest = 0
        for place, token in enumerate(ids, start):
            digest ^= splitmix(place << 32 | token)
        walked.append(digest)
    lengths = [len(ids) for ids, _ in segments]
    found = digests([i for ids, _ in segments for i in ids], lengths, [s for _, s in segments])
    assert [digest % 2**64 for digest in found] == walked


def test_no_segments_have_no_digests() -> None:
    assert digests([], [], []) == []


@given(IDS, st.data())
def test_two_tokens_swapped_change_the_digest(ids: list[int], data: st.DataObject) -> None:
    one, other = (data.draw(st.integers(0, len(ids) - 1)) for _ in range(2))
    assume(ids[one] != ids[other])
    swapped = list(ids)
    swapped[one], swapped[other] = ids[other], ids[one]
    assert digests(swapped, [len(ids)], [0]) != digests(ids, [len(ids)], [0])


@given(IDS, st.integers(0, 2**31), st.integers(1, 2**31))
def test_a_segment_moved_in_its_document_changes_its_digest(
    ids: list[int], start: int, by: int
) -> None:
    assert digests(ids, [len(ids)], [start]) != digests(ids, [len(ids)], [start + by])


def test_halves_of_a_document_exchanged_change_its_digest() -> None:
    ids = [7, 7, 8, 9]
    there = np.bitwise_xor.reduce(digests(ids, [2, 2], [0, 2]))
    exchanged = np.bitwise_xor.reduce(digests(ids, [2, 2], [2, 0]))
    assert [there] == digests(ids, [4], [0])
    assert exchanged != there


def test_segments_have_the_same_digests_in_any_order_on_disk() -> None:
    first, second, third = [5, 6, 7], [1], [9, 9]
    one = digests([*first, *second, *third], [3, 1, 2], [0, 3, 4])
    other = digests([*third, *first, *second], [2, 3, 1], [4, 0, 3])
    assert other == [one[2], one[0], one[1]]
    assert len(set(one)) == 3


def test_a_token_lost_or_added_at_the_end_changes_the_digest() -> None:
    found = [digests([0] * length, [length], [0])[0] for length in range(1, 50)]
    assert len(set(found)) == 49
