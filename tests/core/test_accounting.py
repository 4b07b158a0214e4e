"""Accounts against the oracle, group by group, and against a distribution's own expectations."""

import math
from typing import Any

import numpy as np
import pytest
from core.anchors import load
from core.oracle import (
    as_lengths,
    best_fit_decreasing,
    histogram_of,
    pieces_of,
    refinedweb_like,
    rules,
)
from core.test_best_fit import skip_if_another_stream
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.accounting import account, add_counts
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.groups import group_counts, sequences_per_group
from bfpack_spark.core.histogram import Histogram

POLICIES = ("split", "truncate", "drop")
DOCUMENTS = st.lists(st.integers(1, 100), max_size=60)


@given(DOCUMENTS, st.integers(1, 50), st.sampled_from(POLICIES), st.integers(1, 20))
def test_each_group_has_as_many_sequences_as_the_oracle_needs(
    lengths: list[int], seq_len: int, policy: Any, group_documents_max: int
) -> None:
    found, groups = histogram_of(lengths), max(1, math.ceil(len(lengths) / group_documents_max))
    chosen = rules(seq_len, long_documents=policy, group_documents_max=group_documents_max, seed=5)
    dealt = list(group_counts(found.counts, groups, 5))
    expected = [
        len(
            best_fit_decreasing(
                pieces_of(np.repeat(found.values, own).tolist(), seq_len, policy), seq_len
            )
        )
        for own in dealt
    ]
    assert sequences_per_group(found, chosen).tolist() == expected
    accounts = account(found, chosen)
    assert accounts.num_sequences == sum(expected)
    packed = sum(pieces_of(lengths, seq_len, policy))
    assert accounts.num_tokens_packed == packed
    assert accounts.num_padding == sum(expected) * seq_len - packed


@given(DOCUMENTS, st.integers(1, 50), st.sampled_from(POLICIES))
def test_concatenation_pads_its_last_sequence_alone(
    lengths: list[int], seq_len: int, policy: Any
) -> None:
    packed = sum(pieces_of(lengths, seq_len, policy))
    found = account(histogram_of(lengths), rules(seq_len, packing="concat", long_documents=policy))
    assert found.num_sequences == found.lower_bound == math.ceil(packed / seq_len)
    assert found.num_padding == -packed % seq_len
    assert found.overhead == 0


@pytest.mark.parametrize(
    ("policy", "cut", "truncated", "dropped"),
    [("split", 2, (0, 0), (0, 0)), ("truncate", 2, (2, 7), (0, 0)), ("drop", 0, (0, 0), (2, 15))],
)
def test_documents_and_tokens_go_where_the_policy_says(
    policy: Any, cut: int, truncated: tuple[int, int], dropped: tuple[int, int]
) -> None:
    found = account(histogram_of([4, 5, 3, 10]), rules(4, long_documents=policy))
    assert (found.num_documents, found.num_tokens) == (4, 22)
    assert found.num_documents_cut == cut
    assert (found.num_documents_truncated, found.num_tokens_truncated) == truncated
    assert (found.num_documents_dropped, found.num_tokens_dropped) == dropped
    assert found.num_documents_packed == 4 - dropped[0]
    assert found.num_tokens_packed == 22 - truncated[1] - dropped[1]


def test_groups_that_are_packed_apart_show_in_all_accounts() -> None:
    found = account(histogram_of([4, 4, 4, 4]), rules(8, group_documents_max=1))
    assert (found.num_sequences, found.num_padding, found.lower_bound) == (4, 16, 2)
    assert found.overhead == 1.0


@pytest.mark.parametrize("packing", ["best_fit", "concat"])
@pytest.mark.parametrize("lengths", [[], [9, 20]])
def test_nothing_left_to_pack_is_no_sequence(lengths: list[int], packing: Any) -> None:
    found = account(histogram_of(lengths), rules(8, packing=packing, long_documents="drop"))
    assert (found.num_sequences, found.num_padding, found.lower_bound) == (0, 0, 0)
    assert found.overhead == 0
    assert found.num_documents_dropped == len(lengths)
    assert found.num_tokens_dropped == sum(lengths)


def billion_documents() -> Histogram:
    """One draw from the rounded log-normal of refinedweb_like.json, as `large_samples` says."""
    edges = (np.arange(1, 262_144) + 0.5).tolist()
    below = [(1 + math.erf((math.log(e) - 5.82) / 0.99 / math.sqrt(2))) / 2 for e in edges]
    counts = np.random.default_rng(11).multinomial(10**9, np.diff([0.0, *below, 1.0]))
    lengths: Int64 = np.flatnonzero(counts) + 1
    return Histogram(values=lengths, counts=counts[lengths - 1].astype(np.int64))


@pytest.mark.parametrize("seq_len", [2048, 8192])
def test_a_billion_documents_are_accounted_for_in_a_moment(seq_len: int) -> None:
    documents, known = billion_documents(), load("refinedweb_like.json")
    found = account(documents, rules(seq_len))
    assert found.num_documents == found.num_documents_packed == 10**9
    assert found.num_tokens == found.num_tokens_packed > 2**39
    wanted = {"num_documents": 10**9, "seq_len": seq_len}
    (band,) = [band for band in known["overhead_bands"] if wanted.items() <= band.items()]
    low, high = band["over_lower_bound_percent_min"], band["over_lower_bound_percent_max"]
    assert low <= 100 * found.overhead <= high
    per_document = known["expectations_per_document"]
    (expected,) = [row for row in per_document if row["seq_len"] == seq_len]
    cut = found.num_documents_cut / 10**9
    assert cut == pytest.approx(expected["fraction_longer"], rel=1e-3)
    cut_by_concat = found.num_documents_cut_by_concat / 10**9
    assert cut_by_concat == pytest.approx(expected["fraction_documents_cut_by_concat"], rel=1e-3)


@pytest.mark.parametrize("documents_per_group", [10_000, 100_000])
def test_groups_cost_what_balanced_groups_are_known_to(documents_per_group: int) -> None:
    known = load("refinedweb_like.json")
    wanted = {"seq_len": 2048, "documents_per_group": documents_per_group}
    (row,) = [row for row in known["groups"]["table"] if wanted.items() <= row.items()]
    lengths = refinedweb_like(1_000_000, seed=0)
    skip_if_another_stream(lengths, known["exact"][1]["check"])
    chosen = rules(2048, group_documents_max=documents_per_group)
    per_group = sequences_per_group(histogram_of(lengths), chosen)
    assert len(per_group) == 1_000_000 // documents_per_group
    over = 100 * (int(per_group.sum()) / known["exact"][1]["expected"][0]["lower_bound"] - 1)
    balanced = row["over_lower_bound_percent_length_balanced_groups"]
    assert min(balanced) * 0.85 < over < max(balanced) * 1.15
    assert over < min(row["over_lower_bound_percent_random_groups"])


@pytest.mark.parametrize("seq_len", [2048, 8192])
def test_the_expected_cuts_are_those_of_a_stream_in_the_order_drawn(seq_len: int) -> None:
    known = load("refinedweb_like.json")["exact"][1]
    lengths = refinedweb_like(known["num_documents"], known["seed"])
    skip_if_another_stream(lengths, known["check"])
    (expected,) = [row for row in known["expected"] if row["seq_len"] == seq_len]
    found = account(histogram_of(lengths), rules(seq_len))
    assert found.num_documents_cut == expected["num_cut_documents_split"]
    assert found.num_sequences == expected["bfd_bins"]
    assert found.num_documents_cut_by_concat == pytest.approx(
        expected["num_cut_documents_concat"], rel=0.005
    )


def test_counts_beyond_32_bits_stay_exact() -> None:
    many = 3 * 10**9
    documents = Histogram(values=as_lengths([3, 5]), counts=as_lengths([many, many]))
    found = account(documents, rules(8))
    assert (found.num_sequences, found.num_padding) == (many, 0)
    assert found.num_tokens == 8 * many


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", load("small_cases.json")["cases"], ids=lambda c: c["name"])
def test_the_accounts_of_the_small_cases_are_as_known(case: dict[str, Any], policy: Any) -> None:
    lengths = [length for length in case["lengths"] if length]
    found = account(histogram_of(lengths), rules(case["seq_len"], long_documents=policy))
    expected = case["expected"][policy]
    assert found.num_documents == case["num_documents"] - case["num_empty_documents"]
    assert found.num_tokens == sum(lengths)
    assert found.num_sequences == expected["num_sequences"]
    assert found.num_padding == expected["num_padding"]
    assert found.lower_bound == expected["lower_bound"]
    assert found.num_tokens_packed == expected["num_tokens"]
    if policy == "split":
        assert found.num_documents_cut == expected["num_cut_documents"]
    assert found.num_documents_truncated == expected.get("num_truncated_documents", 0)
    assert found.num_tokens_truncated == expected.get("num_truncated_tokens", 0)
    assert found.num_documents_dropped == expected.get("num_dropped_documents", 0)
    assert found.num_tokens_dropped == expected.get("num_dropped_tokens", 0)
    whole = found.num_tokens_packed + found.num_tokens_truncated + found.num_tokens_dropped
    assert whole == found.num_tokens
    assert found.num_documents_packed + found.num_documents_dropped == found.num_documents


def test_counts_are_added_by_name_and_by_reason() -> None:
    before = {"documents": 3, "refused": {"null_text": 1, "too_large": 2}}
    new = {"documents": 4, "refused": {"null_text": 5}, "bytes": 10}
    total = {"documents": 7, "refused": {"null_text": 6, "too_large": 2}}
    assert add_counts([before, new]) == total
    assert add_counts([new, before, before]) == {
        "documents": 10,
        "refused": {"null_text": 7, "too_large": 4},
        "bytes": 10,
    }
