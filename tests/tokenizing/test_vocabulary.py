"""What is read from a tokenizer.json: sizes, the tokens that end, begin and fill, and refusals."""

import hashlib
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from trained import byte_level, raw, unigram, vocabulary, word_piece

from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.vocabulary import pad_id, token_ids

SPECIAL = ("<|endoftext|>", "<|pad|>", "<|begin|>")  # ids 0, 1, 2


def changed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    tree = json.loads(raw(byte_level(SPECIAL)))
    change(tree)
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    ("option", "companion", "expected"),
    [
        (None, {}, 0),  # the one well-known name
        (None, {"eos_token": "<|pad|>"}, 1),
        (None, {"eos_token": {"content": "<|pad|>", "lstrip": False}}, 1),
        (None, {"eos_token": None}, 0),
        ("<|begin|>", {"eos_token": "<|pad|>"}, 2),
        ("a", {}, json.loads(raw(byte_level(SPECIAL)))["model"]["vocab"]["a"]),
    ],
)
def test_eos_is_the_one_named_or_configured_or_well_known(
    option: str | None, companion: dict[str, Any], expected: int
) -> None:
    assert vocabulary(byte_level(SPECIAL), companion, eos_token=option).eos_id == expected


@pytest.mark.parametrize(
    ("special", "says"),
    [
        (("<|stop|>",), "the vocabulary has none of the well-known names"),
        (("</s>", "<|endoftext|>"), r"the vocabulary has <\|endoftext\|> and </s>"),
    ],
)
def test_without_one_name_for_eos_the_error_asks_for_it(
    special: tuple[str, ...], says: str
) -> None:
    with pytest.raises(InputError, match=f"--eos-token is missing: {says}; name the end-of-text"):
        vocabulary(byte_level(special))
    assert vocabulary(byte_level(special), eos_token=special[0]).eos_id == 0


@pytest.mark.parametrize("option", ["eos_token", "bos_token"])
def test_a_token_that_is_not_there_is_named_with_one_that_is(option: str) -> None:
    flag = "--" + option.replace("_", "-")
    with pytest.raises(InputError, match=rf"{flag} gone: not in .* such as <\|endoftext\|>"):
        vocabulary(byte_level(SPECIAL), **{option: "gone"})
    with pytest.raises(InputError, match="--eos-token gone: not in"):
        vocabulary(byte_level(SPECIAL), {"eos_token": "gone"})


def test_bos_is_none_unless_named() -> None:
    configured = vocabulary(byte_level(SPECIAL), {"bos_token": "<|begin|>"})
    assert (configured.bos_id, configured.num_inserted) == (None, 1)
    named = vocabulary(byte_level(SPECIAL), bos_token="<|begin|>")
    assert (named.bos_id, named.num_inserted) == (2, 2)


def test_padding_is_the_one_named_else_the_tokenizers_own_else_eos() -> None:
    held = raw(byte_level(SPECIAL))
    own = {
        str(companion): vocabulary(held, companion).own_pad_id
        for companion in ({}, {"pad_token": "<|pad|>"}, {"pad_token": {"content": "<|pad|>"}})
    }
    assert list(own.values()) == [None, 1, 1]
    assert vocabulary(held, {"pad_token": "<|endoftext|>"}).own_pad_id is None
    assert vocabulary(held, {"pad_token": "gone"}).own_pad_id is None
    assert pad_id(held, 1, 0, None) == 1
    assert pad_id(held, None, 0, None) == 0
    assert pad_id(held, 1, 0, "<|begin|>") == 2
    with pytest.raises(InputError, match="--pad-token gone: not in"):
        pad_id(held, 1, 0, "gone")


def test_padding_that_only_the_configuration_names_decides_tokens() -> None:
    """Where the file itself does not mark it special."""
    tree = json.loads(raw(byte_level(SPECIAL)))
    for token in tree["added_tokens"]:
        token["special"] = token["content"] != "<|pad|>"
    named = {"pad_token": "<|pad|>"}
    assert vocabulary(tree, named).pad_is_kept_out
    assert not vocabulary(tree, named, control_tokens="allow").pad_is_kept_out
    assert not vocabulary(tree).pad_is_kept_out
    assert not vocabulary(byte_level(SPECIAL), named).pad_is_kept_out


@pytest.mark.parametrize("make", [byte_level, word_piece, unigram])
def test_size_and_ids_are_those_of_the_tokenizer(make: Callable[[], Any]) -> None:
    tokenizer = make()
    tokenizer.add_tokens(["<extra>"])
    found = vocabulary(tokenizer)
    assert token_ids(raw(tokenizer)) == tokenizer.get_vocab(with_added_tokens=True)
    assert found.size == max(tokenizer.get_vocab().values()) + 1 == tokenizer.get_vocab_size()
    assert found.sha256 == hashlib.sha256(raw(tokenizer)).hexdigest()


def test_size_counts_from_the_largest_id_where_there_are_gaps() -> None:
    far = {"content": "<far>", "id": 1000, "special": True}
    sparse = changed(lambda tree: tree["added_tokens"].append(far))
    assert vocabulary(sparse).size == 1001


def test_control_tokens_are_the_added_tokens_marked_special() -> None:
    tokenizer = byte_level(SPECIAL)
    tokenizer.add_tokens(["<plain>"])
    assert vocabulary(tokenizer).special_tokens == list(SPECIAL)


def test_it_travels_compressed_the_engines_file_too() -> None:
    plain = changed(lambda tree: tree["added_tokens"][0].update(special=False))
    found = vocabulary(plain)
    engines = json.loads(found.engine_json)  # differs from the file, and travels beside it
    assert [token["special"] for token in engines["added_tokens"]] == [True] * 3
    travelled = pickle.loads(pickle.dumps(found))
    assert (travelled.json, travelled.engine_json) == (plain, found.engine_json)
    assert len(pickle.dumps(found)) < len(plain)


def test_a_vocabulary_without_tokens_is_an_error() -> None:
    with pytest.raises(InputError, match="--tokenizer: the vocabulary is empty"):
        vocabulary(b'{"model": {"vocab": {}}}')


def test_dropout_is_refused_because_its_output_is_random() -> None:
    assert vocabulary(changed(lambda tree: tree["model"].update(dropout=None))).eos_id == 0
    assert vocabulary(changed(lambda tree: tree["model"].update(dropout=0.0))).eos_id == 0
    with pytest.raises(InputError, match=r"--tokenizer: model\.dropout .* set it to null"):
        vocabulary(changed(lambda tree: tree["model"].update(dropout=0.1)))
