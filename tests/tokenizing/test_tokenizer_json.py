"""Whatever a tokenizer.json is made of, it is taken or refused in one line."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_control_words import bpe, unigram, word_level, word_piece
from trained import byte_level, raw, vocabulary

from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.tokenizing.engines import load_engine
from bfpack_spark.tokenizing.parity import choose_engine
from bfpack_spark.tokenizing.tokenizer_file import read_tokenizer, read_vocabulary
from bfpack_spark.tokenizing.vocabulary import Vocabulary

Tree = dict[str, Any]

TEXTS = ["was </s> now 12", "\u6f22\x00 \u0301", "<pad>"]
TREES = [unigram(), word_piece(), word_level(), bpe()]
RULES: list[Tree] = [
    {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Strip"}]}},
    {"normalizer": {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}},
    {"post_processor": {"type": "BertProcessing", "sep": ["</s>", 1], "cls": ["<pad>", 0]}},
    {"decoder": {"type": "ByteLevel"}, "truncation": {"max_length": 2, "stride": 0}},
]
HUGE = [2**31, 2**32, 2**63, 10**30, -1, -(2**63), 1e308, 0.5, True]
VALUES = st.sampled_from([None, "", "a", "</s>", [], {}, [[]], [None], {"type": "x"}, *HUGE])


def places(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Ways to each value of a tree; of long lists and objects the ends."""
    if not isinstance(tree, dict | list):
        return [at]
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    some = keys if len(keys) < 12 else [*keys[:4], *keys[-4:]]
    return [at, *(place for key in some for place in places(tree[key], (*at, key)))]


def put(tree: Any, at: tuple[Any, ...], value: Any, how: str) -> Any:
    """The tree with the value there; or without what is there; or with it twice."""
    if not at:
        return value
    inside = tree
    for key in at[:-1]:
        inside = inside[key]
    if how == "without":
        del inside[at[-1]]
    elif how == "twice" and isinstance(inside, list):
        inside.insert(0, inside[at[-1]])
    else:
        inside[at[-1]] = value
    return tree


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    made = copy.deepcopy(draw(st.sampled_from(TREES))) | draw(st.sampled_from([{}, *RULES]))
    made = copy.deepcopy(made)
    for _ in range(draw(st.integers(1, 3))):
        there = places(made)
        at = there[draw(st.integers(0, len(there) - 1))]
        made = put(made, at, draw(VALUES), draw(st.sampled_from(["put", "without", "twice"])))
    return made


def use(made: Any, wanted: Any = "tokenizers") -> Vocabulary:
    """All that a run does with the file before it reads a document, and one document."""
    own = vocabulary(made if isinstance(made, bytes) else json.dumps(made).encode())
    assert isinstance(own.inserted_beside, tuple)
    assert own.special_tokens is not None
    choose_engine(wanted, own, [])
    load_engine("tokenizers", own).encode(TEXTS)
    return own


def refused_or_taken(made: Any) -> bool:
    """Was it refused? In one line, if it was."""
    said, own = "", None
    try:
        own = use(made)
    except InputError as error:
        said = str(error)
        assert_one_line(said, ("--tokenizer: ", "--eos-token"))
    if own is not None:
        refused_in_one_line_by_fastokens(own)
    return own is None


def refused_in_one_line_by_fastokens(own: Vocabulary) -> None:
    said = ""
    try:
        load_engine("fastokens", own).encode(TEXTS)
    except (ValueError, JobError) as error:
        said = str(error)
    assert_one_line(said or "fastokens takes it", ("fastokens ",))


def assert_one_line(said: str, begins: tuple[str, ...]) -> None:
    assert said.startswith(begins)
    assert len(said.splitlines()) == 1


@settings(max_examples=400)
@given(damaged())
def test_a_damaged_file_is_taken_or_refused_in_one_line(made: Any) -> None:
    refused_or_taken(made)


def test_some_damages_are_refused_and_some_are_taken() -> None:
    random.seed(1)
    seen = set()
    for _ in range(40):
        made = copy.deepcopy(TREES[0])
        at = random.choice(places(made))
        seen.add(refused_or_taken(put(made, at, None, "put")))
    assert seen == {False, True}


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (b"", "Input data was truncated"),
        (b"not json", "JSON is malformed"),
        (b"{}", "missing required field `model`"),
        (b'{"model": null}', "Expected `object`, got `null`"),
        (b'{"model": {"vocab": 5}}', r"got `int` - at `\$\.model\.vocab"),
        (b'{"model": {"vocab": {"a": "one", "</s>": 1}}}', "Expected `int`, got `str`"),
        (b"[" * 100_000, "Expected `object`, got `array`"),
        (b'{"model": {"vocab": {}, "merges": ' + b"[" * 100_000, "maximum recursion depth"),
        (b'{"model": {"vocab": {"a": ' + b"9" * 5000 + b"}}}", r"out of range.*\$\.model\.vocab"),
        (b'{"model": {"vocab": {"a": 4294967295}}}', r"`int` <= 2147483647 - at `\$\.model\.vocab"),
        (b'{"model": {"vocab": {"a": true}}}', r"`int`, got `bool` - at `\$\.model\.vocab"),
        (b'{"model": {"vocab": [["a", 1], ["b"]]}}', r"of length 2 - at `\$\.model\.vocab\[1\]`"),
        (b'{"model": {"vocab": {"a": 1}}, "added_tokens": [1]}', r"at `\$\.added_tokens\[0\]`"),
        (b'{"model": {"vocab": {"\\ud800": 1}}}', "JSON is malformed: "),
        (b'\xff{"model": {}}', "JSON is malformed: "),
        (b'{"model": {"vocab": {"\xff": 1}}}', "can't decode byte 0xff"),
    ],
)
def test_depth_shape_and_size_of_numbers_are_named(held: bytes, says: str) -> None:
    with pytest.raises(InputError, match=rf"--tokenizer: not a tokenizer\.json .*{says}") as told:
        use(held)
    assert len(str(told.value)) < 400


BROKEN_BPE = {"type": "BPE", "vocab": {"</s>": 0}, "merges": [["a"]]}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}}, "cannot load it"),
        (
            {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AQAAAA=="}},
            "fails on a text",
        ),
        ({"pre_tokenizer": {"type": "FixedLength", "length": 0}}, "fails on a text"),
        ({"added_tokens": [], "model": BROKEN_BPE}, "cannot load it"),
    ],
)
@pytest.mark.parametrize("wanted", ["auto", "tokenizers"])
def test_what_makes_the_library_panic_is_a_refusal(
    wanted: str, rule: Tree, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=f"--tokenizer: .*tokenizers .*{says}"):
        use(unigram() | rule, wanted)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "companion",
    ["[]", "5", '"x"', "[" * 100_000, '{"eos_token": [1], "pad_token": {"content": {}}}', "{"],
)
def test_a_damaged_file_beside_it_is_refused_in_one_line_or_passed_over(
    companion: str, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_bytes(raw(byte_level()))
    (tmp_path / "tokenizer_config.json").write_text(companion)
    said = f"--tokenizer {tmp_path}: taken"
    try:
        assert read_vocabulary(Settings(tokenizer=str(tmp_path))).eos_id == 0
    except InputError as error:
        said = str(error)
    assert_one_line(said, (f"--tokenizer {tmp_path}: ",))


def test_a_file_larger_than_any_tokenizer_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(raw(byte_level()))
    with pytest.raises(InputError, match=r"--tokenizer .*: \d+ bytes, more than 1000; give"):
        read_tokenizer(str(tmp_path), bytes_max=1000)


END = {"SpecialToken": {"id": "</s>", "type_id": 0}}
TEXT = {"Sequence": {"id": "A", "type_id": 0}}
BERT = {"type": "BertProcessing", "sep": ["</s>", 1], "cls": ["<pad>", 0]}
ROBERTA = {"type": "RobertaProcessing", "sep": ["<eot>", 3], "cls": ["</s>", 1]}


def template(*single: Any) -> Tree:
    return {"type": "TemplateProcessing", "single": list(single)}


def sequence(*processors: Any) -> Tree:
    return {"type": "Sequence", "processors": list(processors)}


@pytest.mark.parametrize(
    ("post_processor", "bos", "beside"),
    [
        (None, None, ()),
        ({"type": "ByteLevel", "trim_offsets": True}, None, ()),
        (BERT, None, ("<pad>",)),
        (BERT, "<pad>", ()),
        (ROBERTA, None, ("</s>", "<eot>")),
        (template(END, TEXT), None, ("</s>",)),
        (template(TEXT, END), None, ()),
        (sequence({"type": "ByteLevel"}, template(END, TEXT, END)), None, ("</s>",)),
        ({"type": "TemplateProcessing", "single": 5}, None, ()),
        (template(5, {"SpecialToken": []}, {"SpecialToken": {"id": 5}}), None, ()),
        ({"type": "BertProcessing", "sep": 5, "cls": []}, None, ()),
        (sequence(5, None), None, ()),
    ],
)
def test_what_the_file_would_put_around_a_document_and_we_do_not_is_named(
    post_processor: Tree | None, bos: str | None, beside: tuple[str, ...]
) -> None:
    own = vocabulary(word_piece() | {"post_processor": post_processor}, bos_token=bos)
    assert own.inserted_beside == beside
