"""A text in words has the ids of the whole, or the file is refused."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizing import by_engines
from tokenizing.hard import hard_texts
from trained import bert, byte_level, sentencepiece, unigram, vocabulary, word_piece

from bfpack_spark.errors import JobError
from bfpack_spark.tokenizing import kept_words as module
from bfpack_spark.tokenizing.engines import EngineName, limits_of, load_engine
from bfpack_spark.tokenizing.hard_texts import adversarial_texts
from bfpack_spark.tokenizing.parity import compare

Tree = dict[str, Any]

ONE_WORD = {"normalized": False, "single_word": False, "lstrip": False, "rstrip": False}


def steps(*names: str, **more: Any) -> Tree:
    return {"type": "Sequence", "normalizers": [{"type": name, **more} for name in names]}


def metaspace(scheme: str, **more: Any) -> Tree:
    return {
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": "\u2581",
            "prepend_scheme": scheme,
            "split": True,
            **more,
        }
    }


BERT, UNIGRAM = json.loads(bert().to_str()), json.loads(unigram().to_str())
BERTS = BERT["normalizer"]
SHAPES: dict[str, Tree] = {
    "BERT": BERT,
    "BERT with case": BERT | {"normalizer": BERTS | {"lowercase": False, "strip_accents": None}},
    "BERT with controls": BERT | {"normalizer": BERTS | {"clean_text": False}},
    "WordPiece as it is": BERT | {"normalizer": None},
    "WordPiece with NFC": BERT | {"normalizer": steps("NFC", "Lowercase")},
    "WordPiece with NFKD": BERT | {"normalizer": steps("NFKD", "StripAccents", "Lowercase")},
    "Unigram": UNIGRAM,
    "Unigram with NFKC": UNIGRAM | {"normalizer": steps("NFKC")},
    "Unigram with NFD": UNIGRAM | {"normalizer": steps("Lowercase", "NFD", "StripAccents")},
    **{f"Unigram, {name}": UNIGRAM | metaspace(name) for name in ("always", "first", "never")},
}
EACH_SHAPE = pytest.mark.parametrize("tree", SHAPES.values(), ids=SHAPES)


def encode(tree: Tree, texts: list[str], name: EngineName = "words") -> list[list[int]]:
    return by_engines.encode(name, vocabulary(tree), texts)


def known(tree: Tree, texts: list[str]) -> list[list[int]]:
    """The ids of each text by the library, one whole text after the other."""
    return [encode(tree, [text], "tokenizers")[0] for text in texts]


PARTS = (
    "some",
    "words",
    "Some",
    "  ",
    "a.b",
    "(x)",
    "\u0301",
    "e\u0301",
    "=\u0338",
    "\r\n",
    "</s>",
)


@EACH_SHAPE
@given(text=hard_texts(*PARTS))
@example(text="a=\u0338b >\u0338 <\u0338")
@example(text=" \u0301some \u0301 e\u0301. \u00e9.a")
@example(text="\u2581some \u2581 \u2581\u2581words")
@example(text="\u00a0some\u00a0 \u00a0words")
@example(text="some\x01words \x01 a\x7fb.\x01")
def test_any_text_has_the_ids_of_the_library(tree: Tree, text: str) -> None:
    texts = [text, "", " ", f" {text} ", f"some{text}words"]
    assert encode(tree, texts) == known(tree, texts)
    assert encode(tree, texts) == known(tree, texts)  # by words that are kept now


@EACH_SHAPE
def test_hard_texts_have_the_ids_of_the_library(tree: Tree) -> None:
    own = vocabulary(tree)
    texts = adversarial_texts(own)
    assert max(map(len, texts)) >= 200_000
    assert compare(texts, own, "words") is None


@EACH_SHAPE
def test_every_pair_of_ascii_has_the_ids_of_the_library(tree: Tree) -> None:
    chars = [chr(code) for code in range(128)]
    texts = ["".join(f"{one}{other}some{other}{one} " for other in chars) for one in chars]
    assert encode(tree, texts) == known(tree, texts)


@EACH_SHAPE
def test_every_character_between_letters_has_the_ids_of_the_library(tree: Tree) -> None:
    codes = [*range(0x3100), *range(0xA000, 0xD800, 7), *range(0xE000, 0x20000, 11)]
    parts = [f"a{chr(c)}b {chr(c)} .{chr(c)}({chr(c)} =" for c in codes]
    texts = ["".join(parts[at : at + 100]) for at in range(0, len(parts), 100)]
    assert encode(tree, texts) == known(tree, texts)


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        (json.loads(byte_level().to_str()), "a model of the type BPE behind ByteLevel"),
        (sentencepiece(), "a model of the type BPE"),
        (json.loads(word_piece().to_str()), "the type WordPiece behind Whitespace"),
        (UNIGRAM | metaspace("always", split=False), "the type Unigram behind Metaspace"),
        (UNIGRAM | metaspace("always", replacement="_"), "the type Unigram behind Metaspace"),
        (UNIGRAM | {"pre_tokenizer": None}, "a model of the type Unigram"),
        (UNIGRAM | {"normalizer": BERTS}, "the normalizer BertNormalizer"),
        (UNIGRAM | {"normalizer": steps("Nmt")}, "the normalizer Nmt"),
        (
            UNIGRAM | {"added_tokens": [{**ONE_WORD, "id": 3, "content": "to", "special": False}]},
            "the added token 'to' is looked for",
        ),
    ],
)
def test_what_is_not_proved_is_refused(tree: Tree, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load_engine("words", vocabulary(tree, eos_token="<unk>" if "<unk>" in str(tree) else None))


def test_words_are_looked_up_and_not_spelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = module.WordsEngine(vocabulary(BERT))
    first = engine.encode(["some words"])
    monkeypatch.setattr(engine, "_ids", None)
    again = engine.encode(["words some"])
    assert sorted(first[0].tolist()) == sorted(again[0].tolist())
    with pytest.raises(JobError, match="words fails on a text"):
        engine.encode(["forget"])


def test_words_that_are_kept_take_so_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT_BYTES", 3000)
    engine = module.WordsEngine(vocabulary(UNIGRAM))
    texts = [f"words some{number}" for number in range(300)]
    ids, lengths = engine.encode(texts)
    expected = known(UNIGRAM, texts)
    assert ids.tolist() == list(itertools.chain.from_iterable(expected))
    assert lengths.tolist() == list(map(len, expected))
    assert 2 <= len(engine._kept) <= 20
    engine.encode([f"a {'x' * 300}"])
    assert not [word for word in engine._kept if len(word) > 256]


@given(st.lists(st.sampled_from(["some", "\u6f22", "zzz \u6f22", ""]), max_size=4))
def test_a_text_that_cannot_be_spelled_has_no_ids(texts: list[str]) -> None:
    model = {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"some": 0, "</s>": 1}}
    more = {"continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    own = vocabulary(BERT | {"model": model | more, "added_tokens": []}, eos_token="</s>")
    fast, slow = (load_engine(name, own).encode(texts) for name in ("words", "tokenizers"))
    assert fast[0].tolist() == slow[0].tolist()
    assert fast[1].tolist() == slow[1].tolist()


def test_a_long_text_falls_apart_where_it_can_be_cut() -> None:
    text = "some words (to learn).\nforget " * 80_000
    for tree in (BERT, UNIGRAM):
        own = vocabulary(tree)
        assert len(text) > 2 << 20
        assert compare([text], own, "words") is None
        assert limits_of("words", own) == limits_of("tokenizers", own)
