"""What policies keep of conversations, against a plain oracle."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.fragments import LongDocuments, kept_lengths
from bfpack_spark.core.kept_targets import BY_MASK, kept_targets

MASKS = st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=12), min_size=1, max_size=8)
ALL = get_args(LongDocuments)


def oracle(mask: list[int], seq_len: int, policy: str) -> tuple[int, bool]:
    """Tokens kept of one document, and whether it is left out because no target is kept."""
    if policy in ("split", "error", "slide") or len(mask) <= seq_len:
        return len(mask), False
    if policy == "drop":
        return 0, False
    kept = seq_len
    if policy == "truncate_turns":
        ends = [n for n in range(1, seq_len + 1) if mask[n - 1] and not ([*mask, 0])[n]]
        kept = max(ends, default=0)
    return (kept, False) if any(mask[1:kept]) else (0, True)


@given(masks=MASKS, seq_len=st.integers(1, 12), policy=st.sampled_from(ALL))
def test_kept_tokens_and_targets_are_the_oracles(
    masks: list[list[int]], seq_len: int, policy: LongDocuments
) -> None:
    lengths = np.array([len(mask) for mask in masks])
    flat = np.concatenate(masks).astype(np.uint8)
    found = kept_targets(lengths, flat, seq_len, policy)
    expected = [oracle(mask, seq_len, policy) for mask in masks]
    assert list(zip(found.kept, found.without_target, strict=True)) == expected
    assert found.targets.tolist() == [sum(mask[1:]) for mask in masks]
    kept = zip(masks, expected, strict=True)
    assert found.targets_kept.tolist() == [sum(mask[1:n]) for mask, (n, _) in kept]
    assert (found.kept <= kept_lengths(lengths, seq_len, policy)).all()
    if policy in BY_MASK:
        assert (found.kept <= seq_len).all()


@pytest.mark.parametrize(
    ("mask", "seq_len", "turns"),
    [
        ([0, 1, 1, 0, 1, 1, 1, 0], 6, 3),
        ([0, 1, 1, 0, 1, 1, 1, 0], 7, 7),
        ([0, 1, 1, 0, 1, 1, 1, 0], 3, 3),
        ([0, 1, 1, 0, 1, 1, 1, 0], 2, 0),
        ([1, 0, 1, 1], 2, 0),  # the first token is never a target
        ([0, 1, 1], 2, 0),  # a run that goes on does not end there
    ],
)
def test_a_long_conversation_ends_with_a_whole_turn(
    mask: list[int], seq_len: int, turns: int
) -> None:
    found = kept_targets(np.array([len(mask)]), np.array(mask, np.uint8), seq_len, "truncate_turns")
    assert (found.kept.tolist(), found.without_target.tolist()) == ([turns], [turns == 0])
