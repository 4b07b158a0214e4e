"""Targets of segments and weights of targets, against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.reading import layouts
from bfpack_spark.reading.layouts import Batch

ROW = st.lists(st.integers(1, 6), min_size=1, max_size=4)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Rows of 12 tokens, whose last segment may be padding."""
    rows, padded = [], []
    for lengths in draw(st.lists(ROW, min_size=1, max_size=4)):
        kept = [n for n, end in zip(lengths, np.cumsum(lengths), strict=True) if end <= 12]
        rest = 12 - sum(kept)
        rows.append(kept + [rest] * (rest > 0))
        padded.append([False] * len(kept) + [draw(st.booleans())] * (rest > 0))
    shape = (len(rows), 12)
    bits = draw(st.lists(st.integers(0, 1), min_size=12 * len(rows), max_size=12 * len(rows)))
    ids = np.arange(12 * len(rows), dtype=np.int32).reshape(shape)
    return {
        "input_ids": ids,
        "seq_lengths": np.concatenate(rows).astype(np.int32),
        "num_segments": np.array([len(row) for row in rows], dtype=np.int32),
        "is_padding": np.concatenate(padded).astype(bool),
        "loss_mask": np.array(bits, dtype=np.int8).reshape(shape),
    }


def by_hand(batch: Batch) -> list[list[int]]:
    """Of each segment, the places of its targets in the flat batch."""
    mask, out, place = batch["loss_mask"].reshape(-1), [], 0
    for length, padding in zip(batch["seq_lengths"], batch["is_padding"], strict=True):
        inside = range(place + 1, place + length)
        out.append([] if padding else [at for at in inside if mask[at]])
        place += length
    return out


@given(batch=batches(), scale=st.sampled_from([None, 7]))
def test_weights_are_those_of_a_loop_over_targets(batch: Batch, scale: int | None) -> None:
    segments = by_hand(batch)
    assert layouts.num_targets(batch).tolist() == [len(one) for one in segments]
    with_targets = [one for one in segments if one]
    every = [at for one in segments for at in one]
    expected = {"token": np.zeros(batch["input_ids"].size), "conversation": np.zeros(0)}
    expected["conversation"] = expected["token"].copy()
    for one in with_targets:
        for at in one:
            expected["token"][at] = 1 / (scale or len(every))
            expected["conversation"][at] = 1 / (scale or len(with_targets)) / len(one)
    for by, weights in expected.items():
        found = layouts.loss_weights(batch, by=by, total=scale)  # type: ignore[arg-type]
        assert (found.dtype, found.shape) == (np.float32, batch["input_ids"].shape)
        np.testing.assert_allclose(found.reshape(-1), weights, rtol=1e-6)


def test_the_examples_of_the_docstrings() -> None:
    row = {
        "input_ids": np.array([[7, 8, 9, 5, 6]], dtype=np.int32),
        "seq_lengths": np.array([3, 2], dtype=np.int32),
        "num_segments": np.array([2], dtype=np.int32),
        "is_padding": np.array([False, False]),
    }
    (by_token,) = layouts.loss_weights(row).tolist()
    assert by_token == pytest.approx([0, 1 / 3, 1 / 3, 0, 1 / 3])
    (by_conversation,) = layouts.loss_weights(row, by="conversation").tolist()
    assert by_conversation == pytest.approx([0, 0.25, 0.25, 0, 0.5])
    mask = np.array([[1, 1, 0, 0, 1]], dtype=np.int8)
    assert layouts.num_targets({**row, "loss_mask": mask}).tolist() == [1, 1]
    with pytest.raises(ValueError, match="by 'row': not known"):
        layouts.loss_weights(row, by="row")  # type: ignore[arg-type]


def test_rows_without_a_mask_are_all_targets_beside_rows_with_one() -> None:
    row = {
        "input_ids": np.array([7, 8, 9], dtype=np.int32),
        "seq_lengths": np.array([3], dtype=np.int32),
        "is_padding": np.array([False]),
        "num_tokens": 3,
        "sequence_id": 0,
        "source": 0,
    }
    masked = {**row, "loss_mask": np.array([1, 0, 1], dtype=np.int8)}
    batch = layouts.stacked([row, masked])
    assert layouts.labels(batch).tolist() == [[-100, 8, 9], [-100, -100, 9]]
