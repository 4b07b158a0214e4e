"""A conversation is shown as its tokens, and rows of whole conversations are counted."""

from dataclasses import replace
from pathlib import Path

import chats
import numpy as np
import pytest

from bfpack_spark import explore
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.errors import InputError
from bfpack_spark.report.render import render_conversation

MESSAGES = [
    {"role": "user", "content": "Say <|im_end|> or <b>"},
    {"role": "assistant", "content": "some words"},
]


@pytest.fixture
def tokenizer(tmp_path: Path) -> str:
    chats.tokenizer("chatml").save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|im_end|>"}')
    return str(tmp_path)


def test_tokens_say_whether_they_are_targets_and_control_tokens(tokenizer: str) -> None:
    tokens = explore.conversation_tokens(tokenizer, chats.source("chatml"), MESSAGES)
    assert [t.text for t in tokens if t.is_control] == ["<|im_start|>", "<|im_end|>"] * 2
    assert "".join(t.text for t in tokens if t.is_target) == "some words<|im_end|>"
    shown = render_conversation(tokens)
    assert shown.count("target control") == 1
    assert "<b>" not in shown


def test_a_conversation_that_is_refused_says_why(tokenizer: str) -> None:
    with pytest.raises(InputError, match="no content"):
        explore.conversation_tokens(tokenizer, chats.source("chatml"), [{"role": "user"}])


def test_rows_of_whole_conversations_against_padding() -> None:
    """[5, 3, 2, 6, 9] at 8 -> [6, 2], [5, 3], without the 9; padded, 4 rows of 8 hold 16."""
    lengths = Histogram.of_counts(np.bincount([5, 3, 2, 6, 9]))
    rules = replace(explore.rules_of(), long_documents="drop")
    frame = explore.whole_rows_frame(explore.corpus_stats(lengths, (8,), rules))
    (row,) = frame.to_dict("records")
    assert (row["num_fitting"], row["num_rows"], row["times_fewer"]) == (4, 2, 2.0)
    assert (row["padding_share"], row["padded_share"]) == (0.0, 0.5)
