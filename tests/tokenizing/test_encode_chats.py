"""A batch of conversations or prompts becomes tokens, or a reason each; the engine is audited."""

import json
from dataclasses import replace
from typing import Any

import chats
import numpy as np
import pyarrow as pa
import pytest
from altered import losing

from bfpack_spark.corpus.documents import Chat, Columns, Documents
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.tokenizing.encode_chats import encode_chats
from bfpack_spark.tokenizing.look_at_chats import look_at_chats
from bfpack_spark.tokenizing.template_file import ChatTemplate
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokenizing.vocabulary import Vocabulary

GOOD = [{"role": "user", "content": "some"}, {"role": "assistant", "content": "words"}]
BESIDE = {"messages": "tools", "prompt": "completion"}


def columns_of(chat: Chat) -> Columns:
    return Columns(content="m", doc_id="id", chat=chat, beside="b", beside_is=BESIDE[chat])


def vocabulary_of(**more: Any) -> Vocabulary:
    template = ChatTemplate(name="x", source=chats.source("chatml"), special=())
    return replace(chats.vocabulary_of("chatml", **more), template=template)


def spec_of(chat: Chat = "messages", **more: Any) -> TokenizeSpec:
    policy = more.pop("control_tokens", "text")
    given: dict[str, Any] = {"engine": "fastokens", "audit_share": 0.0, **more}
    return TokenizeSpec(
        input_format="jsonl",
        columns=columns_of(chat),
        vocabulary=vocabulary_of(control_tokens=policy),
        max_document_bytes=1000,
        **given,
    )


def documents(content: list[str | None], beside: list[str | None] | None = None) -> Documents:
    names = [f"d{number}" for number in range(len(content))]
    return Documents(
        content=pa.array(content, pa.large_string()),
        doc_id=list(names),
        source=list(names),
        reason=[None] * len(content),
        detail=[None] * len(content),
        beside=pa.array(beside or [None] * len(content), pa.large_string()),
    )


def test_each_document_has_its_tokens_or_its_reason() -> None:
    large = [{"role": "user", "content": "x" * 1000}]
    content = [None, json.dumps(GOOD), "[]", json.dumps(large), json.dumps(GOOD[:1]), ""]
    given = documents(content)
    given.refuse(5, "broken_line", "before")
    encoded, inserted = encode_chats(given, spec_of())
    assert given.reason == [
        *("null_text", None, "not_a_conversation", "too_large", None, "broken_line"),
    ]
    alone, _ = encode_chats(documents([content[1]]), spec_of())
    assert encoded.lengths[[0, 2, 3, 5]].tolist() == [0, 0, 0, 0]
    begin, end = 0, int(encoded.lengths[1])
    assert encoded.ids[begin:end].tolist() == alone.ids.tolist()
    assert encoded.loss_mask is not None
    assert alone.loss_mask is not None
    assert encoded.loss_mask[begin:end].tolist() == alone.loss_mask.tolist()
    assert not encoded.loss_mask[end:].any()  # what has no target is refused where all are
    assert inserted.tolist() == [0] * 6


def test_a_conversation_that_is_nested_too_deep_has_its_reason() -> None:
    deep = {**GOOD[1], "tool_calls": json.loads("[" * 900 + "]" * 900)}
    given = documents([json.dumps([GOOD[0], deep]), json.dumps(GOOD)])
    encode_chats(given, replace(spec_of(), max_document_bytes=10_000))
    (refused, taken) = given.reason
    assert refused is not None
    assert taken is None
    assert "nested too deep" in (given.detail[0] or "")


def test_the_audit_sees_an_engine_that_is_wrong() -> None:
    wrong = losing(lambda text: True)
    given = documents([json.dumps(GOOD)])
    encode_chats(given, spec_of(load=wrong))  # nobody looks
    with pytest.raises(JobError, match=r"d0 .*disagree"):
        encode_chats(documents([json.dumps(GOOD)]), spec_of(load=wrong, audit_share=1.0))
    encode_chats(documents([json.dumps(GOOD)]), spec_of(audit_share=1.0))
    with pytest.raises(JobError, match="disagree"):
        encode_chats(documents(["ask"], ["say"]), spec_of("prompt", load=wrong, audit_share=1.0))


def test_engines_that_differ_where_texts_are_cut_are_asked_again() -> None:
    """The fast one loses an id of the cut text alone, so the reference says where tokens lie."""
    wrong = losing(lambda text: text.count("\ufdd0") > 4)
    given = documents([json.dumps(GOOD)])
    encoded, _ = encode_chats(given, spec_of(load=wrong))
    right, _ = encode_chats(documents([json.dumps(GOOD)]), spec_of())
    assert np.array_equal(encoded.ids, right.ids)
    assert encoded.loss_mask is not None
    assert right.loss_mask is not None
    assert np.array_equal(encoded.loss_mask, right.loss_mask)


@pytest.mark.parametrize(
    ("prompt", "completion", "policy", "reason"),
    [
        ("some", " words", "text", None),
        ("", "words", "text", None),
        ("some", None, "text", "null_text"),
        ("some ", "words", "text", "not_aligned"),
        ("some", " <|im_end|>", "text", None),
        ("some", " <|im_end|>", "quarantine", "control_token"),
        ("<|im_end|>", " some", "quarantine", "control_token"),
        ("", "", "text", "empty"),
        ("x" * 500, "y" * 501, "text", "too_large"),
    ],
)
def test_prompts_are_taken_or_refused(
    prompt: str, completion: str | None, policy: str, reason: str | None
) -> None:
    given = documents([prompt], [completion])
    encoded, _ = encode_chats(given, spec_of("prompt", control_tokens=policy))
    assert given.reason == [reason]
    if reason is None:
        tokenizer = chats.tokenizer("chatml")
        tokenizer.encode_special_tokens = True
        before = tokenizer.encode(prompt).ids
        tokenizer.encode_special_tokens = False
        assert encoded.loss_mask is not None
        assert encoded.loss_mask.tolist() == [0] * len(before) + [1] * (
            len(encoded.ids) - len(before)
        )
        assert encoded.ids[-1] == vocabulary_of().eos_id


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(GOOD[:1], None)] * 3, "none has a token"),
        ([("x", None)], "none can be taken: messages are a text that is no JSON"),
    ],
)
def test_a_sample_that_nobody_can_be_trained_on_is_refused(rows: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        look_at_chats("auto", columns_of("messages"), vocabulary_of(), rows)


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        (("some", ""), "none has a token .*; look whether --completion-column b names the column"),
        (("", "words"), "is to say all of each; look whether the prompts are empty"),
    ],
)
def test_prompts_with_wrong_targets_are_told_of_columns(pair: tuple[str, str], why: str) -> None:
    with pytest.raises(InputError, match=why):
        look_at_chats("auto", columns_of("prompt"), vocabulary_of(), [pair] * 2)


def test_one_good_conversation_of_a_sample_is_enough() -> None:
    rows: Any = [(GOOD[:1], None), ("x", None), (GOOD, None)]
    choice = look_at_chats("auto", columns_of("messages"), vocabulary_of(), rows)
    assert choice.engine == "fastokens"
    assert look_at_chats("auto", columns_of("messages"), vocabulary_of(), []).engine == "fastokens"
