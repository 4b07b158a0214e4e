"""Two engines, one answer: the ids of the text, all of them, and nothing else."""

import json

import pytest
from conftest import Corpus
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, processors
from tokenizing.by_engines import encode, known
from tokenizing.hard import EVERY_SCALAR
from trained import byte_level, raw, vocabulary

from bfpack_spark.tokenizing.engines import MAX_BYTES, EngineName, limits_of, load_engine
from bfpack_spark.tokenizing.vocabulary import Vocabulary

BOTH: tuple[EngineName, ...] = ("fastokens", "tokenizers")
SPECIAL = ("<|endoftext|>", "<|pad|>")


@pytest.fixture(scope="module")
def demo(demo_corpus: Corpus) -> tuple[Vocabulary, Tokenizer]:
    held = (demo_corpus.tokenizer / "tokenizer.json").read_bytes()
    return vocabulary(held), Tokenizer.from_str(held.decode())


# Anything that is a Unicode scalar value: unassigned, private, controls, all planes.
ANY = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
SPACES = st.text(st.sampled_from(" \t\n\r\u00a0\u2003\u3000\u200b\ufeffa.1"), max_size=40)
CONTROL = st.lists(st.sampled_from([*SPECIAL, "<|end", "oftext|>", " ", "a", "\n"])).map("".join)


@given(st.lists(ANY | SPACES | CONTROL, max_size=8))
@example([])
@example(["", "a", "", ""])
@example(
    ["\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u0e44\u0e17\u0e22 \u0939\u093f"]
)
@example(["e\u0301\u1e9b\u0323\ufb01\u0130\u01c5\uac00\u1100\u1161\x00\x7f\ufffe\uffff\U0010ffff"])
@example(["\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1fa\U0001f1f3 \U0001d49c \U000e0001"])
def test_both_engines_give_the_ids_of_the_library_on_any_unicode(
    demo: tuple[Vocabulary, Tokenizer], texts: list[str]
) -> None:
    own, tokenizer = demo
    expected = known(tokenizer, texts)
    for name in BOTH:
        assert encode(name, own, texts) == expected, name
    assert [tokenizer.decode(ids, skip_special_tokens=False) for ids in expected] == texts
    assert not {0, 1} & {i for ids in expected for i in ids}  # the control tokens' ids


def test_every_scalar_value_survives_both_engines(demo: tuple[Vocabulary, Tokenizer]) -> None:
    own, tokenizer = demo
    fast, slow = (encode(name, own, EVERY_SCALAR) for name in BOTH)
    assert fast == slow
    assert [tokenizer.decode(ids, skip_special_tokens=False) for ids in fast] == EVERY_SCALAR


@pytest.mark.parametrize("name", BOTH)
def test_truncation_padding_and_post_processing_are_not_applied(
    name: EngineName,
) -> None:
    texts = ["some words to forget " * 10, "x", ""]
    tokenizer = byte_level(SPECIAL)
    expected = known(tokenizer, texts)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=50, pad_id=1, pad_token="<|pad|>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|pad|> $A <|endoftext|>", special_tokens=[("<|pad|>", 1), ("<|endoftext|>", 0)]
    )
    touched = raw(tokenizer)
    held = json.loads(touched)
    assert all(held[key] for key in ("truncation", "padding", "post_processor"))
    assert len(tokenizer.encode("x" * 100).ids) == 50  # the library by itself does apply them
    assert encode(name, vocabulary(touched), texts) == expected


@pytest.mark.parametrize("name", BOTH)
def test_an_engine_is_loaded_once_a_process_for_each_policy(name: EngineName) -> None:
    held = raw(byte_level(SPECIAL))
    own, same, allowing = (vocabulary(held, control_tokens=p) for p in ("text", "text", "allow"))
    assert load_engine(name, own) is load_engine(name, same)
    assert load_engine(name, own) is not load_engine(name, allowing)


def test_engines_have_one_limit_where_a_text_can_be_cut() -> None:
    own = vocabulary(byte_level(SPECIAL))
    fast, slow = (limits_of(name, own) for name in BOTH)
    assert fast.max_bytes == slow.max_bytes == MAX_BYTES == 256 * 2**20
    assert (fast.max_uncut_bytes, slow.max_uncut_bytes) == (None, 8 * 2**20)
