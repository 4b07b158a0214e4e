"""The shape of a tokenizer.json: every part that we read is checked once, before anything uses it.

The library that made the file reads more of it. It has the last word when an engine is loaded.
"""

import functools
from typing import Annotated, Any, TypeAlias

import msgspec

from bfpack_spark.errors import InputError

Id: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
Tree: TypeAlias = dict[str, Any]


class AddedToken(msgspec.Struct, frozen=True):
    """A token that is looked for in the text itself, before the model sees the text."""

    id: Id
    content: str
    special: bool = False
    normalized: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False


class Model(msgspec.Struct, frozen=True, dict=True, kw_only=True):
    """The rules that turn a piece of text into ids."""

    type: str | None = None
    vocab: dict[str, Id] | list[tuple[str, float]]  # in Unigram a piece's id is its place
    dropout: float | None = None
    unk_token: str | None = None
    unk_id: int | None = None
    merges: Any = None  # BPE's: "a b" or ["a", "b"], parsed only where needed
    ignore_merges: bool = False
    byte_fallback: bool = False  # SentencePiece's BPE: a token for each byte
    max_input_chars_per_word: int = 100

    @functools.cached_property
    def ids(self) -> dict[str, int]:
        """Return the id of every token of the model."""
        if isinstance(self.vocab, dict):
            return self.vocab
        return {piece: number for number, (piece, _) in enumerate(self.vocab)}


class TokenizerFile(msgspec.Struct, frozen=True, dict=True):
    """A tokenizer.json. The last three fields are a tree, or null."""

    model: Model
    added_tokens: tuple[AddedToken, ...] | None = None
    normalizer: Tree | None = None
    pre_tokenizer: Tree | None = None
    post_processor: Tree | None = None

    @property
    def added(self) -> tuple[AddedToken, ...]:
        return self.added_tokens or ()

    @functools.cached_property
    def ids(self) -> dict[str, int]:
        """Return the id of every token, with the added tokens."""
        return self.model.ids | {token.content: token.id for token in self.added}


@functools.lru_cache(maxsize=1)
def parse_tokenizer(raw: bytes) -> TokenizerFile:
    """Read a tokenizer.json, which takes 0.1 s for a vocabulary of 128k. Raises InputError if it is
    not one, whatever its depth, types and numbers are, or if it cannot be used."""
    try:
        file = msgspec.json.decode(raw, type=TokenizerFile)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(
            f"--tokenizer: not a tokenizer.json with a vocabulary ({why}); "
            "give the file that `tokenizers` saves"
        ) from None
    if file.model.dropout:
        raise InputError(
            "--tokenizer: model.dropout makes its output random; set it to null in the file"
        )
    if not file.ids:
        raise InputError("--tokenizer: the vocabulary is empty; give a trained tokenizer.json")
    for token in file.added:
        _check_one_id(token, file)
    return file


def parts_of(tree: Tree | None, inside: str) -> list[Tree]:
    """Return the steps of a normalizer, pre_tokenizer or post_processor in order. Sequences are
    flattened."""
    if tree is None:
        return []
    if tree.get("type") != "Sequence":
        return [tree]
    steps = tree.get(inside)
    trees = [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    return [part for step in trees for part in parts_of(step, inside)]


def around_documents(file: TokenizerFile) -> tuple[list[str], list[str]]:
    """Return the tokens that the file's post-processor puts before a text, and those behind it."""
    before: list[str] = []
    behind: list[str] = []
    for step in parts_of(file.post_processor, "processors"):
        if step.get("type") in ("BertProcessing", "RobertaProcessing"):
            before += _first_name(step.get("cls"))
            behind += _first_name(step.get("sep"))
        elif step.get("type") == "TemplateProcessing":
            first, last = _template(step.get("single"))
            before, behind = before + first, behind + last
    return before, behind


def _template(single: Any) -> tuple[list[str], list[str]]:
    """Return the special tokens before and behind the text of a template: [{"SpecialToken": {"id":
    "<s>"}}, {"Sequence": ...}] -> ["<s>"], []."""
    steps = single if isinstance(single, list) else []
    sides: tuple[list[str], list[str]] = ([], [])
    text_seen = 0
    for step in steps:
        token = step.get("SpecialToken") if isinstance(step, dict) else None
        if isinstance(token, dict) and isinstance(token.get("id"), str):
            sides[text_seen].append(token["id"])
        elif isinstance(step, dict) and "Sequence" in step:
            text_seen = 1
    return sides


def _first_name(pair: Any) -> list[str]:
    """Return the name of a pair in a list: ["</s>", 2] -> ["</s>"]."""
    return pair[:1] if isinstance(pair, list) and pair and isinstance(pair[0], str) else []


def _check_one_id(token: AddedToken, file: TokenizerFile) -> None:
    """Raise InputError if a token has two ids. The library uses the id that the model has for it,
    whatever added_tokens says."""
    said = (file.model.ids.get(token.content, token.id), file.ids[token.content])
    for other in said:
        if other != token.id:
            raise InputError(
                f"--tokenizer: the file gives {token.content!r} two ids, {token.id} and {other}; "
                "correct added_tokens"
            )
