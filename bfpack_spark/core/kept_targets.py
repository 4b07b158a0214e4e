"""What a long-document policy keeps of documents whose loss masks say which tokens are targets.

A target is a token that the mask names, except the first one of a segment, which nothing predicts.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64, LongDocuments, kept_lengths

Mask: TypeAlias = npt.NDArray[np.uint8]

# The policies under which what is kept of a document depends on its mask.
BY_MASK: tuple[LongDocuments, ...] = ("truncate", "truncate_turns")


@dataclass(frozen=True, kw_only=True)
class KeptTargets:
    """What is kept of each document, as parallel arrays."""

    kept: Int64  # tokens; 0: the document is left out
    targets: Int64  # of the whole document
    targets_kept: Int64  # of what is kept, as one segment
    without_target: npt.NDArray[np.bool_]  # left out, because what was kept would have no target


def kept_targets(
    lengths: Int64, mask: Mask, seq_len: int, long_documents: LongDocuments
) -> KeptTargets:
    """Return what the policy keeps of documents whose masks lie end to end in `mask`.

    `truncate_turns` ends a long document with the last whole run of targets that fits, which is a
    turn of the assistant. A document of which it or `truncate` would keep no target is left out.

    Mask [0, 1, 1, 0, 1, 1, 1, 0] at 6 -> truncate 6, truncate_turns 3; at 2 -> truncate 2,
    truncate_turns 0.
    """
    begins = np.cumsum(lengths) - lengths
    before = np.zeros(len(mask) + 1, dtype=np.int64)
    np.cumsum(mask, out=before[1:])
    if long_documents == "truncate_turns":
        kept = _whole_turns(lengths, begins, mask, seq_len)
    else:
        kept = kept_lengths(lengths, seq_len, long_documents)
    targets, targets_kept = (
        before[begins + upto] - before[begins + np.minimum(upto, 1)] for upto in (lengths, kept)
    )
    without = np.zeros(len(lengths), dtype=bool)
    if long_documents in BY_MASK:
        without = (lengths > seq_len) & (targets_kept == 0)
    return KeptTargets(
        kept=np.where(without, 0, kept),
        targets=targets,
        targets_kept=targets_kept,
        without_target=without,
    )


def _whole_turns(lengths: Int64, begins: Int64, mask: Mask, seq_len: int) -> Int64:
    """Return where the last run of targets ends that lies within seq_len, or 0 if none does."""
    # The last tokens of runs. What follows the end of a document does not matter: a long one is cut
    # before it.
    last = np.flatnonzero((mask[:-1] == 1) & (mask[1:] == 0))
    found = np.concatenate([[-1], last])
    nearest = found[np.searchsorted(found, begins + seq_len, side="left") - 1]
    return np.where(lengths > seq_len, np.maximum(nearest + 1 - begins, 0), lengths)
