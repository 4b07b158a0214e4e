"""Fragments, groups, shuffle, rows, digests and accounts: small functions, small oracles."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from core.anchors import load
from core.oracle import as_lengths
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.accounting import Histogram, Rules, account, sequences_per_group
from bfpack_spark.core.digest import digest_segments
from bfpack_spark.core.fragments import count_fragments, cut_documents, cut_stream, kept_lengths
from bfpack_spark.core.groups import first_group, group_counts, num_groups
from bfpack_spark.core.rows import arrange, default_num_shards, fragment_key, shard_starts
from bfpack_spark.core.shuffle import permute

POLICIES = ("split", "truncate", "drop")
LENGTHS = st.lists(st.integers(1, 300), max_size=50)
SEQ_LEN = st.integers(1, 100)


def histogram_of(lengths: list[int]) -> Histogram:
    values, counts = np.unique(as_lengths(lengths), return_counts=True)
    return Histogram(lengths=values, counts=counts.astype(np.int64))


def rules(seq_len: int, policy: Any = "split", **rest: Any) -> Rules:
    given = {"packing": "best_fit", "group_documents_max": 10**6, "seed": 0, **rest}
    return Rules(seq_len=seq_len, long_documents=policy, **given)


@given(LENGTHS, SEQ_LEN, st.sampled_from(POLICIES))
def test_fragments_tile_what_is_kept_and_only_long_documents_are_cut(
    lengths: list[int], seq_len: int, policy: Any
) -> None:
    kept = kept_lengths(as_lengths(lengths), seq_len, policy)
    cut = cut_documents(kept, seq_len)
    pieces: dict[int, list[tuple[int, int]]] = {}
    for document, start, length in zip(cut.document, cut.start, cut.length, strict=True):
        pieces.setdefault(int(document), []).append((int(start), int(length)))
    for document, length in enumerate(lengths):
        expected = {"split": length, "truncate": min(length, seq_len), "drop": length}[policy]
        if policy == "drop" and length > seq_len:
            assert document not in pieces
            continue
        own = pieces[document]
        assert [start for start, _ in own] == list(range(0, expected, seq_len))
        assert sum(size for _, size in own) == expected
        assert length > seq_len or own == [(0, length)]


@given(LENGTHS, SEQ_LEN, st.sampled_from(POLICIES))
def test_counting_fragments_equals_cutting_documents(
    lengths: list[int], seq_len: int, policy: Any
) -> None:
    kept = kept_lengths(as_lengths(lengths), seq_len, policy)
    expected = Counter(cut_documents(kept, seq_len).length.tolist())
    found = histogram_of(lengths)
    counted = count_fragments(found.lengths, found.counts, seq_len, policy)
    assert {n: int(counted[n]) for n in np.flatnonzero(counted)} == dict(expected)


@given(LENGTHS, SEQ_LEN)
def test_the_stream_is_cut_where_a_token_by_token_walk_cuts_it(
    lengths: list[int], seq_len: int
) -> None:
    walked: dict[tuple[int, int], list[int]] = {}
    place = 0
    for document, length in enumerate(lengths):
        for token in range(length):
            walked.setdefault((place // seq_len, document), []).append(token)
            place += 1
    cut, sequence = cut_stream(as_lengths(lengths), seq_len)
    found = {
        (int(s), int(d)): list(range(int(start), int(start + length)))
        for s, d, start, length in zip(sequence, cut.document, cut.start, cut.length, strict=True)
    }
    assert found == walked


@pytest.mark.parametrize("case", load("small_cases.json")["cases"], ids=lambda c: c["name"])
def test_concatenation_cuts_the_small_cases_as_known(case: dict[str, Any]) -> None:
    lengths = as_lengths(length for length in case["lengths"] if length)
    cut, sequence = cut_stream(lengths, case["seq_len"])
    expected = case["expected"]["concat"]
    assert len(np.unique(sequence)) == expected["num_sequences"]
    assert len(cut.document) - len(lengths) == expected["num_cuts"]
    pieces = np.bincount(cut.document, minlength=len(lengths))
    assert int((pieces > 1).sum()) == expected["num_cut_documents"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", load("small_cases.json")["cases"], ids=lambda c: c["name"])
def test_the_accounts_of_the_small_cases_are_as_known(case: dict[str, Any], policy: Any) -> None:
    lengths = [length for length in case["lengths"] if length]
    found = account(histogram_of(lengths), rules(case["seq_len"], policy))
    expected = case["expected"][policy]
    assert found.num_documents == case["num_documents"] - case["num_empty_documents"]
    assert found.num_tokens == sum(lengths)
    assert found.num_sequences == expected["num_sequences"]
    assert found.num_padding == expected["num_padding"]
    assert found.lower_bound == expected["lower_bound"]
    assert found.num_tokens_packed == expected["num_tokens"]
    if policy == "split":
        assert found.num_documents_cut == expected["num_cut_documents"]
    elif policy == "truncate":
        assert found.num_documents_truncated == expected["num_truncated_documents"]
        assert found.num_tokens_truncated == expected["num_truncated_tokens"]
    else:
        assert found.num_documents_dropped == expected["num_dropped_documents"]
        assert found.num_tokens_dropped == expected["num_dropped_tokens"]
    whole = found.num_tokens_packed + found.num_tokens_truncated + found.num_tokens_dropped
    assert whole == found.num_tokens
    assert found.num_documents_packed + found.num_documents_dropped == found.num_documents


def test_cut_by_concatenation_is_the_expectation_over_random_starts() -> None:
    lengths, seq_len = [1, 5, 8, 9, 30], 8
    starts = range(seq_len)
    cut = sum((start + n - 1) // seq_len > 0 for n in lengths for start in starts) / seq_len
    found = account(histogram_of(lengths), rules(seq_len))
    assert found.num_documents_cut_by_concat == pytest.approx(cut)


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=200),
    st.integers(1, 9),
    st.integers(0, 2**31 - 1),
)
def test_groups_have_almost_the_same_histogram(lengths: list[int], groups: int, seed: int) -> None:
    found = histogram_of(lengths)
    dealt = np.array(group_counts(found.counts, groups, seed))
    assert (dealt.sum(axis=0) == found.counts).all()
    assert (dealt.max(axis=0) - dealt.min(axis=0) <= 1).all()
    assert np.ptp(dealt.sum(axis=1)) <= 1
    first = first_group(found.counts, groups, seed)
    assert (dealt[first, np.arange(len(first))] == dealt.max(axis=0)).all()


def test_as_many_groups_as_documents_need() -> None:
    assert [num_groups(n, 10) for n in (0, 1, 10, 11, 100)] == [1, 1, 1, 2, 10]


def test_sequences_of_groups_are_packed_apart() -> None:
    found = histogram_of([4, 4, 4, 4])
    assert sequences_per_group(found, rules(8)).tolist() == [2]
    assert sequences_per_group(found, rules(8, group_documents_max=1)).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 16, 17, 255, 257, 1000, 65_537])
def test_permute_is_a_permutation(size: int) -> None:
    assert sorted(permute(np.arange(size), size, 3).tolist()) == list(range(size))


def test_permute_depends_on_the_seed_and_not_on_which_positions_are_asked() -> None:
    whole = permute(np.arange(1000), 1000, 1)
    assert (permute(np.arange(1000), 1000, 2) != whole).mean() > 0.99
    assert permute(np.array([700, 3]), 1000, 1).tolist() == [whole[700], whole[3]]


def test_permute_scatters_neighbours() -> None:
    size = 100_000
    places = permute(np.arange(size), size, 0)
    assert abs(np.corrcoef(np.arange(size), places)[0, 1]) < 0.02
    assert abs(np.abs(np.diff(places)).mean() / size - 1 / 3) < 0.01


@given(
    st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=300),
    st.lists(st.integers(1, 299), max_size=5),
    st.integers(0, 2**31),
)
def test_a_digest_does_not_depend_on_where_a_document_is_cut(
    ids: list[int], cuts: list[int], start: int
) -> None:
    tokens = np.array(ids, dtype=np.int32)
    whole = digest_segments(tokens, as_lengths([len(ids)]), as_lengths([start]))
    edges = as_lengths(sorted({0, len(ids), *(cut for cut in cuts if cut < len(ids))}))
    pieces = digest_segments(tokens, np.diff(edges), start + edges[:-1])
    assert np.bitwise_xor.reduce(pieces) == whole[0]


def test_digests_hold_over_the_borders_of_chunks() -> None:
    tokens = np.random.default_rng(0).integers(0, 50_000, 300_000).astype(np.int32)
    lengths = as_lengths([1, 65_535, 65_536, 100_000, 68_928])
    together = digest_segments(tokens, lengths, as_lengths([0, 7, 0, 0, 9]))
    begins = np.cumsum(lengths) - lengths
    for number, start in enumerate([0, 7, 0, 0, 9]):
        own = tokens[begins[number] : begins[number] + lengths[number]]
        alone = digest_segments(own, lengths[number : number + 1], as_lengths([start]))
        assert alone[0] == together[number]


def test_a_digest_notices_swapped_changed_and_moved_tokens() -> None:
    ids = np.arange(1, 101, dtype=np.int32)
    swapped, changed = ids.copy(), ids.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    changed[50] += 1
    found = {
        int(digest_segments(tokens, as_lengths([100]), as_lengths([start]))[0])
        for tokens, start in ((ids, 0), (swapped, 0), (changed, 0), (ids, 1))
    }
    assert len(found) == 4


def test_arrange_orders_by_key_and_counts_offsets_within_each_sequence() -> None:
    placed = arrange(
        as_lengths([7, 3, 7, 3, 7]), as_lengths([1, 2, 3, 4, 5]), as_lengths([9, 8, 1, 2, 4])
    )
    assert placed.order.tolist() == [3, 1, 2, 4, 0]
    assert placed.position.tolist() == [0, 1, 0, 1, 2]
    assert placed.offset.tolist() == [0, 4, 0, 3, 8]


def test_fragment_keys_differ_by_document_and_by_start() -> None:
    keys = fragment_key(np.repeat(np.arange(100), 50), np.tile(np.arange(50) * 2048, 100))
    assert len(np.unique(keys)) == 5000


@given(st.integers(1, 10_000), st.integers(1, 200))
def test_shards_hold_all_rows_and_differ_by_one_at_most(rows: int, shards: int) -> None:
    starts = shard_starts(rows, shards)
    sizes = np.diff(starts)
    assert (starts[0], starts[-1], len(sizes)) == (0, rows, shards)
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(
    ("sequences", "seq_len", "expected"),
    [
        (1, 2048, 1),
        (127, 2048, 1),
        (128, 2048, 2),
        (2047, 2048, 16),
        (2048, 2048, 32),
        (2**20, 2048, 32),
        (2**20 + 1, 2048, 64),
        (2**14, 2**20, 256),
        (200, 2**20, 2),
    ],
)
def test_the_default_number_of_shards(sequences: int, seq_len: int, expected: int) -> None:
    assert default_num_shards(sequences, seq_len) == expected
