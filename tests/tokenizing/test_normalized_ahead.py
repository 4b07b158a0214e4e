"""Steps of a normalizer done ahead of an engine: the ids of the library, or no steps at all."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from tokenizers import Tokenizer, normalizers
from tokenizing.hard import hard_texts
from trained import byte_level, vocabulary

from bfpack_spark.tokenizing.engines import load_engine
from bfpack_spark.tokenizing.normalizers import normalizing
from bfpack_spark.tokenizing.parity import choose_engine

Tree = dict[str, Any]

STEPS: dict[str, list[Tree]] = {
    **{kind: [{"type": kind}] for kind in ("NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Nmt")},
    "Strip": [{"type": "Strip", "strip_left": True, "strip_right": True}],
    "NFKC, lower case, NFC": [{"type": kind} for kind in ("NFKC", "Lowercase", "NFC")],
    "lower case, NFKD, without marks": [
        {"type": kind} for kind in ("Lowercase", "NFKD", "StripAccents")
    ],
}
EACH = pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
TREE = json.loads(byte_level().to_str())


def normalized(steps: list[Tree]) -> Tree:
    return TREE | {"normalizer": {"type": "Sequence", "normalizers": steps}}


@EACH
@given(text=hard_texts("\r\n", "ab"))
def test_steps_give_what_the_library_gives(steps: list[Tree], text: str) -> None:
    tokenizer = Tokenizer.from_str(json.dumps(normalized(steps)))
    assert normalizing(steps)(text) == tokenizer.normalizer.normalize_str(text)


def test_every_letter_with_a_mark_is_normalized_as_by_the_library() -> None:
    marks = [chr(code) for code in range(0x80, 0x3100)]
    text = "".join(f"{letter}{mark}a{mark}" for letter in "aK<" for mark in marks)
    for name in ("NFC", "NFD", "NFKC", "NFKD"):
        library = getattr(normalizers, name)().normalize_str(text)
        assert normalizing([{"type": name}])(text) == library
        assert library != text


@EACH
@given(text=hard_texts("\r\n", "ab"))
def test_the_fast_engine_gives_the_ids_of_the_library(steps: list[Tree], text: str) -> None:
    tree = normalized(steps)
    tokenizer = Tokenizer.from_str(json.dumps(tree))
    tokenizer.encode_special_tokens = True
    ids, _ = load_engine("fastokens", vocabulary(tree)).encode([text])
    assert np.array_equal(ids, tokenizer.encode(text, add_special_tokens=False).ids)


def test_auto_takes_the_fast_engine_with_a_normalizer_it_lacks() -> None:
    own = vocabulary(normalized(STEPS["NFKC"]))
    assert choose_engine("auto", own, ["\ufb01ne words"]).engine == "fastokens"


@pytest.mark.parametrize("policy", ["text", "allow"])
def test_nothing_goes_ahead_where_an_added_token_is_looked_for(policy: str) -> None:
    tree = normalized(STEPS["NFKC"])
    plain = {**tree["added_tokens"][1], "special": policy == "allow", "content": "\ufb01"}
    tree = {
        **tree,
        "added_tokens": [tree["added_tokens"][0], {**plain, "id": len(TREE["model"]["vocab"])}],
    }
    own = vocabulary(tree, control_tokens=policy)
    with pytest.raises(ValueError, match="NFKC cannot be applied beforehand, because the added"):
        load_engine("fastokens", own)
    assert choose_engine("auto", own, []).engine == "tokenizers"
