"""What a pre-tokenizer's regular expression does where a letter or digit meets a space.

Only six sets of characters matter. The text before a cut ends with a KEEP (ASCII letters, digits,
Han), and the text behind it begins with a BLANK (space or newline). For every class of the
expression there are two sets: what it may hold, and what it surely holds completely.

    crossing   a match may hold a KEEP and right behind it a BLANK
    alone      every single character of these sets is a match by itself

If nothing crosses, no path of the matcher goes over the cut, whatever the order of the paths: each
ends there as it ends where the text ends. Look-ahead is understood behind blanks only, as in
`\\s+(?!\\S)`, which a KEEP before the cut keeps away from it. No other assertion, reference or flag
is understood, and then nothing is claimed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

KEEP = {"upper": ("A", "Z"), "lower": ("a", "z"), "digit": ("0", "9"), "han": ("一", "龥")}
BLANK = {"space": (" ", " "), "newline": ("\n", "\n")}

Sets = frozenset[str]
_KEEPS, _BLANKS = frozenset(KEEP), frozenset(BLANK)
_ALL = _KEEPS | _BLANKS
_NONE: Sets = frozenset()
_LETTERS = frozenset({"upper", "lower", "han"})

_ESCAPES = {"s": _BLANKS, "S": _KEEPS, "d": frozenset({"digit"}), "w": _KEEPS, "W": _BLANKS}
_PROPERTIES = {
    "L": _LETTERS,
    "Lu": frozenset({"upper"}),
    "Ll": frozenset({"lower"}),
    "Lo": frozenset({"han"}),
    "Han": frozenset({"han"}),
    "N": frozenset({"digit"}),
    "Nd": frozenset({"digit"}),
    **dict.fromkeys(("Lt", "Lm", "M", "Mn", "Mc", "P", "S", "Sm", "Sc", "Sk", "So", "Nl"), _NONE),
}
_LITERAL = {"r": "\r", "n": "\n", "t": "\t", "f": "\f", "v": "\v"}


class NotUnderstoodError(ValueError):
    """The expression uses something about which nothing is claimed."""


@dataclass(frozen=True, kw_only=True)
class Chars:
    """A class of characters: which sets it may hold, and which it surely holds completely."""

    may: Sets
    must: Sets

    def inverted(self) -> "Chars":
        return Chars(may=_ALL - self.must, must=_ALL - self.may)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A part of an expression."""

    nullable: bool  # it may match nothing
    first: Sets  # what a match may begin with
    last: Sets  # what it may end with
    alone: Sets
    crossing: bool
    asserts: bool = False  # it looks ahead

    def then(self, other: "Pattern") -> "Pattern":
        """Return this pattern followed by the other."""
        if other.asserts and other.nullable and (self.nullable or self.last & _KEEPS):
            raise NotUnderstoodError("look-ahead that may be at a cut")
        alone = (self.alone if other.nullable else _NONE) | (
            other.alone if self.nullable else _NONE
        )
        asserts = self.asserts or other.asserts
        return Pattern(
            nullable=self.nullable and other.nullable,
            first=self.first | (other.first if self.nullable else _NONE),
            last=other.last | (self.last if other.nullable else _NONE),
            alone=_NONE if asserts else alone,
            crossing=self.crossing or other.crossing or _meets(self, other),
            asserts=asserts,
        )

    def either(self, other: "Pattern") -> "Pattern":
        return Pattern(
            nullable=self.nullable or other.nullable,
            first=self.first | other.first,
            last=self.last | other.last,
            alone=self.alone | other.alone,
            crossing=self.crossing or other.crossing,
            asserts=self.asserts or other.asserts,
        )

    def times(self, least: int, most: int | None) -> "Pattern":
        if self.asserts:
            raise NotUnderstoodError("look-ahead that is repeated")
        repeats = most is None or most > 1
        return Pattern(
            nullable=self.nullable or least == 0,
            first=self.first,
            last=self.last,
            alone=self.alone if least <= 1 and most != 0 else _NONE,
            crossing=self.crossing or (repeats and _meets(self, self)),
        )


_EMPTY = Pattern(nullable=True, first=_NONE, last=_NONE, alone=_NONE, crossing=False)
_LOOK_AHEAD = replace(_EMPTY, asserts=True)


def read_pattern(expression: str) -> Pattern:
    """Return what an expression does. Raises NotUnderstoodError if that cannot be told."""
    reader = _Reader(expression)
    try:
        pattern = reader.alternatives()
    except (IndexError, RecursionError, KeyError, ValueError) as error:
        raise NotUnderstoodError(str(error)) from None
    if reader.rest:
        raise NotUnderstoodError(reader.rest[:20])
    if pattern.nullable:
        raise NotUnderstoodError("it may match nothing")
    return pattern


def literal(text: str) -> Pattern:
    """Return the pattern of a text that is looked for as it is."""
    pattern = _EMPTY
    for char in text:
        pattern = pattern.then(_one(_range(char, char)))
    return pattern


def sets_of(text: Iterable[str]) -> Sets:
    """Return the sets that the characters belong to."""
    return frozenset(name for char in text for name in _range(char, char).may)


def _meets(one: Pattern, other: Pattern) -> bool:
    return bool(one.last & _KEEPS and other.first & _BLANKS)


def _one(chars: Chars) -> Pattern:
    may = chars.may
    return Pattern(nullable=False, first=may, last=may, alone=chars.must, crossing=False)


def _range(first: str, last: str) -> Chars:
    sets = {**KEEP, **BLANK}
    may = frozenset(name for name, (a, z) in sets.items() if first <= z and a <= last)
    must = frozenset(name for name, (a, z) in sets.items() if first <= a and z <= last)
    return Chars(may=may, must=must)


class _Reader:
    """A recursive descent parser of the expression; `rest` is what is still to be read."""

    def __init__(self, expression: str) -> None:
        self.rest = expression
        self._any_case = False

    def alternatives(self) -> Pattern:
        pattern = self._sequence()
        while self._take("|"):
            pattern = pattern.either(self._sequence())
        return pattern

    def _sequence(self) -> Pattern:
        pattern = _EMPTY
        while self.rest and self.rest[0] not in "|)":
            pattern = pattern.then(self._repeated())
        return pattern

    def _repeated(self) -> Pattern:
        pattern = self._atom()
        bounds = re.match(r"[?*+]|\{(\d+)(,?)(\d*)\}", self.rest)
        if bounds is None:
            return pattern
        self.rest = self.rest[bounds.end() :]
        if bounds.group()[0] == "{" and self.rest[:1] in ("+", "?", "*"):
            raise NotUnderstoodError(bounds.group() + self.rest[0])
        self._take("+") or self._take("?")  # possessive or lazy: the paths stay
        simple = {"?": (0, 1), "*": (0, None), "+": (1, None)}
        if bounds.group() in simple:
            return pattern.times(*simple[bounds.group()])
        least, comma, most = bounds.groups()
        return pattern.times(int(least), int(most) if most else None if comma else int(least))

    def _atom(self) -> Pattern:
        for look in (r"(?!\S)", r"(?!\s)"):
            if self._take(look):
                return _LOOK_AHEAD
        if self._take("(?i:"):
            return self._group(any_case=True)
        if self._take("(?:"):
            return self._group(any_case=self._any_case)
        if self.rest[0] == "(" and self.rest[1] != "?":
            self.rest = self.rest[1:]
            return self._group(any_case=self._any_case)
        return _one(self._chars())

    def _group(self, *, any_case: bool) -> Pattern:
        before, self._any_case = self._any_case, any_case
        pattern = self.alternatives()
        self._any_case = before
        if not self._take(")"):
            raise NotUnderstoodError("a group without end")
        return pattern

    def _chars(self) -> Chars:
        if self._take("["):
            return self._class()
        char = self.rest[0]
        if char in "^$.*+?{}()":
            raise NotUnderstoodError(char)
        if char == "\\":
            return self._escape()
        self.rest = self.rest[1:]
        return self._literal(char)

    def _literal(self, char: str) -> Chars:
        chars = _range(char, char)
        if self._any_case and char.isalpha():
            chars = Chars(may=chars.may | _LETTERS, must=_NONE)
        return chars

    def _class(self) -> Chars:
        """Read a class behind `[`: members, ranges, classes in it, and `&&`."""
        inverted = self._take("^")
        chars = self._members()
        while not self._take("]"):
            self.rest = self.rest.removeprefix("&&")
            other = self._members()
            chars = Chars(may=chars.may & other.may, must=chars.must & other.must)
        return chars.inverted() if inverted else chars

    def _members(self) -> Chars:
        """Read up to `&&` or the end of the class, which is left unread."""
        chars = Chars(may=_NONE, must=_NONE)
        while self.rest[0] != "]" and not self.rest.startswith("&&"):
            member = self._member()
            chars = Chars(may=chars.may | member.may, must=chars.must | member.must)
        return chars

    def _member(self) -> Chars:
        if self.rest.startswith("[:"):
            raise NotUnderstoodError("[:")
        if self._take("["):
            return self._class()
        if self.rest[0] == "\\" and self.rest[1] in "pPsSdwW":
            return self._escape()
        first = self._char()
        if self.rest[0] == "-" and self.rest[1] != "]":
            self.rest = self.rest[1:]
            chars = _range(first, self._char())
            return Chars(may=_ALL, must=_NONE) if self._any_case else chars
        return self._literal(first)

    def _char(self) -> str:
        char, self.rest = self.rest[0], self.rest[1:]
        if char != "\\":
            return char
        char, self.rest = self.rest[0], self.rest[1:]
        if char.isalnum() and char not in _LITERAL:
            raise NotUnderstoodError(f"\\{char}")
        return _LITERAL.get(char, char)

    def _escape(self) -> Chars:
        kind = self.rest[1]
        if kind in _ESCAPES:
            self.rest = self.rest[2:]
            return Chars(may=_ESCAPES[kind], must=_ESCAPES[kind])
        if kind not in "pP":
            return self._literal(self._char())
        named = re.match(r"\\[pP](?:\{(\^?)(\w+)\}|(\w))", self.rest)
        if named is None:
            raise NotUnderstoodError(self.rest[:20])
        self.rest = self.rest[named.end() :]
        sets = _PROPERTIES.get(named.group(2) or named.group(3))
        if sets is None or self._any_case:
            return Chars(may=_ALL, must=_NONE)
        chars = Chars(may=sets, must=sets)
        return chars.inverted() if (kind == "P") != bool(named.group(1)) else chars

    def _take(self, text: str) -> bool:
        """Read this text, if it comes next."""
        taken = self.rest.startswith(text)
        if taken:
            self.rest = self.rest[len(text) :]
        return taken
