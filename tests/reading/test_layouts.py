"""Layouts of a batch that can be checked by eye: three rows of five tokens, the last with padding.

7 8 9 | 5 6       4 3 2 1 4       8 9 | 7 | 0 0 (padding)
"""

import numpy as np
import pytest

from bfpack_spark.reading import layouts

BATCH = {
    "input_ids": np.array([[7, 8, 9, 5, 6], [4, 3, 2, 1, 4], [8, 9, 7, 0, 0]], dtype=np.int32),
    "seq_lengths": np.array([3, 2, 5, 2, 1, 2], dtype=np.int32),
    "num_segments": np.array([2, 1, 3], dtype=np.int32),
    "is_padding": np.array([False, False, False, False, False, True]),
}
N = -100


def check(found: np.ndarray, kind: type, rows: list[int] | list[list[int]]) -> None:
    assert found.dtype == kind
    assert found.tolist() == rows


def test_cu_seqlens_are_the_ends_of_all_segments() -> None:
    ends, longest = layouts.cu_seqlens(BATCH)
    check(ends, np.int32, [0, 3, 5, 10, 12, 13, 15])
    assert (longest, type(longest)) == (5, int)


def test_positions_restart_in_each_segment() -> None:
    expected = [[0, 1, 2, 0, 1], [0, 1, 2, 3, 4], [0, 1, 0, 0, 1]]
    check(layouts.position_ids(BATCH), np.int64, expected)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [[N, 8, 9, N, 6], [N, 3, 2, 1, 4], [N, 9, N, N, N]]),
        (("first_token",), [[7, 8, 9, 5, 6], [4, 3, 2, 1, 4], [8, 9, 7, N, N]]),
        (("shifted",), [[8, 9, N, 6, N], [3, 2, 1, 4, N], [9, N, N, N, N]]),
        (("shifted", "first_token"), [[8, 9, 5, 6, N], [3, 2, 1, 4, N], [9, 7, N, N, N]]),
    ],
)
def test_labels_leave_out_padding_and_first_tokens_unless_these_are_kept(
    options: tuple[str, ...], expected: list[list[int]]
) -> None:
    """Shifted ones are the next tokens of the same row."""
    check(layouts.labels(BATCH, **dict.fromkeys(options, True)), np.int64, expected)


def test_labels_follow_a_loss_mask() -> None:
    mask = np.array([[1, 0, 1, 1, 1], [0, 0, 0, 1, 1], [1, 1, 1, 0, 0]], dtype=np.int8)
    expected = [[N, N, 9, N, 6], [N, N, N, 1, 4], [N, 9, N, N, N]]
    check(layouts.labels({**BATCH, "loss_mask": mask}), np.int64, expected)


def test_padding_is_a_document_of_its_own() -> None:
    check(
        layouts.document_ids(BATCH),
        np.int32,
        [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0], [0, 0, 1, 2, 2]],
    )


def test_segment_ids_count_from_1_and_padding_is_0() -> None:
    check(layouts.segment_ids(BATCH), np.int32, [[1, 1, 1, 2, 2], [1, 1, 1, 1, 1], [1, 1, 2, 0, 0]])


def test_a_token_sees_what_precedes_it_in_its_segment() -> None:
    sees = layouts.mask_mod(layouts.document_ids(BATCH))
    at = np.arange(5)
    assert sees(0, 0, at[:, None], at[None, :]).astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 1, 1],
    ]


def test_flattened_is_one_row_without_an_attention_mask() -> None:
    flat = layouts.flattened(BATCH)
    assert "attention_mask" not in flat
    check(flat["input_ids"], np.int64, [BATCH["input_ids"].ravel().tolist()])
    check(flat["labels"], np.int64, [[N, 8, 9, N, 6, N, 3, 2, 1, 4, N, 9, N, N, N]])
    check(flat["position_ids"], np.int64, [[0, 1, 2, 0, 1, 0, 1, 2, 3, 4, 0, 1, 0, 0, 1]])
    check(flat["seq_idx"], np.int32, [[0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 3, 3, 4, 5, 5]])
    for name in ("cu_seq_lens_q", "cu_seq_lens_k"):
        check(flat[name], np.int32, [0, 3, 5, 10, 12, 13, 15])
    assert (flat["max_length_q"], flat["max_length_k"]) == (5, 5)


def test_batched_has_what_a_model_takes_and_no_attention_mask() -> None:
    found = layouts.batched(BATCH)
    assert list(found) == ["input_ids", "labels", "position_ids"]
    assert {held.dtype for held in found.values()} == {np.dtype(np.int64)}
    assert (found["labels"] == layouts.labels(BATCH)).all()


def test_layouts_leave_the_batch_as_it_is() -> None:
    before = {name: held.copy() for name, held in BATCH.items()}
    layouts.flattened(BATCH)
    layouts.labels(BATCH, shifted=True)
    layouts.segment_ids(BATCH)
    assert all((before[name] == held).all() for name, held in BATCH.items())


def test_an_unknown_layout_is_named() -> None:
    with pytest.raises(ValueError, match="layout 'padded': not known"):
        layouts.layout_of("padded")


REPEATED = {**BATCH, "num_repeated": np.array([0, 0, 3, 0, 0, 0], dtype=np.int32)}


def test_repeated_tokens_are_no_targets_unless_asked_for() -> None:
    """The second row goes on with a document, and its first three tokens are in another row."""
    expected = [[N, 8, 9, N, 6], [N, N, N, 1, 4], [N, 9, N, N, N]]
    check(layouts.labels(REPEATED), np.int64, expected)
    expected = [[8, 9, N, 6, N], [N, N, 1, 4, N], [9, N, N, N, N]]
    check(layouts.labels(REPEATED, shifted=True), np.int64, expected)
    check(layouts.labels(REPEATED, repeated=True), np.int64, layouts.labels(BATCH).tolist())
    assert layouts.batched(REPEATED)["labels"].tolist() == layouts.labels(REPEATED).tolist()


def test_padding_belongs_to_the_document_before_it() -> None:
    """Rows of 8 at multiples of 4: 3 + 1 | 2 + 2, a row of padding, and 5 + 3."""
    batch = {
        "seq_lengths": np.array([3, 1, 2, 2, 8, 5, 3], dtype=np.int32),
        "is_padding": np.array([False, True, False, True, True, False, True]),
    }
    own, padded = layouts.cu_seqlens_padded(batch)
    check(own, np.int32, [0, 3, 5, 10])
    check(padded, np.int32, [0, 4, 16, 24])
    begun = {name: held[4:] for name, held in batch.items()}
    own, padded = layouts.cu_seqlens_padded(begun)
    check(own, np.int32, [0, 0, 5])
    check(padded, np.int32, [0, 8, 16])
    assert layouts.cu_seqlens_padded(BATCH)[1].tolist() == [0, 3, 5, 10, 12, 15]
