"""Statistics from lengths against explicit packings, and against what packing really gave."""

import itertools
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core.oracle import as_lengths, histogram_of, pieces_of, rules
from hypothesis import given
from hypothesis import strategies as st
from outputs import current, manifest, shard_rows
from pyspark.sql import SparkSession

from bfpack_spark import explore
from bfpack_spark.core.accounting import counts_of
from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.groups import group_counts
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.errors import InputError

DOCUMENTS = st.lists(st.integers(1, 100), min_size=1, max_size=60)
POLICIES = ("split", "truncate", "drop")


def pairs(pieces: list[int]) -> float:
    return sum(n * (n + 1) / 2 for n in pieces)


def packed_rows(documents: Histogram, policy: str, seq_len: int, groups: int) -> list[list[int]]:
    """The fragments of every sequence of every group, packed one by one."""
    rows: list[list[int]] = []
    for own in group_counts(documents.counts, groups, 5):
        lengths = np.repeat(documents.values, own).tolist()
        pieces = pieces_of(lengths, seq_len, policy)
        bin_of, num_bins = pack(as_lengths(pieces), seq_len)
        rows += [
            [p for p, b in zip(pieces, bin_of, strict=True) if b == n] for n in range(num_bins)
        ]
    return rows


def counted(found: explore.Histogram | None) -> dict[int, int]:
    assert found is not None
    return dict(zip(found.values.tolist(), found.counts.tolist(), strict=True))


@given(DOCUMENTS, st.integers(1, 50), st.sampled_from(POLICIES), st.integers(1, 30))
def test_best_fit_is_what_an_explicit_packing_comes_to(
    lengths: list[int], seq_len: int, policy: Any, group_max: int
) -> None:
    documents = histogram_of(lengths)
    chosen = rules(seq_len, long_documents=policy, group_documents_max=group_max, seed=5)
    at = explore.corpus_stats(documents, (seq_len,), chosen).at[0]
    rows = packed_rows(documents, policy, seq_len, max(1, math.ceil(len(lengths) / group_max)))
    padding = [seq_len - sum(row) for row in rows]
    assert at.plan.accounting.num_sequences == len(rows)
    assert counted(at.fragments) == Counter(map(len, rows))
    assert counted(at.padding) == Counter(padding)
    assert at.plan.num_fragments == sum(map(len, rows))
    assert at.plan.attention_pairs == sum(map(pairs, rows))
    each = [len(pieces_of([length], seq_len, policy)) for length in lengths]
    truncated = sum(length > seq_len for length in lengths) if policy == "truncate" else 0
    assert at.plan.num_truncations == sum(max(n - 1, 0) for n in each) + truncated
    assert at.plan.num_documents_cut == sum(n > 1 for n in each) + truncated
    assert sum(own.num_documents for own in at.by_length) == len(lengths)
    assert sum(own.num_truncations for own in at.by_length) == at.plan.num_truncations


@given(DOCUMENTS, st.integers(1, 30))
def test_the_baseline_is_the_mean_over_every_start_of_the_stream(
    lengths: list[int], seq_len: int
) -> None:
    cut = cuts = pair = 0.0
    for start in range(seq_len):
        at = start
        for length in lengths:
            own = list(Counter((at + token) // seq_len for token in range(length)).values())
            cut, cuts = cut + (len(own) > 1), cuts + len(own) - 1
            pair, at = pair + pairs(own), at + length
    found = explore.corpus_stats(histogram_of(lengths), (seq_len,)).at[0].concat
    assert found.num_documents_cut == pytest.approx(cut / seq_len)
    assert found.num_documents_cut == pytest.approx(found.accounting.num_documents_cut_by_concat)
    assert found.num_truncations == pytest.approx(cuts / seq_len)
    assert found.num_fragments == pytest.approx(len(lengths) + cuts / seq_len)
    assert found.attention_pairs == pytest.approx(pair / seq_len)
    assert found.num_begun_inside == pytest.approx(cuts / seq_len), "a cut ends a sequence"


def test_a_concatenation_by_rules_truncates_and_drops() -> None:
    documents = histogram_of([3, 9, 20])
    (truncated,) = explore.corpus_stats(
        documents, (8,), rules(8, packing="concat", long_documents="truncate")
    ).at
    assert truncated.fragments is truncated.padding is None
    assert truncated.plan.num_documents_cut == 2 + 2 / 8
    assert truncated.plan.num_truncations == 2 + (2 + 7 + 7) / 8
    assert truncated.concat.num_documents_cut == 2 + 2 / 8
    (dropped,) = explore.corpus_stats(
        documents, (8,), rules(8, packing="concat", long_documents="drop")
    ).at
    assert (dropped.plan.num_documents_cut, dropped.plan.num_fragments) == (2 / 8, 1 + 2 / 8)


def test_classes_of_length_are_bounded_by_powers_of_two() -> None:
    documents = histogram_of([1, 2, 3, 4, 5, 8, 9, 100])
    (at,) = explore.corpus_stats(documents, (8,)).at
    bounds = [(own.above, own.up_to, own.num_documents) for own in at.by_length]
    assert bounds == [(0, 1, 1), (1, 2, 1), (2, 4, 2), (4, 8, 2), (8, 16, 1), (64, 128, 1)]
    assert [own.truncations for own in at.by_length] == [0, 0, 0, 0, 1, 12]
    assert at.by_length[3].truncations_by_concat == (4 / 8 + 7 / 8) / 2


def test_a_seq_len_that_is_no_power_of_two_bounds_a_class_too() -> None:
    """Else documents that fit would share one with such as are cut."""
    documents = histogram_of([5, 6, 7, 8])
    for at in explore.corpus_stats(documents, (6, 3)).at:
        bounds = [(own.above, own.up_to, own.num_documents) for own in at.by_length]
        assert bounds == [(4, 6, 2), (6, 8, 2)]
    (six,) = explore.corpus_stats(documents, (6,)).at
    assert [own.truncations for own in six.by_length] == [0, 1]


def test_quantiles_are_lengths_that_enough_documents_do_not_exceed() -> None:
    found = explore.corpus_stats(histogram_of(range(1, 1001)), (8,)).quantiles
    assert {q: found[q] for q in (0.0, 0.01, 0.5, 0.999, 1.0)} == {
        0.0: 1,
        0.01: 10,
        0.5: 500,
        0.999: 999,
        1.0: 1000,
    }
    assert explore.corpus_stats(histogram_of([]), (8,)).quantiles == {}


def test_no_document_at_all_is_all_zeros() -> None:
    (at,) = explore.corpus_stats(histogram_of([]), (8,)).at
    shares = (at.plan.padding_share, at.plan.attention_share, at.plan.cut_share, at.plan.fragments)
    assert shares == (0, 0, 0, 0)
    assert at.by_length == ()


@given(st.lists(DOCUMENTS, min_size=2, max_size=4), st.sampled_from(POLICIES))
def test_several_buckets_together_are_their_sum(parts: list[list[int]], policy: Any) -> None:
    chosen = rules(1, long_documents=policy)
    each = [explore.corpus_stats(histogram_of(own), (8, 16), chosen, "b") for own in parts]
    total = explore.with_total(each)[-1]
    every = explore.corpus_stats(histogram_of(itertools.chain(*parts)), (8, 16), chosen)
    assert total.bucket is None
    assert total.quantiles == every.quantiles
    for number, at in enumerate(total.at):
        own = [stats.at[number] for stats in each]
        made = at.plan.accounting
        assert made.num_sequences == sum(s.plan.accounting.num_sequences for s in own)
        assert made.seq_len == at.seq_len == (8, 16)[number]
        assert counted(at.fragments) == sum((Counter(counted(s.fragments)) for s in own), Counter())
        assert at.plan.truncations == pytest.approx(every.at[number].plan.truncations)
        assert at.by_length == pytest.approx(every.at[number].by_length)
        assert at.policies == every.at[number].policies


# Against what packing gave


def test_the_statistics_are_those_of_the_shards(packed: Path) -> None:
    (stats,) = explore.output_stats(packed, ("small",), (512, 2048))
    for at in stats.at:
        version = current(packed, "small", f"sequences-{at.seq_len}")
        account = manifest(version)["accounting"]
        own = counts_of(at.plan.accounting)
        assert own == {name: account[name] for name in own}
        rows = shard_rows(version)
        held = [len(row["doc_ids"]) - (None in row["doc_ids"]) for row in rows]
        assert counted(at.fragments) == Counter(held)
        assert counted(at.padding) == Counter(row["num_padding"] for row in rows)
        documents = [row["seq_lengths"][:n] for row, n in zip(rows, held, strict=True)]
        assert at.plan.attention_pairs == sum(map(pairs, documents))
        pieces = Counter(name for row in rows for name in row["doc_ids"] if name is not None)
        assert at.plan.num_truncations == sum(n - 1 for n in pieces.values()) > 0


def test_lengths_are_the_same_read_with_and_without_spark(
    packed: Path, spark: SparkSession
) -> None:
    store = explore.open_token_store(packed, "small")
    found = explore.length_histogram(spark, store), explore.read_histogram(packed, "small")
    assert found[0].count == 300
    assert found[0].values.tolist() == found[1].values.tolist()
    assert found[0].counts.tolist() == found[1].counts.tolist()


@pytest.mark.parametrize("seq_len", [-1, 0, 2**20 + 1, 2**31])
def test_a_seq_len_that_no_packing_has_is_named(seq_len: int) -> None:
    with pytest.raises(InputError, match=f"seq_len {seq_len}: give one of 1 to 1048576"):
        explore.corpus_stats(Histogram.of_counts(np.array([0, 3, 1])), (64, seq_len))


def test_a_seq_len_to_which_an_option_does_not_go_is_named() -> None:
    chosen = rules(seq_len=1, align=5)
    with pytest.raises(InputError, match="--align 5: does not divide --seq-len 32"):
        explore.corpus_stats(Histogram.of_counts(np.array([0, 3, 1])), (32,), chosen)


def test_a_seq_len_that_was_not_asked_for_is_named() -> None:
    stats = explore.corpus_stats(histogram_of([3]), (8, 16))
    assert explore.stats_at(stats, 16).seq_len == 16
    with pytest.raises(ValueError, match="seq_len 4: not among 8, 16"):
        explore.stats_at(stats, 4)
