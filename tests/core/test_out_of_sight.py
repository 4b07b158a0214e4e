"""Mentions and what they refer to, by hand, over every start, and against the join of a plan."""

import numpy as np
import pytest
from core.oracle import as_lengths, rules, whole_plan
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.out_of_sight import chance_of_any, chance_out_of_sight, out_of_sight

MENTIONS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted), min_size=1, max_size=5
)


def test_two_mentions_by_hand() -> None:
    told, used = as_lengths([0, 3]), as_lengths([9, 5])
    assert out_of_sight(told, used, 8).tolist() == [1, 0]
    assert chance_out_of_sight(told, used, 8).tolist() == [1, 0.25]
    assert chance_of_any(as_lengths([0, 1]), as_lengths([2, 3]), 8) == 3 / 8
    assert chance_of_any(as_lengths([]), as_lengths([]), 8) == 0


@given(MENTIONS, st.integers(1, 20))
def test_concatenation_is_the_mean_over_every_start(
    mentions: list[tuple[int, int]], seq_len: int
) -> None:
    told, used = (as_lengths(column) for column in zip(*mentions, strict=True))
    starts = np.arange(seq_len)[:, None]
    apart = (told + starts) // seq_len != (used + starts) // seq_len
    assert chance_out_of_sight(told, used, seq_len) == pytest.approx(apart.mean(axis=0))
    assert chance_of_any(told, used, seq_len) == pytest.approx(apart.any(axis=1).mean())


@given(st.lists(st.integers(2, 60), min_size=1, max_size=20), st.integers(1, 25), st.randoms())
def test_best_fit_is_what_the_join_with_its_plan_says(
    lengths: list[int], seq_len: int, random: object
) -> None:
    """Each of two tokens of a document is in the sequence of its fragment."""
    _, places = whole_plan(lengths, rules(seq_len))
    for document, length in enumerate(lengths):
        told, used = sorted(random.sample(range(length), 2))  # type: ignore[attr-defined]
        rows = [
            places.sequence_id[
                (places.document == document)
                & (places.start <= token)
                & (token < places.start + places.length)
            ].item()
            for token in (told, used)
        ]
        (apart,) = out_of_sight(as_lengths([told]), as_lengths([used]), seq_len)
        assert apart == (rows[0] != rows[1])


def test_what_is_repeated_is_in_sight_again() -> None:
    told, used = as_lengths([3, 5, 5, 9]), as_lengths([9, 9, 13, 13])
    assert out_of_sight(told, used, 8, overlap=3).tolist() == [1, 0, 1, 1]
    assert out_of_sight(told, used, 8, bos=1).tolist() == [1, 1, 1, 0]
