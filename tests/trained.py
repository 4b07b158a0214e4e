"""Small tokenizers, trained where a test needs one. Two trainings may give different ids."""

import json
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from bfpack_spark.tokenizing.vocabulary import Vocabulary, load_vocabulary

WORDS = ["some words to learn, and some to forget", "don't 123 4567 été 漢字 x = f(y)\n\n"]


def byte_level(special: Sequence[str] = ("<|endoftext|>", "<|pad|>")) -> Tokenizer:
    """Byte-level BPE as GPT-2's; `special` take the ids from 0."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS * 3, trainer)
    return tokenizer


BLANK_AS_IN_LLAMA_2 = {
    "normalizer": {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
        ],
    }
}


def sentencepiece(
    special: Sequence[str] = ("<unk>", "<s>", "</s>"), **parts: Any
) -> dict[str, Any]:
    """SentencePiece's BPE as the tree of its file, as that of Llama 2; `parts` replace its own."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=[*special, *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS * 3, trainer)
    tree: dict[str, Any] = json.loads(tokenizer.to_str())
    tree["added_tokens"] = [t for t in tree["added_tokens"] if t["content"] in special]
    return tree | {"pre_tokenizer": None} | BLANK_AS_IN_LLAMA_2 | parts


def word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordPieceTrainer(
        vocab_size=60, special_tokens=["[UNK]", "</s>"], show_progress=False
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    return tokenizer


def bert() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=160, special_tokens=["[UNK]", "</s>"], show_progress=False
    )
    punctuated = "Some words; to_learn (and some.more) [x] a+b a=b"
    tokenizer.train_from_iterator([*WORDS, punctuated] * 3, trainer)
    return tokenizer


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=60, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    return tokenizer


def vocabulary(
    made: Tokenizer | dict[str, Any] | bytes, companion: dict[str, Any] | None = None, **more: Any
) -> Vocabulary:
    """What is read of a tokenizer, of the tree of its file, or of the bytes; `more` are options."""
    if isinstance(made, Tokenizer):
        made = raw(made)
    held = json.dumps(made).encode() if isinstance(made, dict) else made
    options = {"eos_token": None, "bos_token": None, "control_tokens": "text", **more}
    return load_vocabulary(held, companion or {}, **options)


def raw(tokenizer: Tokenizer) -> bytes:
    """The tokenizer as the bytes of its tokenizer.json."""
    return tokenizer.to_str().encode()
