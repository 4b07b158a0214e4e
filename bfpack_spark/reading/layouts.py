"""What trainers take, made of a batch: pure functions of numpy arrays.

A batch has B rows of S tokens, and n segments in all:

    input_ids     int32 [B, S]
    seq_lengths   int32 [n]     lengths of the segments of all rows, end to end
    num_segments  int32 [B]     segments of each row
    is_padding    bool  [n]     the segment is padding
    loss_mask     int8  [B, S]  only of outputs that have one: 0 where a token is no target
    num_repeated  int32 [n]     only of outputs packed by slide: so many tokens at its beginning are
                                also in the fragment before it, or are the BOS before them

Each function states its convention. Every row's segments sum to S, so padding is a segment like the
others, with a place of its own in each layout. It is the last of its row; with --align it is also
behind other segments.

None makes an attention_mask. An all-ones attention_mask turns the document masks of transformers
off, without a word.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Batch: TypeAlias = dict[str, Any]
Layout: TypeAlias = Callable[[Batch], Any]
Int32: TypeAlias = npt.NDArray[np.int32]
Int64: TypeAlias = npt.NDArray[np.int64]
Float32: TypeAlias = npt.NDArray[np.float32]
Weighing: TypeAlias = Literal["token", "conversation"]

_NONE = np.zeros(0, dtype=np.int32)
IGNORED = -100  # the label of a token that is no target, as PyTorch's cross entropy has it


def cu_seqlens(batch: Batch) -> tuple[Int32, int]:
    """Return the ends of all segments of the batch, end to end, and the longest segment.

    int32 [n + 1], from 0 to B * S, as FlashAttention's varlen functions take it. Padding is a
    segment too.

    Rows of [3, 2] and [5] -> [0, 3, 5, 10], 5.
    """
    ends = np.zeros(len(batch["seq_lengths"]) + 1, dtype=np.int32)
    np.cumsum(batch["seq_lengths"], out=ends[1:])
    return ends, int(batch["seq_lengths"].max(initial=0))


def cu_seqlens_padded(batch: Batch) -> tuple[Int32, Int32]:
    """Return the ends of the documents' own tokens, and the ends with the padding behind each, as
    TransformerEngine takes them for packed rows under context parallelism (`cu_seqlens_q` and
    `cu_seqlens_q_padded`).

    Both are int32 [d + 1] for d segments that are not padding, and end at the tokens of all and at
    B * S. With --align A, all of the second are multiples of A. Padding that no segment precedes
    counts as a segment without a token.

    A row of [3, 1, 2, 2], of which the second and last are padding -> [0, 3, 5], [0, 4, 8].
    """
    lengths, real = batch["seq_lengths"], ~batch["is_padding"]
    real = real.copy()
    own = np.where(real, lengths, 0)
    real[:1] = True  # padding at the very beginning, too, has a place
    begins = (np.cumsum(lengths) - lengths)[real]
    ends = np.zeros(len(begins) + 1, dtype=np.int32)
    np.cumsum(own[real], out=ends[1:])
    return ends, np.append(begins, lengths.sum()).astype(np.int32)


def position_ids(batch: Batch) -> Int64:
    """Return the place of each token in its segment: int64 [B, S].

    They restart at 0 in each segment, also in a segment that goes on with a cut document, and in
    the padding.

    A row of [3, 2] -> [0, 1, 2, 0, 1].
    """
    lengths = batch["seq_lengths"]
    begins = np.cumsum(lengths, dtype=np.int64) - lengths
    positions = np.arange(batch["input_ids"].size, dtype=np.int64)
    positions -= np.repeat(begins, lengths)
    return np.asarray(positions.reshape(batch["input_ids"].shape))


def labels(
    batch: Batch, *, shifted: bool = False, first_token: bool = False, repeated: bool = False
) -> Int64:
    """Return the ids that are to be predicted: int64 [B, S], and -100 where there is no loss.

    There is none on padding, on the first token of each segment (`first_token` keeps it: then it is
    predicted from the end of another document), where loss_mask is 0, and on tokens that another
    sequence has as well (`repeated` keeps them, so that they count twice).

    Not shifted, labels[t] is the token at t, as transformers' models take them, which shift by
    themselves. `shifted`: labels[t] is the token at t + 1, and a row's last one is -100.

    A row of ids [7, 8, 9, 5, 6], segments [3, 2] -> [-100, 8, 9, -100, 6].
    Shifted: [8, 9, -100, 6, -100].
    """
    found: Int64 = batch["input_ids"].astype(np.int64)
    flat = found.reshape(-1)
    ends = np.cumsum(batch["seq_lengths"], dtype=np.int64)
    begins = ends - batch["seq_lengths"]
    if not first_token:
        flat[begins] = IGNORED
    for padding in np.flatnonzero(batch["is_padding"]).tolist():
        flat[begins[padding] : ends[padding]] = IGNORED
    again = batch.get("num_repeated", _NONE)
    for segment in [] if repeated else np.flatnonzero(again).tolist():
        flat[begins[segment] : begins[segment] + again[segment]] = IGNORED
    if "loss_mask" in batch:
        found[batch["loss_mask"] == 0] = IGNORED
    if shifted:
        found[:, :-1] = found[:, 1:].copy()
        found[:, -1] = IGNORED
    return found


def num_targets(batch: Batch) -> Int64:
    """Return how many labels of each segment are targets: int64 [n], 0 for padding.

    A row of segments [3, 2], with loss_mask [1, 1, 0, 0, 1] -> [1, 1].
    """
    is_target = (labels(batch) != IGNORED).reshape(-1)
    lengths = batch["seq_lengths"]
    begins = np.cumsum(lengths, dtype=np.int64) - lengths
    return np.asarray(np.add.reduceat(is_target, begins, dtype=np.int64))


def loss_weights(batch: Batch, *, by: Weighing = "token", total: int | None = None) -> Float32:
    """Return how much the loss of predicting each token counts: float32 [B, S], 0 where it is no
    target. The loss of a step is the sum of loss * weight; not shifted, as `labels` are.

    `by` "token": all targets count alike, wherever they lie. "conversation": all segments that have
    a target count alike, and the targets of one share its weight.

    `total`: targets (by "conversation": segments with a target) of the whole step, on all ranks and
    in all batches that it accumulates; without it, those of this batch. Weights then sum to 1 over
    the step. (A mean of each row's mean would give a target more weight in a row that has few.)

    A row of segments [3, 2] whose first has 2 targets and second 1 -> by token [0, 1/3, 1/3, 0,
    1/3], by conversation [0, 1/4, 1/4, 0, 1/2].
    """
    if by not in ("token", "conversation"):
        raise ValueError(f"by {by!r}: not known; give token or conversation")
    targets = num_targets(batch)
    here = int(targets.sum() if by == "token" else (targets > 0).sum())
    share = 1 / max(here if total is None else total, 1)
    of_segment = np.full(len(targets), share)
    if by == "conversation":
        of_segment /= np.maximum(targets, 1)
    weights = np.repeat(of_segment, batch["seq_lengths"]).reshape(batch["input_ids"].shape)
    return np.where(labels(batch) != IGNORED, weights, 0).astype(np.float32)


def document_ids(batch: Batch) -> Int32:
    """Return the number of each token's segment in its row: int32 [B, S], from 0.

    Padding is a document of its own. Tokens see each other where the numbers are equal.

    A row of [3, 2] -> [0, 0, 0, 1, 1].
    """
    counts = batch["num_segments"]
    before = np.cumsum(counts, dtype=np.int32) - counts
    numbers = np.arange(counts.sum(), dtype=np.int32) - np.repeat(before, counts)
    return np.repeat(numbers, batch["seq_lengths"]).reshape(batch["input_ids"].shape)


def segment_ids(batch: Batch) -> Int32:
    """Return the number of each token's document in its row: int32 [B, S], from 1; 0 is padding.

    This is what grain, MaxText and T5X take.

    A row of [2, 1, 2], of which the last is padding -> [1, 1, 2, 0, 0].
    """
    real = ~batch["is_padding"]
    counts = batch["num_segments"]
    begun = np.cumsum(real, dtype=np.int32)  # up to here, in all rows
    first = np.cumsum(counts) - counts
    before = np.repeat((begun - real)[first], counts).astype(np.int32)
    numbers = np.where(real, begun - before, np.int32(0))
    return np.repeat(numbers, batch["seq_lengths"]).reshape(batch["input_ids"].shape)


def mask_mod(document_ids: Any) -> Callable[[Any, Any, Any, Any], Any]:
    """Return the mask of documents for FlexAttention's create_block_mask: a token sees itself and
    what precedes it in its segment. `document_ids`: what the function of this name returns, as a
    tensor on the device of the model."""

    def sees(row: Any, head: Any, query: Any, key: Any) -> Any:  # noqa: ARG001  FlexAttention's four
        return (document_ids[row, query] == document_ids[row, key]) & (query >= key)

    return sees


def batched(batch: Batch) -> Batch:
    """Return input_ids, labels (not shifted) and position_ids, all int64 [B, S].

    transformers' models find the borders of documents in position_ids, if there is no
    attention_mask and no cache (use_cache=False).
    """
    return {
        "input_ids": batch["input_ids"].astype(np.int64),
        "labels": labels(batch),
        "position_ids": position_ids(batch),
    }


def flattened(batch: Batch) -> Batch:
    """Return the batch as one row, for padding-free training: what DataCollatorWithFlattening of
    transformers makes of single documents.

    input_ids, labels (not shifted) and position_ids are int64 [1, B * S], seq_idx (number of the
    segment in the batch, from 0) int32 [1, B * S], cu_seq_lens_q and cu_seq_lens_k int32 [n + 1],
    and max_length_q and max_length_k ints. Padding is a segment, and its labels are -100. There is
    no attention_mask.
    """
    ends, longest = cu_seqlens(batch)
    numbers = np.arange(len(ends) - 1, dtype=np.int32)
    return {
        "input_ids": batch["input_ids"].astype(np.int64).reshape(1, -1),
        "labels": labels(batch).reshape(1, -1),
        "position_ids": position_ids(batch).reshape(1, -1),
        "seq_idx": np.repeat(numbers, batch["seq_lengths"]).reshape(1, -1),
        "cu_seq_lens_q": ends,
        "cu_seq_lens_k": ends,
        "max_length_q": longest,
        "max_length_k": longest,
    }


def stacked(rows: Sequence[Batch]) -> Batch:
    """Return single rows, as `data[i]` gives them, as one batch."""
    batch: Batch = {
        "input_ids": np.stack([row["input_ids"] for row in rows]),
        "seq_lengths": np.concatenate([row["seq_lengths"] for row in rows]),
        "num_segments": np.array([len(row["seq_lengths"]) for row in rows], dtype=np.int32),
        "is_padding": np.concatenate([row["is_padding"] for row in rows]),
        "num_tokens": np.array([row["num_tokens"] for row in rows], dtype=np.int32),
        "sequence_id": np.array([row["sequence_id"] for row in rows], dtype=np.int64),
        "source": np.array([row["source"] for row in rows], dtype=np.int32),
    }
    if any("loss_mask" in row for row in rows):
        every = np.ones(batch["input_ids"].shape[1], dtype=np.int8)  # of a bucket without masks
        batch["loss_mask"] = np.stack([row.get("loss_mask", every) for row in rows])
    if any("num_repeated" in row for row in rows):
        batch["num_repeated"] = np.concatenate(
            [row.get("num_repeated", np.zeros(len(row["seq_lengths"]), np.int32)) for row in rows]
        )
    return batch


def layout_of(layout: str | Layout | None) -> Layout | None:
    """Return the function that a layout names: "flattened", "batched", or a function itself."""
    if layout is None or callable(layout):
        return layout
    if layout in _NAMED:
        return _NAMED[layout]
    raise ValueError(
        f"layout {layout!r}: not known; give one of {', '.join(_NAMED)}, or a function of a batch"
    )


_NAMED: dict[str, Layout] = {"flattened": flattened, "batched": batched}
