"""What becomes of a conversation or prompt: tokens with targets, or a reason for having none."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from bfpack_spark.tokenizing.ends import Mask
from bfpack_spark.tokenizing.ids_of_texts import Ids
from bfpack_spark.tokenizing.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Targeted:
    """The tokens of a document, which of them are targets, and how many were put around it."""

    ids: Ids
    loss_mask: Mask
    num_inserted: int


# Messages and tools, prompt and completion, or ready ids and their mask or labels.
Row: TypeAlias = tuple[Any, Any]


class RefusedError(ValueError):
    """A document has no tokens; the text says why, and `reason` is a word of Reason."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


Outcome: TypeAlias = Targeted | RefusedError


def with_ends(ids: Ids, mask: Mask, vocabulary: Vocabulary, *, is_ended: bool) -> Targeted:
    """Put EOS behind a document, unless the text has ended its last turn with it, and BOS before
    it, if there is one and it does not begin with it. EOS is a target if the token before it is
    one, and BOS is none."""
    length = len(ids)
    if length and not is_ended:
        ids, mask = np.append(ids, vocabulary.eos_id), np.append(mask, mask[-1])
    if length and vocabulary.bos_id is not None and ids[0] != vocabulary.bos_id:
        ids, mask = np.insert(ids, 0, vocabulary.bos_id), np.insert(mask, 0, 0)
    return Targeted(
        ids=ids.astype(np.int32), loss_mask=mask.astype(np.uint8), num_inserted=len(ids) - length
    )
