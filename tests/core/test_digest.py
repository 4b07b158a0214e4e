"""The digest against a walk token by token; what it must not see, and what it must."""

import numpy as np
from core.oracle import as_lengths
from hypothesis import assume, given
from hypothesis import strategies as st

from bfpack_spark.core.digest import LONG_RUN, digest_segments, hash_rows, hash_strings, weigh

IDS = st.lists(st.integers(0, 2**31 - 1), min_size=2, max_size=60)


def digests(
    ids: list[int], lengths: list[int], starts: list[int], long_run: int = LONG_RUN
) -> list[int]:
    tokens, sizes = np.array(ids, dtype=np.int32), as_lengths(lengths)
    return digest_segments(tokens, sizes, as_lengths(starts), long_run=long_run).tolist()


def splitmix(value: int) -> int:
    z = (value + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def weight(place: int) -> int:
    return (splitmix(place % 2**20) | 1) * (2 * (place // 2**20) + 1) % 2**64


@given(st.lists(st.tuples(IDS, st.integers(0, 2**20) | st.integers(0, 2**32 - 100)), max_size=5))
def test_digests_equal_a_walk_token_by_token(segments: list[tuple[list[int], int]]) -> None:
    walked = [
        sum(weight(place) * (token + 1) for place, token in enumerate(ids, start)) % 2**64
        for ids, start in segments
    ]
    lengths = [len(ids) for ids, _ in segments]
    flat, starts = [i for ids, _ in segments for i in ids], [s for _, s in segments]
    for long_run in (1, 64):  # weights by slices, where the table reaches, and by look-up
        assert digests(flat, lengths, starts, long_run=long_run) == walked


def test_digests_hold_over_borders_of_chunks_and_weights() -> None:
    """A document of 2.5 M tokens, in one piece and in many."""
    ids = np.random.default_rng(0).integers(0, 2**31, 2_500_000).astype(np.int32)
    whole = digest_segments(ids, as_lengths([len(ids)]), as_lengths([0]))
    starts = as_lengths([0, 1, 2**17 - 1, 2**17, 2**20 - 1, 2**20 + 1, 2**21 + 5])
    pieces = digest_segments(ids, np.diff(starts, append=len(ids)), starts)
    assert pieces.sum(dtype=np.uint64) == whole[0]
    assert len(set(pieces.tolist())) == len(starts)
    ids[[2**20 + 7, 2**21 + 7]] = ids[[2**21 + 7, 2**20 + 7]]
    assert digest_segments(ids, as_lengths([len(ids)]), as_lengths([0])) != whole


@given(IDS, st.data())
def test_a_digest_does_not_depend_on_where_a_document_is_cut(
    ids: list[int], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(ids) - 1))
    pieces = digests(ids, [cut, len(ids) - cut], [0, cut])
    assert [sum(pieces) % 2**64] == digests(ids, [len(ids)], [0])


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


# Ids of documents, rows of tables


@given(st.lists(st.text(max_size=12), max_size=30, unique=True))
def test_strings_that_differ_have_hashes_that_differ(texts: list[str]) -> None:
    raw = [text.encode() for text in texts]
    utf8 = np.frombuffer(b"".join(raw), dtype=np.uint8)
    found = hash_strings(utf8, as_lengths(len(part) for part in raw)).tolist()
    assert len(set(found)) == len(texts)
    for part, digest in zip(raw, found, strict=True):
        alone = hash_strings(np.frombuffer(part, dtype=np.uint8), as_lengths([len(part)]))
        assert alone.tolist() == [digest]


def test_rows_have_hashes_that_know_which_value_is_in_which_column() -> None:
    one, two = as_lengths([1, 3, -1]), as_lengths([2, 4, 0])
    found = hash_rows(one, two).tolist()
    assert len({*found, *hash_rows(two, one).tolist()}) == 6
    assert hash_rows(one[1:2], two[1:2]).tolist() == found[1:2]


def test_two_documents_that_exchange_tokens_change_the_weighed_sum() -> None:
    keys = hash_strings(np.frombuffer(b"ab", dtype=np.uint8), as_lengths([1, 1]))
    lengths, starts = as_lengths([2, 2]), as_lengths([0, 0])
    there = weigh(digest_segments(np.array([5, 6, 5, 7]), lengths, starts), keys)
    assert weigh(digest_segments(np.array([5, 7, 5, 6]), lengths, starts), keys) != there
