"""Putting control tokens out of reach of a text, whatever the model is: text that spells one
becomes the pieces of ordinary tokens.

The engines' flags keep added tokens from being looked for in the text. The model itself may still
have a control token among its pieces: Unigram as one with a score, WordPiece and WordLevel as a
word, BPE as the result of merges. So in the file that the engines load, such an entry is renamed to
something that no text spells. It keeps its id, and all other entries keep theirs.

    Unigram {"<pad>": 0, "<": 1, "p": 2, ...}: "x<pad>" -> [x, 0] before, [x, <, p, a, d, >] after

A control token of one character keeps its name, because text could not be spelled without it.
Documents that give its id are refused, as are those that give any other guarded id.
"""

import json
from collections.abc import Collection
from typing import Any

from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.tokenizer_json import TokenizerFile

_LONGEST_WORD = 10_000  # if WordPiece takes longer words, the length of a name does not protect it


def put_out_of_reach(
    raw: bytes, file: TokenizerFile, inserted: Collection[int | None]
) -> tuple[bytes, frozenset[int]]:
    """Return `raw` changed so that text does not give the control tokens, and the ids that no
    document may have. Control tokens are the tokens that are marked special, and the added tokens
    that have an id in `inserted` (EOS, BOS, padding)."""
    ours = {number for number in inserted if number is not None}
    control = control_tokens(file, inserted)
    unmarked = {t.content for t in file.added if t.id in ours and not t.special}
    spelled = _spelled(file, control)
    guarded = frozenset(ours | {control[word] for word in spelled} - {unknown_id(file)})
    words = [word for word in spelled if len(word) > 1]
    if not words and not unmarked:
        return raw, guarded
    tree = json.loads(raw)
    tree["added_tokens"] = [
        {**token, "special": token.get("special") or token["content"] in unmarked}
        for token in tree["added_tokens"]
        if token["content"] not in words
    ]
    rename_entries(tree["model"], {word: _unspelled(file, n) for n, word in enumerate(words)})
    return json.dumps(tree).encode(), guarded


def control_tokens(file: TokenizerFile, inserted: Collection[int | None]) -> dict[str, int]:
    """Return the ids of the tokens that are marked special, and of added ones in `inserted`."""
    return {
        token.content: token.id for token in file.added if token.special or token.id in inserted
    }


def _spelled(file: TokenizerFile, control: Collection[str]) -> list[str]:
    """Return the control tokens that the model may make of a text."""
    model = file.model
    known = [word for word in control if word in model.ids]
    if not known or not isinstance(model.vocab, dict) or not model.merges or model.ignore_merges:
        return known
    merged = {left + right for left, right in _pairs(model.merges)}
    return [word for word in known if len(word) == 1 or word in merged]


def unknown_id(file: TokenizerFile) -> int | None:
    """Return the id that text without a token of its own may give."""
    model = file.model
    return model.unk_id if model.unk_token is None else file.ids.get(model.unk_token)


def _unspelled(file: TokenizerFile, number: int) -> str:
    """Return a name that no text spells. Unigram never looks for an empty piece, and WordPiece
    never for one that is longer than its longest word. (WordLevel might give it for a text that is
    made to do so.)"""
    if not isinstance(file.model.vocab, dict):
        return ""
    name = f"\ue000 out of reach {number} \ue000"
    longest = min(max(file.model.max_input_chars_per_word, 0), _LONGEST_WORD)
    return name + "\ue000" * (longest + len(name))


def rename_entries(model: dict[str, Any], names: dict[str, str]) -> None:
    """Give entries other names, in the vocabulary and where one is the unknown token. Merges that
    make or use the entries are removed."""
    vocab = model["vocab"]
    if isinstance(vocab, dict):
        model["vocab"] = {names.get(token, token): number for token, number in vocab.items()}
    else:
        model["vocab"] = [[names.get(piece, piece), score] for piece, score in vocab]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    if model.get("merges"):
        pairs = zip(_pairs(model["merges"]), model["merges"], strict=True)
        model["merges"] = [
            merge
            for (left, right), merge in pairs
            if not {left, right, left + right} & names.keys()
        ]


def _pairs(merges: Any) -> list[tuple[str, str]]:
    """Return merges as pairs; they are written as "a b" or as ["a", "b"]."""
    try:
        pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in merges)
        return [(str(left), str(right)) for left, right in pairs]
    except (TypeError, ValueError):
        raise InputError(
            "--tokenizer: model.merges is no list of pairs; give the file that `tokenizers` saves"
        ) from None
