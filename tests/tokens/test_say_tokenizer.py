"""What the log says of a tokenizer before the work."""

import json
from typing import Any

import pytest
from trained import byte_level, vocabulary

from bfpack_spark.config import Settings
from bfpack_spark.tokenizing.engines import limits_of
from bfpack_spark.tokenizing.parity import Choice
from bfpack_spark.tokens.say_tokenizer import say_engine

BOS = {"SpecialToken": {"id": "<|pad|>", "type_id": 0}}
TEXT = {"Sequence": {"id": "A", "type_id": 0}}
TEMPLATE = {"type": "TemplateProcessing", "single": [BOS, TEXT], "pair": [], "special_tokens": {}}


@pytest.mark.parametrize(
    ("post_processor", "bos", "says"),
    [(TEMPLATE, None, True), (TEMPLATE, "<|pad|>", False), (None, None, False)],
)
def test_a_post_processor_that_would_add_what_we_do_not_is_one_line(
    post_processor: dict[str, Any] | None,
    bos: str | None,
    says: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = json.loads(byte_level().to_str()) | {"post_processor": post_processor}
    own = vocabulary(made, bos_token=bos)
    choice = Choice(engine="fastokens", why="it agrees")
    with caplog.at_level("INFO", logger="bfpack"):
        say_engine(Settings(), own, choice, limits_of("fastokens", own))
    lines = [said for said in caplog.messages if "post-processor" in said]
    line = "the tokenizer's post-processor would also put <|pad|> around each document; only "
    assert lines == [f"tokens: {line}--eos-token and --bos-token are"] * says
