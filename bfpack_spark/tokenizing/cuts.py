"""Where a text can be cut so that its pieces, tokenized one by one, give the ids of the whole.

The reference takes 154 bytes of memory per byte of text, so it is given a long text in pieces. A
cut lies behind a letter or digit and before a single space or newline that another letter or digit
follows:

    "one two three" -> "one two", " three"

Each part of the tokenizer's file must prove that the ids are the same; otherwise no text is cut:

    added tokens     none that is sought in text holds such a place, or takes in blanks behind it
    normalizer       each step works character by character there, and keeps letters and blanks
    pre-tokenizer    no step's match goes over the place, and one of them ends a piece there
    model            sees piece by piece, whatever it is

A step that is not known here, or an expression that patterns.py does not understand, means that
there is no proof.
"""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bfpack_spark.tokenizing.normalizers import library
from bfpack_spark.tokenizing.panics import said, silenced
from bfpack_spark.tokenizing.patterns import (
    BLANK,
    KEEP,
    NotUnderstoodError,
    Pattern,
    Sets,
    literal,
    read_pattern,
    sets_of,
)
from bfpack_spark.tokenizing.tokenizer_json import AddedToken, TokenizerFile, Tree, parts_of

_KEEPS, _BLANKS, _NONE = frozenset(KEEP), frozenset(BLANK), frozenset[str]()
_GPT2 = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # ByteLevel's own
)
_LOCAL = {
    *("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer", "Nmt"),
    "Precompiled",  # by grapheme, and a blank begins a new one
}


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """The places where a text can be cut: behind one of `keep` and before one of `blank`."""

    keep: Sets
    blank: Sets

    @functools.cached_property
    def _place(self) -> re.Pattern[str]:
        keep = "".join(f"{KEEP[name][0]}-{KEEP[name][1]}" for name in sorted(self.keep))
        blank = "".join(BLANK[name][0] for name in sorted(self.blank))
        return re.compile(f"(?<=[{keep}])(?=[{blank}][{keep}])")

    def pieces(self, text: str, piece: int = 1 << 20) -> Iterator[str]:
        """Yield the text in pieces of at least so many characters, each up to the next place."""
        begin, least = 0, max(piece, 1)
        while len(text) - begin > least:
            cut = self._place.search(text, begin + least)
            if cut is None:
                break
            yield text[begin : cut.start()]
            begin = cut.start()
        yield text[begin:]


def find_cuts(file: TokenizerFile, sought: Callable[[AddedToken], bool]) -> Cuts | None:
    """Return the places where texts can be cut for a tokenizer, or None if there is no proof, or if
    the library fails on a letter. `sought` tells which added tokens are looked for in text."""
    try:
        with silenced():
            cuts = _of_pre_tokenizer(file)
            cuts = cuts and _kept(file, cuts)
            proved = cuts and all(_leaves(token, file) for token in file.added if sought(token))
            return cuts if proved else None
    except BaseException as error:
        said(error)  # raised again if it is none of the library's
        return None


# Pre-tokenizer


def _of_pre_tokenizer(file: TokenizerFile) -> Cuts | None:
    """Return the places that every step leaves alone and where one ends a piece, or None."""
    steps = parts_of(file.pre_tokenizer, "pretokenizers")
    behind, before, blanks = _NONE, _NONE, _BLANKS
    for step in steps:
        done = _step(step)
        if done is None:
            return None
        behind, before = behind | done.alone & _KEEPS, before | done.alone & _BLANKS
        blanks &= _BLANKS if done.any_blank else frozenset({"space"})
        if done.last:
            break
    if before >= blanks:
        return Cuts(keep=_KEEPS, blank=blanks)
    if behind:
        return Cuts(keep=behind, blank=blanks)
    return Cuts(keep=_KEEPS, blank=before & blanks) if before & blanks else None


@dataclass(frozen=True, kw_only=True)
class _Step:
    """What a step of the pre-tokenizer does at a place."""

    alone: Sets  # sets of characters at which a piece ends
    any_blank: bool = True  # False: it changes a piece that does not begin with a space
    last: bool = False  # it rewrites blanks, so what later steps see is not followed


def _step(step: Tree) -> _Step | None:
    kind = step.get("type")
    if kind in ("Whitespace", "WhitespaceSplit", "BertPreTokenizer"):
        return _Step(alone=_BLANKS)
    if kind == "Digits":
        return _Step(alone=frozenset({"digit"}))
    if kind == "Punctuation" and step.get("behavior") in ("Isolated", "Removed"):
        return _Step(alone=_NONE)
    if kind == "CharDelimiterSplit" and isinstance(step.get("delimiter"), str):
        return _Step(alone=sets_of(step["delimiter"]) & _BLANKS)
    if kind == "Metaspace" and step.get("split", True) is True:
        return _Step(alone=frozenset({"space"}), any_blank=False, last=True)
    if kind == "ByteLevel":
        alone = read_pattern(_GPT2).alone if step.get("use_regex", True) else _NONE
        prefixes = bool(step.get("add_prefix_space", True))
        return _Step(alone=alone, any_blank=not prefixes, last=True)
    return _split(step) if kind == "Split" else None


def _split(step: Tree) -> _Step | None:
    pattern = _pattern(step)
    if pattern is None or pattern.crossing or step.get("behavior") not in ("Isolated", "Removed"):
        return None
    return _Step(alone=pattern.alone)


def _pattern(step: Tree) -> Pattern | None:
    """Return the pattern of a Split, or None if it is not understood."""
    pattern = step.get("pattern")
    if not isinstance(pattern, dict):
        return None
    said: Any = pattern.get("String", pattern.get("Regex"))
    if not isinstance(said, str) or not said:
        return None
    try:
        return literal(said) if "String" in pattern else read_pattern(said)
    except NotUnderstoodError:
        return None


# Normalizer


def _kept(file: TokenizerFile, cuts: Cuts) -> Cuts | None:
    """Return the places that every step of the normalizer leaves as they are."""
    for step in parts_of(file.normalizer, "normalizers"):
        if not _is_local(step):
            return None
        normalize = library(step)
        keep = frozenset(name for name in cuts.keep if _keeps(normalize, name, cuts.keep))
        keep = frozenset(name for name in keep if _keeps(normalize, name, keep))
        between = {name: f"a{BLANK[name][0]}b" for name in cuts.blank}
        blank = frozenset(n for n, text in between.items() if normalize(text).lower() == text)
        if not keep or not blank or any(not _keeps(normalize, name, keep) for name in keep):
            return None
        cuts = Cuts(keep=keep, blank=blank)
    return cuts


def _is_local(step: Tree) -> bool:
    kind = step.get("type")
    if kind == "Strip":
        return step.get("strip_left") is False  # what it strips at the right is not a letter
    if kind == "Replace":
        pattern = step.get("pattern")
        text = pattern.get("String") if isinstance(pattern, dict) else None
        # A text without the letters, digits and blanks that count here is elsewhere.
        elsewhere = isinstance(text, str) and bool(text) and not sets_of(text)
        return elsewhere or pattern == {"Regex": " {2,}"}
    return kind in _LOCAL


def _keeps(normalize: Callable[[str], str], name: str, keep: Sets) -> bool:
    """Tell whether every character of a set becomes one of the sets that cuts lie behind."""
    first, last = KEEP[name]
    chars = [chr(code) for code in range(ord(first), ord(last) + 1)]
    kept = normalize(" ".join(chars)).split(" ")
    return len(kept) == len(chars) and all(len(c) == 1 and sets_of(c) & keep for c in kept)


# Added tokens


def _leaves(token: AddedToken, file: TokenizerFile) -> bool:
    """Tell whether a token that is sought in text can neither hold a place nor look over it."""
    texts = [token.content]
    for step in parts_of(file.normalizer, "normalizers"):
        texts.append(library(step)(texts[-1]))
    holds = any(re.search(r"[A-Za-z0-9一-龥]\s", text) for text in texts)
    return not (holds or token.rstrip or token.single_word)
