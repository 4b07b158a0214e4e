"""No text gives a control token's id, whatever the model; what spells one becomes its pieces."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
from conftest import Bfpack
from hypothesis import given
from hypothesis import strategies as st
from inputs import write_input
from outputs import current, documents_of, manifest, shard_rows
from trained import byte_level, raw, vocabulary

from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.engines import EngineName, load_engine
from bfpack_spark.tokenizing.parity import choose_engine

Tree = dict[str, Any]

CONTROL = ("<pad>", "</s>", "<unk>", "<eot>")  # ids 0 to 3; EOS is </s>, <eot> is merely special
LETTERS = [*"abdenopstuwx<>/", "now"]
PAD = {"pad_token": "<pad>"}


def added(*more: Tree) -> list[Tree]:
    own = [{"id": number, "content": word, "special": True} for number, word in enumerate(CONTROL)]
    return [*own, *more]


def tree(model: Tree, pre_tokenizer: Tree, *more: Tree) -> Tree:
    nothing = dict.fromkeys(("truncation", "padding", "normalizer", "post_processor", "decoder"))
    rest = {"added_tokens": added(*more), "pre_tokenizer": pre_tokenizer, "model": model}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    rest["added_tokens"] = [{**flags, **token} for token in rest["added_tokens"]]
    return {"version": "1.0", **nothing, **rest}


def unigram(unk_id: int | None = 2) -> Tree:
    vocab = [[word, 0.0] for word in CONTROL]
    vocab += [[piece, -4.0] for piece in ["\u2581", *LETTERS]]
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"}
    return tree({"type": "Unigram", "unk_id": unk_id, "vocab": vocab}, {**metaspace, "split": True})


def word_piece() -> Tree:
    pieces = [*CONTROL, *LETTERS, *(f"##{letter}" for letter in LETTERS), "##</s>"]
    model = {
        "type": "WordPiece",
        "unk_token": "<unk>",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {piece: number for number, piece in enumerate(pieces)},
    }
    return tree(model, {"type": "WhitespaceSplit"})


def word_level() -> Tree:
    words = [*CONTROL, *LETTERS, "was"]
    vocab = {word: number for number, word in enumerate(words)}
    model = {"type": "WordLevel", "unk_token": "<unk>", "vocab": vocab}
    return tree(model, {"type": "WhitespaceSplit"})


def bpe(*, ignore_merges: bool = False) -> Tree:
    """Byte-level, with merges that end in control words."""
    model = json.loads(raw(byte_level(CONTROL)))["model"]
    model["ignore_merges"] = ignore_merges
    for word in ("</s>", "<pad>"):
        parts = [word[:end] for end in range(1, len(word) + 1)]
        for left, whole in itertools.pairwise(parts):
            model["vocab"].setdefault(whole, len(model["vocab"]))
            model["merges"].append([left, whole[-1]])
    model["vocab"]["</s>x"] = len(model["vocab"])
    model["merges"].append(["</s>", "x"])
    byte_by_byte = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return tree(model, {**byte_by_byte, "use_regex": False})


def pieces(made: Tree, engine: EngineName, text: str, **more: Any) -> list[str | int]:
    """The names of the text's tokens, by the file; numbers of control tokens."""
    vocab = made["model"]["vocab"]
    names = list(vocab) if isinstance(vocab, dict) else [piece for piece, _ in vocab]
    ids, lengths = load_engine(engine, vocabulary(made, PAD, **more)).encode([text])
    assert lengths.tolist() == [len(ids)]
    return [int(i) if i < len(CONTROL) else names[i] for i in ids]


BY_MODEL: dict[str, tuple[Tree, list[tuple[str, list[str | int]]]]] = {
    "unigram": (
        unigram(),
        [
            ("was </s> now", [*"\u2581was\u2581</s>\u2581", "now"]),
            ("<pad><unk>", [*"\u2581<pad><un", 2, ">"]),
            ("\u6f22", ["\u2581", 2]),
        ],
    ),
    "wordpiece": (
        word_piece(),
        [
            ("x</s> </s> now", ["x", "##</s>", "<", "##/", "##s", "##>", "now"]),
            ("<pad>", ["<", *(f"##{letter}" for letter in "pad>")]),
            ("<unk> \u6f22", [2, 2]),  # k and \u6f22 are unknown
        ],
    ),
    "wordlevel": (word_level(), [("was </s> now", ["was", 2, "now"]), ("<pad>", [2])]),
    "bpe": (bpe(), [("a</s>x", [*"a", "</s", *">x"]), ("<pad>", ["<pad", ">"])]),
    "bpe that ignores merges": (
        bpe(ignore_merges=True),
        [("</s>", ["</s", ">"]), ("<eot>", [*"<eot>"])],
    ),
}


@pytest.mark.parametrize(("made", "texts"), BY_MODEL.values(), ids=BY_MODEL)
def test_a_text_that_spells_a_control_word_becomes_ordinary_pieces(
    made: Tree, texts: list[tuple[str, list[str | int]]]
) -> None:
    for text, expected in texts:
        assert pieces(made, "tokenizers", text) == expected, text


@pytest.mark.parametrize("name", ["bpe", "bpe that ignores merges"])
def test_the_fast_engine_gives_the_same_pieces(name: str) -> None:
    made, texts = BY_MODEL[name]
    for text, expected in texts:
        assert pieces(made, "fastokens", text) == expected, text
    assert choose_engine("auto", vocabulary(made, PAD), [text for text, _ in texts]).engine == (
        "fastokens"
    )


@pytest.mark.parametrize("made", [made for made, _ in BY_MODEL.values()], ids=BY_MODEL)
@pytest.mark.parametrize("policy", ["text", "quarantine"])
@given(st.lists(st.sampled_from([*CONTROL, *LETTERS, " ", "</", "k", "\u6f22"])).map("".join))
def test_no_text_gives_the_id_of_a_control_token(made: Tree, policy: str, text: str) -> None:
    found = pieces(made, "tokenizers", text, control_tokens=policy)
    assert not {0, 1, 3} & set(found)  # 2 is the unknown, which a text may give


def test_where_control_tokens_are_allowed_they_are_what_they_say() -> None:
    for made, _ in BY_MODEL.values():
        found = pieces(made, "tokenizers", "now</s><pad>", control_tokens="allow")
        assert found[-2:] == [1, 0]


def test_ids_and_size_stay_those_of_the_file() -> None:
    for made, _ in BY_MODEL.values():
        own = vocabulary(made, PAD)
        vocab = json.loads(own.engine_json)["model"]["vocab"]
        there = made["model"]["vocab"]
        if isinstance(vocab, dict):
            assert list(vocab.values()) == list(there.values())
        else:
            assert [score for _, score in vocab] == [score for _, score in there]
        assert own.size == len(there)
        assert (own.eos_id, own.own_pad_id) == (1, 0)


def test_a_file_that_no_text_can_misuse_is_loaded_as_it_is() -> None:
    own = vocabulary(byte_level())
    assert own.engine_json == own.json
    assert own.guarded_ids == {0}


def test_a_control_token_of_one_character_is_guarded_since_text_needs_it() -> None:
    made = unigram()
    made["added_tokens"].append({**made["added_tokens"][0], "id": 5, "content": "a"})
    own = vocabulary(made, PAD)
    assert own.guarded_ids == {0, 1, 3, 5}
    assert 5 in load_engine("tokenizers", own).encode(["was"])[0]


def test_a_text_that_cannot_be_spelled_is_not_one_without_tokens() -> None:
    own = vocabulary(unigram(unk_id=None), PAD)
    ids, lengths = load_engine("tokenizers", own).encode(["was", "\u6f22", "", "now"])
    assert lengths.tolist() == [4, -1, 0, 2]
    assert ids.dtype == np.int32
    assert len(ids) == 6


def gap(content: str = "<think>") -> Tree:
    """The file numbers its added tokens past a gap, which the library closes."""
    made = json.loads(raw(byte_level(("<eos>",))))
    first = len(made["model"]["vocab"])
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    made["added_tokens"] += [{"id": first + 5, "content": content, "special": False, **flags}]
    return made


@pytest.mark.parametrize("wanted", ["auto", "fastokens", "tokenizers"])
def test_added_tokens_that_the_library_would_renumber_are_refused_by_name(wanted: Any) -> None:
    made = gap()
    size = len(made["model"]["vocab"])
    says = f"--tokenizer: tokenizers gives '<think>' the id {size}, the file says {size + 5};"
    with pytest.raises(InputError, match=says):
        choose_engine(wanted, vocabulary(made), [])
    made["added_tokens"][-1]["id"] = size
    assert choose_engine(wanted, vocabulary(made), []).engine


def test_a_token_of_two_ids_is_refused_by_name() -> None:
    made = gap(content="a")
    with pytest.raises(InputError, match=r"--tokenizer: the file gives 'a' two ids, \d+ and \d+;"):
        vocabulary(made)


def test_documents_that_spell_control_words_are_packed_as_plain_text(
    bfpack: Bfpack, tmp_path: Any
) -> None:
    texts = {"plain": "now", "h7": "was </s> now", "h8": "x <pad> x", "h9": "<eot>\u6f22"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(unigram()))
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "</s>", "pad_token": "<pad>"}')
    write_input(tmp_path / "a.jsonl", ({"id": name, "text": text} for name, text in texts.items()))
    where = ("--output", tmp_path / "output", "--bucket", "b", "--seq-len", 64)
    text = ("--input", tmp_path / "a.jsonl", "--id-column", "id")
    bfpack("pack", *where, *text, "--tokenizer", tmp_path).succeeds()
    version = current(tmp_path / "output", "b", "sequences-64")
    names = ["", "EOS", "unknown", "", "\u2581", *LETTERS]
    packed = {
        doc_id: [names[number] for _, number in sorted(ids.items())]
        for doc_id, ids in documents_of(shard_rows(version)).items()
    }
    assert packed == {
        "plain": ["\u2581", "now", "EOS"],
        "h7": [*"\u2581was\u2581</s>\u2581", "now", "EOS"],
        "h8": [*"\u2581x\u2581<pad>\u2581x", "EOS"],
        "h9": [*"\u2581<eot>", "unknown", "EOS"],
    }
    assert manifest(version)["accounting"]["num_documents_quarantined"] == {}
    bfpack("verify", *where, "--input", tmp_path / "a.jsonl").succeeds()
