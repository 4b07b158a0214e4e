"""What a token sees, by hand, against every start of a stream, random orders and real plans."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from core.oracle import as_lengths, pieces_of, refinedweb_like, rules, whole_plan
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.context import (
    context,
    pairs,
    pairs_together,
    possible_context,
    tokens_in_whole_documents,
    tokens_with_beginning,
)
from bfpack_spark.core.fragments import Fragments, Int64, cut_stream
from bfpack_spark.core.rules import Rules

FOUR = as_lengths([1, 5, 8, 17])
BEST_FIT, CONCAT = rules(8), rules(8, packing="concat")
Measure = Callable[[Int64, Rules], Any]
AT_4: Measure = lambda lengths, chosen: pairs_together(lengths, 4, chosen)  # noqa: E731
MEASURES: dict[str, Measure] = {
    "context": context,
    "beginning": tokens_with_beginning,
    "whole": tokens_in_whole_documents,
    "pairs at 4": AT_4,
}


@pytest.mark.parametrize(
    ("measure", "by_best_fit", "by_concatenation"),
    [
        ("context", [0, 10, 28, 56], [0, 7.5, 17.5, 49]),
        ("beginning", [1, 5, 8, 8], [1, 3.75, 4.5, 4.5]),
        ("whole", [1, 5, 8, 0], [1, 2.5, 1, 0]),
        ("pairs at 4", [0, 1, 4, 8], [0, 0.5, 2, 6.5]),
    ],
)
def test_four_documents_by_hand(
    measure: str, by_best_fit: list[float], by_concatenation: list[float]
) -> None:
    assert MEASURES[measure](FOUR, BEST_FIT).tolist() == by_best_fit
    assert MEASURES[measure](FOUR, CONCAT).tolist() == pytest.approx(by_concatenation)


def test_what_could_be_seen_is_what_a_window_holds() -> None:
    assert possible_context(FOUR, 8).tolist() == [0, 10, 28, 91]
    assert pairs(FOUR, 4).tolist() == [0, 1, 4, 13]
    for length, seq_len in ((9, 4), (30, 7), (3, 50)):
        by_token = sum(min(place, seq_len - 1) for place in range(length))
        assert possible_context(as_lengths([length]), seq_len).tolist() == [by_token]


def by_token(pieces: list[range], name: str) -> int:
    """The measure of one document cut into these pieces, token by token."""
    whole = len(pieces) == 1
    return {
        "context": sum(token - piece.start for piece in pieces for token in piece),
        "beginning": sum(len(piece) for piece in pieces if piece.start == 0),
        "whole": whole * sum(map(len, pieces)),
        "pairs at 4": sum(token + 4 in piece for piece in pieces for token in piece),
    }[name]


def pieces_at(length: int, seq_len: int, start: int) -> list[range]:
    """A document whose first token is token `start` of a sequence."""
    ends = [0, *(n for n in range(1, length) if (start + n) % seq_len == 0), length]
    return [range(a, b) for a, b in itertools.pairwise(ends)]


@pytest.mark.parametrize("name", MEASURES)
@given(length=st.integers(1, 60), seq_len=st.integers(1, 25))
def test_concatenation_is_the_mean_over_every_start(name: str, length: int, seq_len: int) -> None:
    every = [by_token(pieces_at(length, seq_len, at), name) for at in range(seq_len)]
    found = MEASURES[name](as_lengths([length]), rules(seq_len, packing="concat"))
    assert found.tolist() == [pytest.approx(sum(every) / seq_len)]


@pytest.mark.parametrize("policy", ["split", "truncate", "drop"])
@given(length=st.integers(1, 60), seq_len=st.integers(1, 25))
def test_a_policy_leaves_what_its_pieces_hold(policy: Any, length: int, seq_len: int) -> None:
    ends = [0, *np.cumsum(pieces_of([length], seq_len, policy)).tolist()]
    pieces = [range(a, b) for a, b in itertools.pairwise(ends)]
    chosen = rules(seq_len, long_documents=policy)
    lengths = as_lengths([length])
    for name in ("context", "beginning", "pairs at 4"):
        assert MEASURES[name](lengths, chosen).tolist() == [by_token(pieces, name)]
    whole = length if length <= seq_len else 0
    assert tokens_in_whole_documents(lengths, chosen).tolist() == [whole]


def test_a_truncated_document_is_not_whole_by_concatenation_either() -> None:
    chosen = rules(8, packing="concat", long_documents="truncate")
    assert tokens_in_whole_documents(FOUR, chosen).tolist() == [1, 2.5, 1, 0]
    assert context(FOUR, chosen).tolist() == pytest.approx([0, 7.5, 17.5, 17.5])


def totals(fragments: Fragments, lengths: Int64) -> dict[str, float]:
    """The measures of a plan, from its fragments alone."""
    whole = fragments.length == lengths[fragments.document]
    return {
        "context": float((fragments.length * (fragments.length - 1) // 2).sum()),
        "beginning": float(fragments.length[fragments.start == 0].sum()),
        "whole": float(fragments.length[whole].sum()),
        "pairs at 4": float(np.maximum(fragments.length - 4, 0).sum()),
    }


@pytest.mark.parametrize("seq_len", [64, 512])
def test_best_fit_is_the_sum_over_its_plan(seq_len: int) -> None:
    lengths = refinedweb_like(2000, 1)
    chosen = rules(seq_len)
    plan, _ = whole_plan(lengths, chosen)
    measured = totals(plan.fragments, lengths)
    assert {name: of(lengths, chosen).sum() for name, of in MEASURES.items()} == measured


def test_concatenations_in_random_order_come_to_the_expectation() -> None:
    """The mean of 200 orders is within three standard errors."""
    lengths, random = refinedweb_like(1000, 2), np.random.default_rng(0)
    chosen = rules(512, packing="concat")
    drawn = [totals(cut_stream(own, 512)[0], own) for own in shuffles(lengths, random, 200)]
    for name, of in MEASURES.items():
        values = np.array([own[name] for own in drawn])
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert error > 0
        assert abs(values.mean() - of(lengths, chosen).sum()) < 3 * error, name


def shuffles(lengths: Int64, random: np.random.Generator, number: int) -> list[Int64]:
    return list(map(partial(_shuffled, random), [lengths] * number))


def _shuffled(random: np.random.Generator, lengths: Int64) -> Int64:
    return random.permutation(lengths)


def test_a_document_that_fits_keeps_all_by_best_fit() -> None:
    lengths = np.arange(2, 513, dtype=np.int64)
    could = possible_context(lengths, 512)
    assert (context(lengths, rules(512)) == could).all()
    kept = context(lengths, rules(512, packing="concat")) / could
    assert kept == pytest.approx(1 - (lengths + 1) / (3 * 512))


def test_very_long_documents_do_not_overflow() -> None:
    lengths = as_lengths([10**10])
    assert context(lengths, rules(1 << 20))[0] == pytest.approx(10**10 * (1 << 20) / 2, rel=1e-3)
    (concat,) = context(lengths, rules(1 << 20, packing="concat"))
    assert concat == pytest.approx(10**10 * (1 << 20) / 2, rel=1e-3)
