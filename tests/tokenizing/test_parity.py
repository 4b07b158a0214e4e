"""The fast engine is taken where it agrees with the reference, and it is said why."""

import re
from typing import Any

import numpy as np
import pytest
from conftest import Corpus
from tokenizers import Tokenizer
from tokenizing.altered import losing
from trained import byte_level, unigram, vocabulary, word_piece

from bfpack_spark.errors import JobError
from bfpack_spark.tokenizing.engines import load_engine
from bfpack_spark.tokenizing.parity import (
    adversarial_texts,
    choose_engine,
    compare,
    first_difference,
)


def test_both_engines_agree_on_hard_texts_and_tokens_decode_to_the_text(
    demo_corpus: Corpus,
) -> None:
    held = (demo_corpus.tokenizer / "tokenizer.json").read_bytes()
    own = vocabulary(held)
    texts = adversarial_texts(own)
    assert len(texts) > 80
    assert max(map(len, texts)) >= 200_000
    assert any("<|endoftext|>" in text for text in texts)
    assert compare(texts, own) is None
    ids, lengths = load_engine("fastokens", own).encode(texts)
    tokenizer = Tokenizer.from_str(held.decode())
    parts = np.split(ids, np.cumsum(lengths)[:-1])
    assert [tokenizer.decode(p.tolist(), skip_special_tokens=False) for p in parts] == texts
    choice = choose_engine("auto", own, ["words"])
    assert (choice.engine, choice.why) == (
        "fastokens",
        f"it agrees with tokenizers on {len(texts) + 1} texts",
    )


@pytest.mark.parametrize("make", [word_piece, unigram])
def test_auto_takes_the_reference_where_the_fast_engine_refuses(make: Any) -> None:
    own = vocabulary(make())
    choice = choose_engine("auto", own, ["words"])
    assert choice.engine == "tokenizers"
    assert choice.why.startswith("fastokens cannot load it: ")
    with pytest.raises(JobError, match=r"--engine fastokens: fastokens cannot load it: .*; use"):
        choose_engine("fastokens", own, ["words"])
    assert choose_engine("tokenizers", own, ["words"]).why == "as --engine says"


def test_auto_takes_the_reference_where_the_engines_differ_on_the_corpus() -> None:
    own = vocabulary(byte_level())
    sample = ["some words", "zebra"]
    assert choose_engine("auto", own, sample).engine == "fastokens"
    load = losing(lambda text: text == "zebra")
    choice = choose_engine("auto", own, sample, load)
    assert choice.engine == "tokenizers"
    assert re.match(
        r"fastokens differs from tokenizers on 'zebra' \(token \d: id nothing against", choice.why
    )
    with pytest.raises(JobError, match=r"differs from tokenizers on 'zebra'.*use --engine auto or"):
        choose_engine("fastokens", own, sample, load)
    assert choose_engine("fastokens", own, sample[:1], load).engine == "fastokens"


@pytest.mark.parametrize("hard", ["👩", "\r\n", "b <|pad|>", "a" * 40_000], ids=len)
def test_auto_takes_the_reference_where_the_engines_differ_on_hard_texts(hard: str) -> None:
    own = vocabulary(byte_level())
    assert choose_engine("auto", own, [], losing(lambda text: hard in text)).engine == "tokenizers"


def test_compare_names_the_first_text_that_differs() -> None:
    own = vocabulary(byte_level())
    texts = ["", "one", "", "two", "three"]
    assert compare(texts, own) is None
    found = compare(texts, own, losing(lambda text: text.startswith("t")))
    assert found is not None
    assert found[0] == 3


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        ([1, 2, 3], [1, 5, 3], "token 1: id 2 against 5 by the reference"),
        ([1], [1, 5], "token 1: id nothing against 5 by the reference"),
        ([1, 2], [], "token 0: id 1 against nothing by the reference"),
    ],
)
def test_a_difference_is_told_by_its_first_place(
    ours: list[int], theirs: list[int], says: str
) -> None:
    assert first_difference(np.array(ours), np.array(theirs)) == says
