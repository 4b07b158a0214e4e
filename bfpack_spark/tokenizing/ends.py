"""EOS and BOS around each document, and what the loss mask says of them."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.documents import Documents
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.ids_of_texts import Ids
from bfpack_spark.tokenizing.vocabulary import Vocabulary

Mask: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """The tokens of a batch of documents, end to end."""

    ids: Ids
    lengths: Int64  # of each document; 0 where it is refused
    loss_mask: Mask | None = None  # of each token: 1 where it is a target; None: no masks
    # Of each document, what the mask says of BOS and of EOS around it: a column each. None: nothing
    # was taken off, so BOS is no target, and EOS is one if the token before it is.
    around: Mask | None = None


def without_ends(documents: Documents, given: Encoded, vocabulary: Vocabulary) -> Encoded:
    """Remove an EOS at the end and a BOS at the beginning that a document already has, because
    with_ends puts one around every document. The mask of what is removed is kept."""
    ids, lengths = given.ids, given.lengths.copy()
    kept = np.ones(len(ids), dtype=bool)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    some = np.flatnonzero(lengths)
    ended = some[ids[ends[some] - 1] == vocabulary.eos_id]
    around = _ends_of(given.loss_mask, ends, some)
    kept[ends[ended] - 1] = False
    lengths[ended] -= 1
    if vocabulary.bos_id is not None:
        some = np.flatnonzero(lengths)
        begun = some[ids[begins[some]] == vocabulary.bos_id]
        kept[begins[begun]] = False
        lengths[begun] -= 1
        if around is not None and given.loss_mask is not None:
            around[begun, 0] = given.loss_mask[begins[begun]]
    for index in documents.good():
        if not lengths[index]:
            documents.refuse(index, Reason.EMPTY, "no tokens")
    mask = None if given.loss_mask is None else given.loss_mask[kept]
    return Encoded(ids=ids[kept], lengths=lengths, loss_mask=mask, around=around)


def with_ends(given: Encoded, vocabulary: Vocabulary) -> Encoded:
    """Put EOS, and BOS if there is one, around every document that has tokens."""
    lengths = given.lengths
    whole = np.where(lengths > 0, lengths + vocabulary.num_inserted, 0)
    out = np.empty(int(whole.sum()), dtype=np.int32)
    ends = np.cumsum(whole)[lengths > 0]
    begins = ends - whole[lengths > 0]
    text = np.ones(len(out), dtype=bool)
    text[ends - 1] = False
    if vocabulary.bos_id is not None:
        text[begins] = False
        out[begins] = vocabulary.bos_id
    out[ends - 1] = vocabulary.eos_id
    out[text] = given.ids
    if given.loss_mask is None:
        return Encoded(ids=out, lengths=whole)
    around = given.around
    if around is None:
        around = _ends_of(given.loss_mask, np.cumsum(lengths), np.flatnonzero(lengths))
        assert around is not None, "there is a mask"
    mask = np.zeros(len(out), dtype=np.uint8)
    mask[text] = given.loss_mask
    mask[ends - 1] = around[lengths > 0, 1]
    if vocabulary.bos_id is not None:
        mask[begins] = around[lengths > 0, 0]
    return Encoded(ids=out, lengths=whole, loss_mask=mask)


def _ends_of(mask: Mask | None, ends: Int64, some: Int64) -> Mask | None:
    """Return `around` of documents whose last token tells what EOS is, be it EOS itself or the
    token before the EOS that is appended. `some`: those that have tokens."""
    if mask is None:
        return None
    around = np.zeros((len(ends), 2), dtype=np.uint8)
    around[some, 1] = mask[ends[some] - 1]
    return around


def num_targets(encoded: Encoded) -> Int64:
    """Return how many tokens of each document have a loss: those that its mask names, but for its
    first token, which nothing predicts."""
    assert encoded.loss_mask is not None, "there is a mask"
    lengths = encoded.lengths
    some = np.flatnonzero(lengths)
    begins = (np.cumsum(lengths) - lengths)[some]
    targets = np.zeros(len(lengths), dtype=np.int64)
    if len(some):
        counted = np.add.reduceat(encoded.loss_mask.astype(np.int64), begins)
        targets[some] = counted - encoded.loss_mask[begins]
    return targets


def only_good(encoded: Encoded, good: npt.NDArray[np.bool_]) -> Encoded:
    """Return the tokens of the documents that are good, and lengths of 0 for the others."""
    if good[encoded.lengths > 0].all():
        return encoded
    kept = np.repeat(good, encoded.lengths)
    return Encoded(
        ids=encoded.ids[kept],
        lengths=np.where(good, encoded.lengths, 0),
        loss_mask=None if encoded.loss_mask is None else encoded.loss_mask[kept],
        around=encoded.around,
    )
