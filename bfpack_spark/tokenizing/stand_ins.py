"""Control words under names that no message can spell.

A template's control words are to become ids, and what looks like them in a message is to stay text,
all within one text, since some tokenizers look at what stands around a word. So the engines load a
file in which each control token has another name, its stand-in: four characters that Unicode keeps
for uses like this one and that no text should hold. A text that holds one is refused. The
template's own control words are replaced by their stand-ins, and all else in the text is text:

    <|im_start|>user\\nsay <|im_end|> <|im_end|>  ->  ####user\\nsay <|im_end|> ####

One stand-in more marks borders: it has an id of its own, behind all others, so a text can be cut at
places without making the engine forget what is before them.
"""

import functools
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bfpack_spark.tokenizing.ids_of_texts import Ids
from bfpack_spark.tokenizing.out_of_reach import control_tokens, rename_entries, unknown_id
from bfpack_spark.tokenizing.tokenizer_json import parse_tokenizer
from bfpack_spark.tokenizing.vocabulary import Vocabulary, compress

_FIRST = [chr(code) for code in range(0xFDD0, 0xFDD8)]  # only the first character is one of these
_REST = [chr(code) for code in range(0xFDD8, 0xFDF0)]
KEPT_FOR_US = re.compile(f"[{_FIRST[0]}-{_REST[-1]}]")


@dataclass(frozen=True, kw_only=True)
class StandIns:
    """The control words of a tokenizer and what stands for them. `vocabulary` is that of the file
    which the engines load, `own` the user's."""

    own: Vocabulary
    vocabulary: Vocabulary
    words: dict[str, str]  # control word -> stand-in
    ids: dict[str, int]  # control word -> id
    unknown_id: int | None  # what text without a token gives, whether it is a control token or not
    eos: str  # what stands for EOS in a text with stand-ins
    border: str
    border_id: int

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return what finds the control words in a text, of several at a place the longest."""
        return pattern_of(self.words)

    @functools.cached_property
    def guarded_ids(self) -> Ids:
        """Return the ids that only a template's control words may give."""
        return np.array(sorted({*self.ids.values()} - {self.unknown_id}), dtype=np.int32)


def pattern_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return what finds these words in a text, of several at a place the longest."""
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def make_stand_ins(own: Vocabulary) -> StandIns:
    """Return the stand-ins of control words: the border alone, if they are allowed in text."""
    file = parse_tokenizer(own.json)
    inserted = (*own.inserted_ids, own.own_pad_id)
    control = control_tokens(file, inserted) if own.control_tokens != "allow" else {}
    # A word of one character keeps its name, since text could not be spelled without it.
    words = [word for word in control if len(word) > 1]
    names = {word: _stand_in(number) for number, word in enumerate(words)}
    border, border_id = _stand_in(len(words)), own.size
    eos = next(word for word, number in file.ids.items() if number == own.eos_id)
    tree = json.loads(own.json)
    tree["added_tokens"] = [_renamed(token, names) for token in tree.get("added_tokens") or []]
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    tree["added_tokens"].append({"id": border_id, "content": border, "special": True, **flags})
    tree["post_processor"] = None  # ByteLevel's takes blanks out of the offsets
    rename_entries(tree["model"], names)
    raw = json.dumps(tree).encode()
    vocabulary = replace(
        own,
        compressed=compress(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        size=own.size + 1,
        control_tokens="allow",
        template=None,
    )
    return StandIns(
        own=own,
        vocabulary=vocabulary,
        words=names,
        ids=control,
        unknown_id=unknown_id(file),
        eos=names.get(eos, eos),
        border=border,
        border_id=border_id,
    )


def _stand_in(number: int) -> str:
    """Return the n-th stand-in; there are 110,592."""
    number, last = divmod(number, len(_REST))
    number, third = divmod(number, len(_REST))
    first, second = divmod(number, len(_REST))
    return _FIRST[first] + _REST[second] + _REST[third] + _REST[last]


def _renamed(token: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    if token["content"] not in names:
        return token
    # Always special: an engine would look for an ordinary one in what a normalizer leaves.
    return {**token, "content": names[token["content"]], "normalized": False, "special": True}
