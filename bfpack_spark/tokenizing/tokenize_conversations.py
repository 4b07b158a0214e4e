"""Conversations -> ids and loss masks, or why one is refused.

EOS is appended unless the template has ended the last turn with it, which is so if nothing but
blanks follows it.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.aligned_tokens import Aligned, StoodIn, encode_aligned, stand_in
from bfpack_spark.tokenizing.conversations import parse_conversation
from bfpack_spark.tokenizing.engines import EngineName, Load, load_engine
from bfpack_spark.tokenizing.outcomes import Outcome, RefusedError, Row, with_ends
from bfpack_spark.tokenizing.renderer import Renderer
from bfpack_spark.tokenizing.stand_ins import StandIns, make_stand_ins
from bfpack_spark.tokenizing.template_file import ChatTemplate
from bfpack_spark.tokenizing.traced_text import MESSAGE, runs_of
from bfpack_spark.tokenizing.vocabulary import Vocabulary

_specs: dict[tuple[str, str, str, str], "ConversationSpec"] = {}


@dataclass(frozen=True, kw_only=True)
class ConversationSpec:
    """What conversations are tokenized with."""

    template: ChatTemplate
    stand_ins: StandIns
    engine: EngineName
    load: Load = load_engine

    @functools.cached_property
    def renderer(self) -> Renderer:
        """Return the compiled template."""
        return Renderer(self.template, list(self.stand_ins.words))


def conversation_spec(
    vocabulary: Vocabulary, engine: EngineName, load: Load = load_engine
) -> ConversationSpec:
    """Return what conversations are tokenized with, which is made once in a process. Raises
    InputError if the template cannot be used."""
    assert vocabulary.template is not None, "read where there are messages"
    policy = str((vocabulary.control_tokens, vocabulary.inserted_ids, vocabulary.own_pad_id))
    key = (vocabulary.sha256, vocabulary.template.sha256, policy, engine)
    if key not in _specs or _specs[key].load is not load:
        stand_ins = make_stand_ins(vocabulary)
        _specs[key] = ConversationSpec(
            template=vocabulary.template, stand_ins=stand_ins, engine=engine, load=load
        )
        _specs[key].renderer  # noqa: B018  # raises the error
    return _specs[key]


def tokenize_conversations(rows: Sequence[Row], spec: ConversationSpec) -> list[Outcome]:
    """Return ids and mask of each pair of messages and tools, or why it is refused."""
    texts = [_stood_in(messages, tools, spec) for messages, tools in rows]
    good = [text for text in texts if isinstance(text, StoodIn)]
    encoded = iter(encode_aligned(good, spec.stand_ins, spec.engine, spec.load))
    return [
        text if isinstance(text, RefusedError) else _outcome(text, next(encoded), spec.stand_ins)
        for text in texts
    ]


def stood_in_texts(rows: Sequence[Row], spec: ConversationSpec) -> list[str]:
    """Return the texts that the engines are given of conversations, whole and cut at borders."""
    texts = [_stood_in(messages, tools, spec) for messages, tools in rows]
    good = [text for text in texts if isinstance(text, StoodIn)]
    border = spec.stand_ins.border
    return [text for one in good for text in (one.text, border.join(one.pieces()))]


def _outcome(text: StoodIn, aligned: Aligned | RefusedError, stand_ins: StandIns) -> Outcome:
    if isinstance(aligned, RefusedError):
        return aligned
    is_ended = text.text.rstrip().endswith(stand_ins.eos)
    return with_ends(*aligned, stand_ins.own, is_ended=is_ended)


def _stood_in(messages: Any, tools: Any, spec: ConversationSpec) -> StoodIn | RefusedError:
    try:
        rendered = spec.renderer.render(parse_conversation(messages, tools))
        if spec.stand_ins.own.control_tokens == "quarantine":
            _refuse_control_words(rendered, spec.stand_ins)
        return stand_in(rendered, spec.stand_ins)
    except RefusedError as error:
        return error


def _refuse_control_words(rendered: str, stand_ins: StandIns) -> None:
    place = 0
    for length, flags in runs_of(rendered):
        text = str.__str__(rendered)
        match = stand_ins.pattern.search(text, place, place + length) if flags & MESSAGE else None
        if match is not None:
            why = f"{match.group()} in a message, at character {match.start()}"
            raise RefusedError(Reason.CONTROL_TOKEN, why)
        place += length
