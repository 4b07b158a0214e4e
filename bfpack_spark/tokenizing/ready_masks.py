"""Loss masks that the user gives beside ready ids: they are checked, and taken as they are."""

import numpy as np
import pyarrow as pa

from bfpack_spark.corpus.columns import is_binary
from bfpack_spark.corpus.documents import Beside, Documents
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.ends import Encoded, Mask, only_good
from bfpack_spark.tokenizing.ready_ids import integers_of

IGNORED = -100  # the label of a token that is no target


def with_ready_masks(documents: Documents, ready: Encoded, kind: Beside) -> Encoded:
    """Return the ids with their loss masks. A document is refused whose mask is null, has another
    length than its tokens, or holds other values than `kind` allows.

    Labels [-100, 8, 9] of the ids [7, 8, 9], or the loss mask [0, 1, 1] -> 0, 1, 1.
    """
    assert documents.beside is not None, "a column holds the masks"
    ends = np.cumsum(ready.lengths)
    parts: list[Mask] = []
    good = np.zeros(len(documents), dtype=bool)
    for index in documents.good():
        ids = ready.ids[ends[index] - ready.lengths[index] : ends[index]]
        values = _values(documents.beside[index], kind)
        if isinstance(values, str):
            documents.refuse(index, Reason.INVALID_MASK, values)
            continue
        mask, problem = _mask_of(values, ids, kind)
        if problem:
            documents.refuse(index, Reason.INVALID_MASK, problem)
        else:
            parts.append(mask)
            good[index] = True
    kept = only_good(ready, good)
    flat = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint8)
    return Encoded(ids=kept.ids, lengths=kept.lengths, loss_mask=flat)


def marked(documents: Documents, index: int, kind: Beside) -> int | None:
    """Return how many tokens the mask of a document marks as targets, or None if it has none that
    can be read. It may be a document that is refused, and need not fit its tokens."""
    assert documents.beside is not None, "a column holds the masks"
    values = _values(documents.beside[index], kind)
    if isinstance(values, str):
        return None
    return int(np.count_nonzero(values != IGNORED if kind == "labels" else values == 1))


def _values(value: pa.Scalar, kind: Beside) -> np.ndarray | str:
    """Return the numbers of one document's labels or mask, or what is wrong with them."""
    what = "labels" if kind == "labels" else "a loss mask"
    if not value.is_valid:
        return f"null instead of {what}"
    if is_binary(value.type) and kind == "loss_mask":
        return np.frombuffer(value.as_buffer(), dtype=np.uint8)
    return integers_of(value, f"in {what}", "bytes of labels")


def _mask_of(values: np.ndarray, ids: np.ndarray, kind: Beside) -> tuple[Mask, str | None]:
    """Return the mask of one document, and what is wrong with the values, if anything is."""
    mask = np.zeros(len(ids), dtype=np.uint8)
    if len(values) != len(ids):
        what = "labels" if kind == "labels" else "values of the loss mask"
        return mask, f"{len(values)} {what} for {len(ids)} tokens"
    if kind == "labels":
        mask[values != IGNORED] = 1
        wrong = (mask == 1) & (values != ids)
        said = "label {} at token {}, which is {} there or -100 where it is no target"
    else:
        mask[values == 1] = 1
        wrong = (values != 0) & (values != 1)
        said = "{} in the loss mask at token {}, wanted 0 or 1"
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        return mask, said.format(int(values[place]), place, int(ids[place]))
    return mask, None
