"""gigatoken gives the ids of the library, or is not given the file."""

import json
from typing import Any

import pytest
from hypothesis import given
from tokenizers import Tokenizer
from tokenizing import by_engines
from tokenizing.hard import EVERY_SCALAR, hard_texts
from trained import BLANK_AS_IN_LLAMA_2, byte_level, sentencepiece, unigram, vocabulary, word_piece

from bfpack_spark.errors import JobError
from bfpack_spark.tokenizing import sentencepiece as module
from bfpack_spark.tokenizing.engines import limits_of, load_engine
from bfpack_spark.tokenizing.hard_texts import adversarial_texts
from bfpack_spark.tokenizing.parity import compare

Tree = dict[str, Any]

TREE = sentencepiece()
NEXT = len(TREE["model"]["vocab"])
AS_IT_IS = dict.fromkeys(("normalized", "single_word", "lstrip", "rstrip", "special"), False)
NEW_LINES = {**AS_IT_IS, "id": NEXT, "content": "\n\n\n"}
STEPS = BLANK_AS_IN_LLAMA_2["normalizer"]["normalizers"]
REPLACE = STEPS[1]
SPLIT = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious"}


def metaspace(scheme: str, *, split: bool) -> Tree:
    step = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split}
    return {"normalizer": None, "pre_tokenizer": step}


SHAPES: dict[str, Tree] = {
    "Llama 2": {},
    "Gemma": {"normalizer": REPLACE, "pre_tokenizer": {**SPLIT, "invert": False}},
    "with an added token": {"added_tokens": [*TREE["added_tokens"], NEW_LINES]},
    "nothing": {"normalizer": None},
    "a Replace alone": {"normalizer": REPLACE},
    "NFKC first": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, *STEPS]}},
    **{
        f"Metaspace {scheme} {'split' if split else 'whole'}": metaspace(scheme, split=split)
        for scheme in ("first", "always", "never")
        for split in (True, False)
    },
}
EACH_SHAPE = pytest.mark.parametrize("parts", SHAPES.values(), ids=SHAPES)


def known(tree: Tree, texts: list[str], *, as_text: bool = True) -> list[list[int]]:
    return by_engines.known(Tokenizer.from_str(json.dumps(tree)), texts, as_text=as_text)


def encode(tree: Tree, texts: list[str], **more: Any) -> list[list[int]]:
    return by_engines.encode("gigatoken", vocabulary(tree, **more), texts)


@EACH_SHAPE
@given(text=hard_texts("<s>", "</s>", "<unk>", "<0x41>", "\n\n\n", "some", "words", "  "))
def test_any_text_has_the_ids_of_the_library(parts: Tree, text: str) -> None:
    tree = TREE | parts
    assert encode(tree, [text, "", "a b"]) == known(tree, [text, "", "a b"])
    if parts is not SHAPES["NFKC first"]:
        allowed = encode(tree, [text], control_tokens="allow")
        assert allowed == known(tree, [text], as_text=False)


@EACH_SHAPE
def test_hard_texts_have_the_ids_of_the_library(parts: Tree) -> None:
    own = vocabulary(TREE | parts)
    texts = adversarial_texts(own)
    assert max(map(len, texts)) >= 200_000
    assert compare(texts, own, "gigatoken") is None


def test_every_scalar_value_has_the_ids_of_the_library() -> None:
    assert encode(TREE, EVERY_SCALAR) == known(TREE, EVERY_SCALAR)


def test_a_long_text_in_pieces_has_the_ids_of_the_whole() -> None:
    own = vocabulary(TREE | metaspace("always", split=True))
    assert own.cuts is not None
    text = "some words to learn, and  some to forget\n" * 30_000
    assert len(text) > 1 << 20
    (ids,) = encode(TREE | metaspace("always", split=True), [text])
    assert ids == known(TREE | metaspace("always", split=True), [text])[0]


def test_an_engine_is_made_anew_when_it_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = module.SentencePieceEngine(vocabulary(TREE))
    first, expected = engine._engine, engine.encode(["some words"])[0].tolist()
    monkeypatch.setattr(module, "_READ_CHARS", 15)
    engine.encode(["some words"])  # it has read enough, and has not grown
    assert engine._engine is first
    monkeypatch.setattr(module, "_GROWN_BYTES", -(1 << 40))
    engine.encode(["some words"])  # it has read too little since
    assert engine._engine is first
    engine.encode(["some words"])
    assert engine._engine is not first
    assert engine.encode(["some words"])[0].tolist() == expected


def test_it_has_the_limits_of_the_reference() -> None:
    for parts in ({}, metaspace("always", split=True)):
        own = vocabulary(TREE | parts)
        assert limits_of("gigatoken", own) == limits_of("tokenizers", own)


def model(**parts: Any) -> Tree:
    return {"model": TREE["model"] | parts}


def without_a_byte() -> Tree:
    return model(vocab={name: n for name, n in TREE["model"]["vocab"].items() if name != "<0x41>"})


REFUSED: dict[str, tuple[Tree, str]] = {
    "prefix": (model(continuing_subword_prefix="##"), "a model with continuing_subword_prefix"),
    "suffix": (model(end_of_word_suffix="</w>"), "a model with end_of_word_suffix"),
    "merges": (model(ignore_merges=True), "a model with ignore_merges"),
    "no bytes": (model(byte_fallback=False), "a model of the type BPE without byte_fallback"),
    "a byte less": (without_a_byte(), "a vocabulary without <0x41>"),
    "pieces": ({"pre_tokenizer": {"type": "Digits"}}, "the pre-tokenizer Digits"),
    "both": (
        {"pre_tokenizer": metaspace("first", split=True)["pre_tokenizer"]},
        "Metaspace behind a normalizer",
    ),
    "found in normalized text": (
        {"added_tokens": [{**NEW_LINES, "normalized": True}]},
        r"the added token '\\n\\n\\n', which is not looked for as it is",
    ),
    "with blanks": ({"added_tokens": [{**NEW_LINES, "rstrip": True}]}, "which is not looked for"),
}


@pytest.mark.parametrize(("parts", "why"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_it_may_get_wrong_is_not_given_to_it(parts: Tree, why: str) -> None:
    with pytest.raises(ValueError, match=f"gigatoken is not given .*{why}"):
        load_engine("gigatoken", vocabulary(TREE | parts))


@pytest.mark.parametrize("make", [byte_level, word_piece, unigram])
def test_other_kinds_of_tokenizers_are_not_given_to_it(make: Any) -> None:
    with pytest.raises(ValueError, match="gigatoken is not given a model of the type"):
        load_engine("gigatoken", vocabulary(make()))


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_hf_json", None)
    with pytest.raises(ValueError, match=r"not installed: pip install 'bfpack-spark\[gigatoken\]'"):
        module.SentencePieceEngine(vocabulary(TREE))


def test_a_text_on_which_it_fails_is_an_error_with_the_remedy() -> None:
    with pytest.raises(JobError, match=r"gigatoken fails on a text .*; use --engine tokenizers"):
        load_engine("gigatoken", vocabulary(TREE)).encode(["\ud800"])
