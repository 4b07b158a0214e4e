"""Conversations, and prompts with completions -> ids and loss masks, or why one is refused.

EOS is appended unless the template has ended the last turn with it, which is so if nothing but
blanks follows it. An EOS that is appended is a target if the token before it is one. BOS, if there
is one, is put before what does not begin with it, and is no target.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.aligned_tokens import (
    Aligned,
    ForgedError,
    NotAlignedError,
    NotSpelledError,
    StoodIn,
    encode_aligned,
    stand_in,
)
from bfpack_spark.tokenizing.chat_template import ChatTemplate, NotRenderedError, Renderer
from bfpack_spark.tokenizing.conversations import NotAConversationError, parse_conversation
from bfpack_spark.tokenizing.engines import EngineName, Load, load_engine
from bfpack_spark.tokenizing.stand_ins import StandIns
from bfpack_spark.tokenizing.traced_text import MESSAGE, runs_of
from bfpack_spark.tokenizing.vocabulary import Vocabulary

_REASONS: dict[type[ValueError], str] = {
    NotAConversationError: Reason.NOT_A_CONVERSATION,
    NotRenderedError: Reason.NOT_RENDERED,
    NotAlignedError: Reason.NOT_ALIGNED,
    NotSpelledError: Reason.NOT_SPELLED,
    ForgedError: Reason.CONTROL_TOKEN,
}
_REFUSALS = tuple(_REASONS)


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why a document has no tokens."""

    reason: str
    detail: str


Outcome: TypeAlias = Aligned | Refused

_renderers: dict[tuple[str, str], Renderer] = {}


@dataclass(frozen=True, kw_only=True)
class ConversationSpec:
    """What a worker needs to know to tokenize conversations. It travels with the function."""

    template: ChatTemplate
    stand_ins: StandIns
    engine: EngineName
    load: Load = load_engine

    def renderer(self) -> Renderer:
        """Return the compiled template, one for a process."""
        key = (self.template.sha256, self.stand_ins.vocabulary.sha256)
        if key not in _renderers:
            _renderers[key] = Renderer(self.template, list(self.stand_ins.words))
        return _renderers[key]


def tokenize_conversations(
    rows: Sequence[tuple[Any, Any]], spec: ConversationSpec
) -> list[Outcome]:
    """Return ids and mask of each conversation, which is a pair of messages and tools, or why it is
    refused."""
    texts = [_stood_in(messages, tools, spec) for messages, tools in rows]
    good = [text for text in texts if isinstance(text, StoodIn)]
    encoded = iter(encode_aligned(good, spec.stand_ins, spec.engine, spec.load))
    vocabulary = spec.stand_ins.own
    out: list[Outcome] = []
    for text in texts:
        if isinstance(text, Refused):
            out.append(text)
            continue
        aligned = next(encoded)
        if isinstance(aligned, ValueError):
            out.append(_refused(aligned))
        else:
            out.append(
                _with_ends(
                    aligned, vocabulary, is_ended=text.text.rstrip().endswith(spec.stand_ins.eos)
                )
            )
    return out


def _stood_in(messages: Any, tools: Any, spec: ConversationSpec) -> StoodIn | Refused:
    try:
        rendered = spec.renderer().render(parse_conversation(messages, tools))
        if spec.stand_ins.own.control_tokens == "quarantine":
            _refuse_control_words(rendered, spec.stand_ins)
        return stand_in(rendered, spec.stand_ins)
    except _REFUSALS as error:
        return _refused(error)


def _refused(error: ValueError) -> Refused:
    return Refused(reason=_REASONS[type(error)], detail=str(error))


def _refuse_control_words(rendered: str, stand_ins: StandIns) -> None:
    place = 0
    for length, flags in runs_of(rendered):
        text = str.__str__(rendered)
        match = stand_ins.pattern.search(text, place, place + length) if flags & MESSAGE else None
        if match is not None:
            raise ForgedError(f"{match.group()} in a message, at character {match.start()}")
        place += length


def _with_ends(aligned: Aligned, vocabulary: Vocabulary, *, is_ended: bool) -> Aligned:
    ids, mask = aligned
    if not len(ids):
        return aligned
    if not is_ended and ids[-1] != vocabulary.eos_id:
        ids, mask = _put(ids, vocabulary.eos_id, len(ids)), _put(mask, mask[-1], len(mask))
    if vocabulary.bos_id is not None and ids[0] != vocabulary.bos_id:
        ids, mask = _put(ids, vocabulary.bos_id, 0), _put(mask, 0, 0)
    return ids, mask


def _put(values: Any, value: int, place: int) -> Any:
    return np.insert(values, place, value)
