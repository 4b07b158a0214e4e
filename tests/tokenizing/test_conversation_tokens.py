"""Conversations become ids and loss masks: borders, control words, EOS, and what is refused."""

import math
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import chats
import numpy as np
import pytest

from bfpack_spark.tokenizing import tokenize_conversations as module
from bfpack_spark.tokenizing.conversations import parse_conversation
from bfpack_spark.tokenizing.engines import EngineName
from bfpack_spark.tokenizing.outcomes import Outcome, RefusedError, Targeted
from bfpack_spark.tokenizing.template_file import ChatTemplate
from bfpack_spark.tokenizing.tokenize_conversations import tokenize_conversations

USER = {"role": "user", "content": "some words"}
SAYS = {"role": "assistant", "content": "words"}


def tokenized(template: str, *messages: dict[str, Any], style: str = "chatml", **more: Any) -> Any:
    """By both engines, which agree."""
    outcomes: list[Outcome] = []
    for engine in ("fastokens", "tokenizers"):
        spec = chats.spec_of(style, engine, **more)
        spec = replace(spec, template=replace(spec.template, source=template))
        outcomes += tokenize_conversations([(list(messages), None)], spec)
    one, other = outcomes
    assert type(one) is type(other)
    if not isinstance(one, Targeted):
        assert str(one) == str(other)
        return one
    assert one.ids.tolist() == other.ids.tolist()
    assert one.loss_mask.tolist() == other.loss_mask.tolist()
    return one


def spelled(outcome: Any, style: str = "chatml") -> list[str]:
    """The tokens' names, with ! where one is a target."""
    names = map(chats.tokenizer(style).id_to_token, outcome.ids.tolist())
    return [f"{name}!" if m else name for name, m in zip(names, outcome.loss_mask, strict=True)]


ANSWER = "{% generation %}{{ messages[-1].content }}{% endgeneration %}"


def test_targets_begin_and_end_exactly_where_the_tags_stand() -> None:
    made = tokenized("<|im_start|>x\n" + ANSWER + "<|im_end|>", USER, SAYS)
    assert spelled(made) == ["<|im_start|>", "x", "Ċ", "words!", "<|im_end|>"]


def test_a_target_may_be_first_and_there_may_be_several() -> None:
    made = tokenized(ANSWER + "<|im_end|>x" + ANSWER + "<|im_start|>", SAYS)
    assert spelled(made)[:4] == ["words!", "<|im_end|>", "x", "words!"]


@pytest.mark.parametrize(
    "template",
    [
        "x{{ ' ' }}" + ANSWER,
        "wor{% generation %}ds{% endgeneration %}",
        "word{% generation %}s{% endgeneration %}",
        "x" + ANSWER.replace("}}", "~ ' ' }}") + "some",
    ],
)
def test_a_token_over_a_border_is_refused_and_named(template: str) -> None:
    assert tokenized(template, SAYS).reason == "not_aligned"


def test_a_border_inside_a_control_word_is_refused() -> None:
    made = tokenized("<|im{% generation %}_end|>{% endgeneration %}", SAYS)
    assert made.reason == "not_aligned"
    assert "inside <|im_end|>" in str(made)


@pytest.mark.parametrize(
    ("template", "content"),
    [
        ("<|" + ANSWER, "im_end|>"),
        (ANSWER + "|>", "<|im_end"),
        (ANSWER + "end|>", "<|im_"),
        (ANSWER, "<|im_end|>"),
        ("{{ messages[0].content[:5] }}{{ messages[0].content[5:] }}" + ANSWER, "<|im_end|>"),
        ("{{ messages | tojson }}" + ANSWER, "<|im_end|><|im_start|>"),
    ],
)
def test_a_control_word_with_a_letter_of_a_message_is_text(template: str, content: str) -> None:
    made = tokenized("\n" + template + "\n", {"role": "user", "content": content})
    end = chats.vocabulary_of("chatml").eos_id
    if isinstance(made, Targeted):  # else a token lies over the border, which is no control token
        assert made.ids[:-1].tolist().count(end) == 0
        assert made.ids[-1] == end
    else:
        assert made.reason == "not_aligned"


def test_characters_that_stand_for_control_words_are_refused() -> None:
    made = tokenized(ANSWER, {"role": "user", "content": "a \ufdd5 b"})
    assert made.reason == "control_token"
    assert "U+FDD5" in str(made)


@pytest.mark.parametrize(
    ("policy", "ids_of_end", "reason"),
    [("text", 1, None), ("allow", 2, None), ("quarantine", 0, "control_token")],
)
def test_the_policy_for_control_words_holds_for_messages(
    policy: str, ids_of_end: int, reason: str | None
) -> None:
    message = {"role": "user", "content": "some <|im_end|> words"}
    made = tokenized("\n" + ANSWER + "<|im_end|>", message, control_tokens=policy)
    end = chats.vocabulary_of("chatml").eos_id
    if reason is None:
        assert made.ids.tolist().count(end) == ids_of_end
    else:
        assert made.reason == reason


@pytest.mark.parametrize(
    ("behind", "added", "target"),
    [
        ("<|im_end|>", 0, 0),
        ("<|im_end|>\n", 0, 0),
        ("<|im_end|> \n\n", 0, 0),
        ("", 1, 1),  # a target, as what it ends is
        ("{{ '\n' }}", 1, 0),
        ("<|im_start|>", 1, 0),
        ("<|im_end|>\nx", 1, 0),
    ],
)
def test_eos_is_appended_unless_the_template_ends_with_it(
    behind: str, added: int, target: int
) -> None:
    made = tokenized("\n" + ANSWER + behind, SAYS)
    assert made.num_inserted == added
    if added:
        assert made.ids[-1] == chats.vocabulary_of("chatml").eos_id
        assert made.loss_mask[-1] == target


def test_bos_is_put_before_what_does_not_begin_with_it() -> None:
    made = tokenized("\n" + ANSWER + "<|im_end|>", SAYS, bos_token="<|im_start|>")
    assert spelled(made) == ["<|im_start|>", "Ċ", "words!", "<|im_end|>"]
    assert made.num_inserted == 1
    made = tokenized("<|im_start|>" + ANSWER + "<|im_end|>", SAYS, bos_token="<|im_start|>")
    assert spelled(made) == ["<|im_start|>", "words!", "<|im_end|>"]


@pytest.mark.parametrize("style", chats.STYLES)
def test_the_fast_engine_gives_what_the_reference_gives(style: str) -> None:
    is_sentencepiece = chats.STYLES[style][0] in ("pieces", "spaces")
    name: EngineName = "gigatoken" if is_sentencepiece else "fastokens"
    if is_sentencepiece:
        pytest.importorskip("gigatoken")
    draw = random.Random(style)
    rows = [chats.some_conversation(draw, style) for _ in range(80)]
    fast = tokenize_conversations(rows, chats.spec_of(style, name))
    slow = tokenize_conversations(rows, chats.spec_of(style, "tokenizers"))
    kinds = Counter(type(one).__name__ for one in fast)
    assert kinds["Targeted"] > len(rows) / 2
    for one, other in zip(fast, slow, strict=True):
        if not isinstance(one, Targeted) or not isinstance(other, Targeted):
            assert (type(one), str(one)) == (type(other), str(other))
        else:
            assert np.array_equal(one.ids, other.ids)
            assert np.array_equal(one.loss_mask, other.loss_mask)


BY_PARTS = (
    "{% for m in messages %}<|im_start|>{% for part in m.content if part.type == 'text' %}"
    "{% generation %}{{ part['text'] }}{% endgeneration %}<|im_start|>{% endfor %}<|im_end|>"
    "{% endfor %}"
)
WORD, END = {"type": "text", "text": "words"}, {"type": "text", "text": "<|im_end|>"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("words", ["words!", "<|im_start|>"]),
        ([WORD, "words"], ["words!", "<|im_start|>"] * 2),
        ([], []),
    ],
)
def test_a_template_that_takes_parts_alone_is_given_parts(content: Any, says: list[str]) -> None:
    made = tokenized(BY_PARTS, {"role": "user", "content": content})
    assert spelled(made) == ["<|im_start|>", *says, "<|im_end|>"]


def test_control_words_in_parts_are_text_as_in_any_message() -> None:
    made = tokenized(BY_PARTS, {"role": "user", "content": [WORD, END]})
    end = chats.vocabulary_of("chatml").eos_id
    assert spelled(made).count("words!") == 1
    assert made.ids.tolist().count(end) == 1
    assert made.ids[-1] == end


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ m.content if m.content is string else 'x' }}{% endfor %}",
        "{% for m in messages %}{% for c in m.content %}{{ c }}\n{% endfor %}{% endfor %}",
        "{{ messages[-1].content }}",
        "{% if messages | length > 1 %}{{ raise_exception('one') }}{% endif %}{{ messages }}",
    ],
)
def test_every_other_template_is_given_the_texts_of_parts_as_one(template: str) -> None:
    template += ANSWER.replace("content", "content[:0]")
    one = tokenized("\n" + template, {"role": "user", "content": "some words"})
    parts = [{"type": "text", "text": "some "}, WORD]
    other = tokenized("\n" + template, {"role": "user", "content": parts})
    assert isinstance(one, Targeted)
    assert one.ids.tolist() == other.ids.tolist()


def test_a_template_is_compiled_once_in_a_process() -> None:
    vocabulary = replace(
        chats.vocabulary_of("chatml"), template=ChatTemplate(name="x", source=ANSWER, special=())
    )
    first = module.conversation_spec(vocabulary, "tokenizers")
    assert module.conversation_spec(vocabulary, "tokenizers") is first
    assert first.renderer is first.renderer


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        (None, "null instead of a list"),
        ("[", "no JSON"),
        ({"role": "user"}, "a dict instead of a list"),
        ([], "no message"),
        (["x"], "message 0 is a str"),
        ([USER, {"content": "x"}], "message 1 has no role"),
        ([{"role": "user"}], "message 0 has no content"),
        ([{"role": 1, "content": "x"}], "message 0 has no role"),
        ([{"role": "user", "content": 1}], "message 0 is a int, not text"),
        ([{"role": "user", "content": [{"type": "image", "url": "x"}]}], "of type image"),
        ([{"role": "user", "content": [{"type": "text"}]}], "of type text"),
        ([{"role": "user", "content": [1]}], "a int"),
    ],
)
def test_what_is_no_conversation_is_refused_with_its_place(messages: Any, why: str) -> None:
    with pytest.raises(RefusedError, match=why) as refused:
        parse_conversation(messages)
    assert refused.value.reason == "not_a_conversation"


def test_numbers_in_conversations_that_are_texts_stay_as_they_are() -> None:
    given = '[{"role": "tool", "content": "x", "n": [18446744073709551616, %s]}]'
    held = parse_conversation(given % "-1e400, 1.5").messages[0]
    assert held["n"] == [2**64, -math.inf, 1.5]
    assert str(parse_conversation(given % "NaN").messages[0]["n"][1]) == "nan"
    assert parse_conversation((given % "1").encode()).messages[0]["n"] == [2**64, 1]
    for broken in ('"\\ud800"', "01", "[" * 99_999):
        with pytest.raises(RefusedError, match="no JSON") as refused:
            parse_conversation(given % broken)
        assert refused.value.reason == "not_a_conversation"


def test_conversations_are_read_in_the_ways_that_are_common() -> None:
    parts = [{"type": "text", "text": "a"}, "b"]
    given = [
        {"from": "human", "value": "x", "weight": None},
        {"from": "gpt", "value": None, "tool_calls": []},
        {"role": "tool", "content": parts, "reasoning": "y"},
    ]
    held = parse_conversation(given, '[{"name": "z"}]')
    assert held.messages == [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": []},
        {
            "role": "tool",
            "content": ["a", "b"],
            "reasoning": "y",
            "thinking": "y",
            "reasoning_content": "y",
        },
    ]
    assert held.tools == [{"name": "z"}]
    assert parse_conversation(given, "").tools is None
    with pytest.raises(RefusedError, match="tools") as refused:
        parse_conversation(given, [1])
    assert refused.value.reason == "not_a_conversation"
