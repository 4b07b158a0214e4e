"""Prompts with completions -> ids and loss masks, or why one is refused: the completion's tokens
are the targets.

A prompt is tokenized alone too. Its tokens must be the first ones of both together, since a model
that is asked the prompt sees these.

    "Q: a\\nA:" + " b"  ->  1 7 8 | 9 2      refused: "Q: a\\nA: " + "b", where " b" is a token
"""

from collections.abc import Sequence

import numpy as np

from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.engines import EngineName, Load, load_engine
from bfpack_spark.tokenizing.ids_of_texts import Ids, parts_of_batch
from bfpack_spark.tokenizing.outcomes import Outcome, RefusedError, with_ends
from bfpack_spark.tokenizing.vocabulary import Vocabulary


def tokenize_prompts(
    rows: Sequence[tuple[str, str]],
    vocabulary: Vocabulary,
    name: EngineName,
    load: Load = load_engine,
) -> list[Outcome]:
    """Return ids and mask of each prompt with its completion, or why it is refused."""
    engine = load(name, vocabulary)
    wholes = parts_of_batch(*engine.encode([prompt + completion for prompt, completion in rows]))
    prompts = parts_of_batch(*engine.encode([prompt for prompt, _ in rows]))
    guarded = list(vocabulary.guarded_ids)
    out: list[Outcome] = []
    for (prompt, completion), ids, before in zip(rows, wholes, prompts, strict=True):
        if len(ids) < len(before) or not np.array_equal(ids[: len(before)], before):
            out.append(RefusedError(Reason.NOT_ALIGNED, _overlap(prompt, ids, before)))
        elif not len(ids) and prompt + completion:
            out.append(RefusedError(Reason.NOT_SPELLED, "some of the text is no token"))
        elif vocabulary.control_tokens != "allow" and np.isin(ids, guarded).any():
            why = "the text's own tokens include a control token's id"
            out.append(RefusedError(Reason.CONTROL_TOKEN, why))
        else:
            mask = (np.arange(len(ids)) >= len(before)).astype(np.uint8)
            is_ended = bool(len(ids)) and ids[-1] == vocabulary.eos_id
            out.append(with_ends(ids, mask, vocabulary, is_ended=is_ended))
    return out


def _overlap(prompt: str, ids: Ids, before: Ids) -> str:
    shared = min(len(ids), len(before))
    place = int(np.argmin(np.append(ids[:shared] == before[:shared], False)))
    return (
        f"the prompt has {len(before)} tokens, and its token {place} is another one when the "
        f"completion follows; the prompt ends in {prompt[-20:]!r}"
    )
