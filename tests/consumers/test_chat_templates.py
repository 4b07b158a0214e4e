"""Conversations become the ids and the masks that transformers makes of them."""

import random
import re
from collections import Counter
from typing import Any

import chats
import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import Metaspace
from transformers import PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import render_jinja_template

from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.engines import EngineName
from bfpack_spark.tokenizing.outcomes import RefusedError, Targeted
from bfpack_spark.tokenizing.tokenize_conversations import tokenize_conversations

CONVERSATIONS = 150
LOOK_ALIKES = 60


def theirs(style: str) -> PreTrainedTokenizerFast:
    named = chats.companion(style)
    return PreTrainedTokenizerFast(tokenizer_object=chats.tokenizer(style), **named)


def by_transformers(tokenizer: Any, messages: Any, tools: Any) -> tuple[np.ndarray, np.ndarray]:
    made = tokenizer.apply_chat_template(
        messages, tools=tools, return_dict=True, return_assistant_tokens_mask=True
    )
    return np.array(made["input_ids"]), np.array(made["assistant_masks"])


def lies_over_a_border(tokenizer: Any, messages: Any, tools: Any) -> bool:
    """Whether a target begins or ends inside a token, by the places that transformers finds."""
    texts, spans = render_jinja_template(
        [messages],
        tools=tools,
        chat_template=tokenizer.chat_template,
        return_assistant_tokens_mask=True,
        **tokenizer.special_tokens_map,
    )
    placed = tokenizer(texts[0], add_special_tokens=False, return_offsets_mapping=True)
    places = [place for span in spans[0] for place in span]
    return any(a < place < b for place in places for a, b in placed["offset_mapping"])


def without_ours(made: Targeted, theirs: np.ndarray, eos: int) -> tuple[np.ndarray, np.ndarray]:
    """Ours without the EOS that we append, which is a target if the token before it is."""
    if made.num_inserted:
        assert len(made.ids) == len(theirs) + 1
        assert made.ids[-1] == eos
        assert made.loss_mask[-1] == made.loss_mask[-2]
        return made.ids[:-1], made.loss_mask[:-1]
    return made.ids, made.loss_mask


@pytest.mark.parametrize("engine", ["tokenizers", "fastokens"])
@pytest.mark.parametrize("style", chats.STYLES)
def test_ids_and_masks_are_those_of_transformers(style: str, engine: EngineName) -> None:
    if engine == "fastokens" and chats.STYLES[style][0] in ("pieces", "spaces"):
        pytest.skip("fastokens refuses pieces of SentencePiece")
    tokenizer, spec = theirs(style), chats.spec_of(style, engine)
    draw = random.Random(style)
    rows = [chats.some_conversation(draw, style) for _ in range(CONVERSATIONS)]
    seen: Counter[str] = Counter()
    for (messages, tools), ours in zip(rows, tokenize_conversations(rows, spec), strict=True):
        if isinstance(ours, RefusedError):
            assert ours.reason == Reason.NOT_ALIGNED, ours
            assert lies_over_a_border(tokenizer, messages, tools), ours
            seen["refused"] += 1
            continue
        expected, targets = by_transformers(tokenizer, messages, tools)
        ids, mask = without_ours(ours, expected, tokenizer.eos_token_id)
        assert ids.tolist() == expected.tolist()
        assert mask.tolist() == targets.tolist()
        seen["with targets"] += bool(mask.any() and not mask.all())
    assert seen["with targets"] > CONVERSATIONS / 3, seen
    assert seen["refused"] + seen["with targets"] > CONVERSATIONS * 0.9, seen


@pytest.mark.parametrize("style", chats.STYLES)
def test_control_words_in_messages_stay_text(style: str) -> None:
    tokenizer, spec = theirs(style), chats.spec_of(style)
    draw = random.Random(style)
    words = [word for word in spec.stand_ins.words if len(word) > 1]
    rows = [chats.some_conversation(draw, style) for _ in range(LOOK_ALIKES)]
    for messages, _ in rows:
        for message in messages:
            message["content"] = f"Q {HIDDEN}{draw.choice(['', ' ', HIDDEN])}words"
    texts = [tokenizer.apply_chat_template(*row, tokenize=False) for row in rows]
    told = 0
    for (messages, tools), text in zip(rows, texts, strict=True):
        word = draw.choice(words)
        for message in messages:
            message["content"] = message["content"].replace(HIDDEN, word)
        (ours,) = tokenize_conversations([(messages, tools)], spec)
        assert not isinstance(ours, RefusedError), ours
        expected = piece_by_piece(style, text, words, word)
        ids, _ = without_ours(ours, expected, tokenizer.eos_token_id)
        assert ids.tolist() == expected.tolist()
        told += ids.tolist() != by_transformers(tokenizer, messages, tools)[0].tolist()
    assert told == len(rows)


HIDDEN = "Qzzq"  # stands for a control word while transformers renders


def piece_by_piece(style: str, text: str, words: list[str], hidden: str) -> np.ndarray:
    """The ids of a text whose control words are all the template's: each stretch between them is
    encoded alone, by a tokenizer that finds no special tokens in text."""
    alone = Tokenizer.from_str(chats.tokenizer(style).to_str())
    alone.encode_special_tokens = True
    ids: list[int] = []
    for part in re.split("(" + "|".join(map(re.escape, words)) + ")", text):
        if part in words:
            ids.append(alone.token_to_id(part))
        elif part:
            ids += alone.encode(part.replace(HIDDEN, hidden), add_special_tokens=False).ids
        if chats.STYLES[style][0] == "pieces":  # a blank comes before the whole text alone
            alone.pre_tokenizer = Metaspace(prepend_scheme="never", split=False)
    return np.array(ids)
