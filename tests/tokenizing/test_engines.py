"""Two engines, one answer; what happens where they differ; which token ends a document."""

import json
from typing import Any

import numpy as np
import pytest
from conftest import Corpus
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from bfpack_spark.errors import InputError, JobError
from bfpack_spark.tokenizing import engines
from bfpack_spark.tokenizing.engines import load_engine
from bfpack_spark.tokenizing.parity import adversarial_texts, choose_engine, compare
from bfpack_spark.tokenizing.vocabulary import Vocabulary, load_vocabulary


def vocabulary(raw: bytes, companion: dict[str, Any] | None = None, **more: Any) -> Vocabulary:
    given = {"eos_token": None, "bos_token": None, "control_tokens": "text", **more}
    return load_vocabulary(raw, companion or {}, **given)


@pytest.fixture(scope="module")
def raw(demo_corpus: Corpus) -> bytes:
    return (demo_corpus.tokenizer / "tokenizer.json").read_bytes()


def test_both_engines_agree_on_hard_texts_and_tokens_decode_to_the_text(raw: bytes) -> None:
    own = vocabulary(raw)
    texts = adversarial_texts(own)
    assert len(texts) > 80
    assert compare(texts, own) is None
    ids, lengths = load_engine("fastokens", own).encode(texts)
    tokenizer = Tokenizer.from_str(raw.decode())
    parts = np.split(ids, np.cumsum(lengths)[:-1])
    assert [tokenizer.decode(p.tolist(), skip_special_tokens=False) for p in parts] == texts


def test_truncation_and_padding_of_the_file_are_not_applied(raw: bytes) -> None:
    tokenizer = Tokenizer.from_str(raw.decode())
    texts = ["a b c d e f g h " * 10, "x"]
    expected = [len(tokenizer.encode(text).ids) for text in texts]
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=50)
    own = vocabulary(tokenizer.to_str().encode())
    for name in ("fastokens", "tokenizers"):
        assert load_engine(name, own).encode(texts)[1].tolist() == expected  # type: ignore[arg-type]


def word_piece() -> bytes:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordPieceTrainer(vocab_size=60, special_tokens=["[UNK]", "</s>"])
    tokenizer.train_from_iterator(["some words to learn"], trainer)
    return tokenizer.to_str().encode()


def test_auto_takes_the_reference_where_the_fast_engine_refuses() -> None:
    own = vocabulary(word_piece())
    choice = choose_engine("auto", own, ["words"])
    assert choice.engine == "tokenizers"
    assert "fastokens cannot load it" in choice.why
    with pytest.raises(JobError, match="--engine fastokens"):
        choose_engine("fastokens", own, ["words"])


def test_auto_takes_the_reference_where_the_engines_differ(
    raw: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = vocabulary(raw)
    assert choose_engine("auto", own, ["words"]).engine == "fastokens"
    right = engines._Fastokens.encode

    def wrong(self: Any, texts: list[str]) -> Any:
        ids, lengths = right(self, texts)
        return np.where(np.arange(len(ids)) == 5, ids + 1, ids), lengths

    monkeypatch.setattr(engines._Fastokens, "encode", wrong)
    choice = choose_engine("auto", own, ["words"])
    assert choice.engine == "tokenizers"
    assert "differs from tokenizers" in choice.why


def test_eos_is_the_one_named_or_configured_or_well_known(raw: bytes) -> None:
    ids = Tokenizer.from_str(raw.decode()).get_vocab()
    assert vocabulary(raw).eos_id == ids["<|endoftext|>"]
    assert vocabulary(raw, eos_token="<|pad|>").eos_id == ids["<|pad|>"]
    for name in ("<|pad|>", {"content": "<|pad|>"}):
        assert vocabulary(raw, {"eos_token": name}).eos_id == ids["<|pad|>"]
    padded = vocabulary(raw, {"pad_token": "<|pad|>"})
    assert padded.own_pad_id == ids["<|pad|>"]
    assert vocabulary(raw, {"pad_token": "<|endoftext|>"}).own_pad_id is None
    with pytest.raises(InputError, match="--eos-token gone: not in"):
        vocabulary(raw, eos_token="gone")


def test_without_a_name_for_eos_the_error_asks_for_it(raw: bytes) -> None:
    text = raw.decode().replace("<|endoftext|>", "<|stop|>")
    with pytest.raises(InputError, match="--eos-token is missing"):
        vocabulary(text.encode())


def test_a_tokenizer_with_dropout_or_without_vocabulary_is_refused(raw: bytes) -> None:
    tree = json.loads(raw)
    tree["model"]["dropout"] = 0.1
    with pytest.raises(InputError, match="dropout"):
        vocabulary(json.dumps(tree).encode())
    with pytest.raises(InputError, match="not a tokenizer"):
        vocabulary(b"{}")
