"""A text in pieces gives the ids of the whole, or it is not cut."""

import functools
import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_control_words import unigram, word_level, word_piece
from test_patterns import DEEPSEEK, LLAMA3, O200K
from tokenizers import Tokenizer
from trained import byte_level, raw, vocabulary

from bfpack_spark.tokenizing.engines import Limits, ReferenceEngine, limits_of, load_engine
from bfpack_spark.tokenizing.vocabulary import Vocabulary

Tree = dict[str, Any]
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
METASPACE = {"type": "Metaspace", "replacement": "\u2581", "split": True}
BERT = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}


def split(expression: str, behavior: str = "Isolated", **more: Any) -> Tree:
    pattern = {"Regex": expression}
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": False, **more}


def sequence(*steps: Tree) -> Tree:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def added(content: str, **flags: bool) -> Tree:
    names = ("special", "single_word", "lstrip", "rstrip", "normalized")
    return {"id": 320, "content": content, **dict.fromkeys(names, False), **flags}


def like(made: Tree, **parts: Any) -> Tree:
    return {**made, **parts}


def bpe(pre_tokenizer: Tree | None, **parts: Any) -> Tree:
    made: Tree = json.loads(raw(byte_level()))
    made["added_tokens"] += parts.pop("more", [])
    return like(made, pre_tokenizer=pre_tokenizer, **parts)


GPT2_BYTES = {**BYTES, "use_regex": True}
PROVABLE: dict[str, Tree] = {
    "gpt-2": bpe(GPT2_BYTES),
    "gpt-2 with a space in front": bpe({**GPT2_BYTES, "add_prefix_space": True}),
    "gpt-2, its blanks as added tokens": bpe(GPT2_BYTES, more=[added("  ")]),
    "an added token that takes blanks before it": bpe(GPT2_BYTES, more=[added("<a>", lstrip=True)]),
    "llama-3": bpe(sequence(split(LLAMA3), BYTES), normalizer=None),
    "o200k": bpe(sequence(split(O200K), BYTES)),
    "qwen": bpe(sequence(split(LLAMA3.replace("{1,3}", "")), BYTES), normalizer={"type": "NFC"}),
    "deepseek-v3": bpe(
        sequence(split(r"\p{N}{1,3}"), split(r"[一-龥ࠀ-一가-퟿]+"), split(DEEPSEEK), BYTES)
    ),
    "deepseek-llm": bpe(
        sequence(
            split(r"[\r\n]"),
            split(r"\s?\p{L}+"),
            split(r"\s?\p{P}+"),
            split(r"[一-龥ࠀ-一가-퟿]+"),
            {"type": "Digits", "individual_digits": True},
            BYTES,
        )
    ),
    "bert": like(word_piece(), normalizer=BERT, pre_tokenizer={"type": "BertPreTokenizer"}),
    "words": like(word_level(), pre_tokenizer={"type": "Whitespace"}),
    "t5": like(
        unigram(),
        normalizer={
            "type": "Sequence",
            "normalizers": [
                {"type": "NFKC"},
                {"type": "Strip", "strip_left": False, "strip_right": True},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"},
            ],
        },
        pre_tokenizer=sequence(
            {"type": "WhitespaceSplit"}, {**METASPACE, "prepend_scheme": "first"}
        ),
    ),
    "metaspace always": like(unigram(), pre_tokenizer={**METASPACE, "prepend_scheme": "always"}),
    "metaspace first": like(unigram(), pre_tokenizer={**METASPACE, "prepend_scheme": "first"}),
}  # fmt: skip

UNPROVABLE: dict[str, Tree] = {
    "no pre-tokenizer": bpe(None),
    "no step ends a piece": bpe(BYTES),
    "a step that is not known": bpe(sequence({"type": "UnicodeScripts"}, GPT2_BYTES)),
    "an expression that is not understood": bpe(sequence(split(r"\b\w+"), BYTES)),
    "a match that goes over a blank": bpe(sequence(split(r"\w+\s?"), BYTES)),
    "a match joined with what is before it": bpe(split(r"\s+", "MergedWithPrevious")),
    "a normalizer that writes blanks anew": bpe(
        GPT2_BYTES, normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    ),
    "a normalizer that puts something in front": bpe(
        GPT2_BYTES, normalizer={"type": "Prepend", "prepend": "\u2581"}
    ),
    "a normalizer that strips the front": bpe(
        GPT2_BYTES, normalizer={"type": "Strip", "strip_left": True, "strip_right": True}
    ),
    "an added token over a blank": bpe(GPT2_BYTES, more=[added("a b")]),
    "an added token that takes blanks behind it": bpe(GPT2_BYTES, more=[added("<a>", rstrip=True)]),
    "an added token that is a word": bpe(GPT2_BYTES, more=[added(" a", single_word=True)]),
}


@functools.cache
def provable(name: str) -> Vocabulary:
    return vocabulary(PROVABLE[name])


WORDS = [
    "a",
    "Zb",
    "9",
    "12",
    "漢",
    "é",
    "e\u0301",
    "\u0130",
    "\ufb01",
    "'s",
    "don't",
    "<a>",
    "</s>",
    "!",
    "x/",
]
BLANKS = [" ", "  ", "\n", "\n\n", "\r\n", "\t", "\u00a0", " \n", "\u3000", "\u200d"]
TEXTS = st.lists(st.sampled_from([*WORDS, *BLANKS, " ", " a", "b\n"]), max_size=25).map("".join)


def whole_and_cut(own: Vocabulary, text: str, piece: int) -> Iterator[list[int]]:
    engine = load_engine("tokenizers", own)
    assert own.cuts is not None
    pieces = list(own.cuts.pieces(text, piece))
    assert "".join(pieces) == text
    for texts in ([text], pieces):
        yield [int(i) for one in texts for i in engine.encode([one])[0]]


@pytest.mark.parametrize("name", PROVABLE)
@settings(max_examples=60)
@given(TEXTS, st.integers(0, 3))
def test_pieces_give_the_ids_of_the_whole(name: str, text: str, piece: int) -> None:
    whole, cut = whole_and_cut(provable(name), text, piece)
    assert cut == whole


@pytest.mark.parametrize("name", PROVABLE)
def test_every_pair_of_words_with_every_blank_between_is_cut_rightly(name: str) -> None:
    own = provable(name)
    assert own.cuts is not None
    num_cuts = 0
    for one, blank, other in itertools.product(WORDS[::2], BLANKS, WORDS[1::2]):
        text = f"{one} {one}{blank}{other} {other}"
        whole, cut = whole_and_cut(own, text, 0)
        assert cut == whole, text
        num_cuts += len(list(own.cuts.pieces(text, 0))) - 1
    assert num_cuts > 100


@pytest.mark.parametrize("made", UNPROVABLE.values(), ids=UNPROVABLE)
def test_where_nothing_is_proved_nothing_is_cut(made: Tree) -> None:
    own = vocabulary(made)
    assert own.cuts is None
    assert limits_of("tokenizers", own) == Limits(max_bytes=8 << 20)
    assert limits_of("fastokens", own) == Limits(max_bytes=256 << 20)


def test_tokens_sought_only_where_allowed_matter_only_there() -> None:
    made = bpe(GPT2_BYTES, more=[added("<a>", rstrip=True, special=True)])
    assert vocabulary(made).cuts is not None
    assert vocabulary(made, control_tokens="allow").cuts is None


def test_places_are_those_that_every_step_leaves() -> None:
    blanks = {
        name: sorted(vocabulary(PROVABLE[name]).cuts.blank)  # type: ignore[union-attr]
        for name in ("gpt-2", "gpt-2 with a space in front", "bert", "t5")
    }
    assert blanks == {
        "gpt-2": ["newline", "space"],
        "gpt-2 with a space in front": ["space"],
        "bert": ["space"],  # it turns newlines into spaces
        "t5": ["space"],
    }
    cuts = vocabulary(PROVABLE["gpt-2"]).cuts
    assert cuts is not None
    assert list(cuts.pieces("aa b  c\nd! e", 0)) == ["aa", " b  c", "\nd! e"]
    assert list(cuts.pieces("aa bb cc dd", 4)) == ["aa bb", " cc dd"]


class Watched(ReferenceEngine):
    """It notes how many characters the library is given at once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__(vocabulary)
        self.given: list[int] = []

    def encode_at_once(self, texts: list[str]) -> Any:
        self.given.append(sum(map(len, texts)))
        return super().encode_at_once(texts)


def test_a_long_text_is_given_to_the_reference_piece_by_piece() -> None:
    own = vocabulary(PROVABLE["gpt-2"])
    text = "some words to learn " * 120_000  # 2.4 million characters
    library = Tokenizer.from_buffer(own.engine_json)
    whole = library.encode(text, add_special_tokens=False).ids
    engine = Watched(own)
    ids, lengths = engine.encode(["a", text, "", "b" * 100])
    assert lengths.tolist()[1:3] == [len(whole), 0]
    assert np.array_equal(ids[lengths[0] : lengths[:2].sum()], whole)
    assert len(engine.given) == 5  # "a", three pieces, the rest
    assert max(engine.given) < (1 << 20) + 100
