"""Text that knows of each character whether a message said it, and whether it is a target.

A chat template puts its own words around what messages say, and cuts, trims and joins that. The
result is one text, in which `<|im_end|>` may be the template's own word or something that a message
merely mentions. So a message's text is given to the template as a TracedText, and each operation on
it says where the characters of its result come from:

    "<s>" + said("a</s>").strip() + "</s>"  ->  "<s>a</s></s>", runs (3, 0), (5, MESSAGE), (4, 0)

A plain str is the template's own. What an operation makes in a way that is not known here counts as
a message's, so no message becomes a template's word by mistake.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, SupportsIndex, TypeAlias

MESSAGE, TARGET = 1, 2  # flags of a character

Runs: TypeAlias = tuple[tuple[int, int], ...]  # (characters, flags), from the first to the last


class TracedText(str):
    """A text with the flags of its characters; without `runs`, all of it is a message's."""

    runs: Runs

    def __new__(cls, text: str, runs: Runs | None = None) -> "TracedText":
        made = super().__new__(cls, text)
        made.runs = ((len(made), MESSAGE),) if runs is None else runs
        return made

    def __str__(self) -> str:
        return self

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        if isinstance(key, slice) and key.step in (None, 1):
            begin, end, _ = key.indices(len(self))
            return cut(self, begin, end)
        return _of_characters(str.__getitem__(self, key), _flags(self)[key])

    def __iter__(self) -> Iterator[str]:
        return map(_of_characters, str.__iter__(self), ([flag] for flag in _flags(self)))


def _flags(text: str) -> list[int]:
    return [flags for length, flags in runs_of(text) for _ in range(length)]


def _of_characters(text: str, flags: list[int] | int) -> str:
    each = [flags] if isinstance(flags, int) else flags
    return traced(text, [(len(list(group)), flag) for flag, group in groupby(each)])


def said(text: str) -> str:
    """Return a text that a message says."""
    return TracedText(text) if text else ""


def runs_of(text: str) -> Runs:
    """Return the runs of characters with the same flags; a plain text has one, without flags."""
    if isinstance(text, TracedText):
        return text.runs
    return ((len(text), 0),) if text else ()


def traced(text: str, runs: Iterable[tuple[int, int]]) -> str:
    """Return a text with these runs, whose neighbours are joined where they have the same flags. It
    is a plain str if no character has a flag."""
    merged: list[tuple[int, int]] = []
    every = 0
    for length, flags in runs:
        if merged and merged[-1][1] == flags:
            merged[-1] = (merged[-1][0] + length, flags)
        elif length:
            merged.append((length, flags))
        every |= flags if length else 0
    return TracedText(text, tuple(merged)) if every else str.__str__(text)


def as_target(text: str) -> str:
    """Return the text with all of its characters as targets."""
    return traced(text, [(length, flags | TARGET) for length, flags in runs_of(text)])


def joined(parts: Iterable[str], between: str = "") -> str:
    """Return the parts one after another, with a text between any two of them."""
    texts: list[str] = []
    for part in parts:
        if texts and between:
            texts.append(between)
        texts.append(part)
    whole = "".join(texts)
    if not any(isinstance(text, TracedText) for text in texts):
        return whole
    return traced(whole, [run for text in texts for run in runs_of(text)])


def cut(text: str, begin: int, end: int) -> str:
    """Return the characters from `begin` to before `end`."""
    if not isinstance(text, TracedText):
        return text[begin:end]
    kept: list[tuple[int, int]] = []
    place = 0
    for length, flags in text.runs:
        kept.append((max(min(place + length, end) - max(place, begin), 0), flags))
        place += length
    return traced(str.__getitem__(text, slice(begin, end)), [run for run in kept if run[0]])


def holds_message(value: Any) -> bool:
    """Tell whether a value, or anything in it, has a character of a message."""
    if isinstance(value, TracedText):
        return any(flags & MESSAGE for _, flags in value.runs)
    if isinstance(value, dict):
        return any(holds_message(key) or holds_message(held) for key, held in value.items())
    return isinstance(value, list | tuple) and any(map(holds_message, value))


# What the methods of str of these names do. Their results are parts of the text.


def strip(text: str, chars: str | None = None) -> str:
    return rstrip(lstrip(text, chars), chars)


def lstrip(text: str, chars: str | None = None) -> str:
    return cut(text, len(text) - len(str.lstrip(text, chars)), len(text))


def rstrip(text: str, chars: str | None = None) -> str:
    return cut(text, 0, len(str.rstrip(text, chars)))


def removeprefix(text: str, prefix: str) -> str:
    return cut(text, len(text) - len(str.removeprefix(text, prefix)), len(text))


def removesuffix(text: str, suffix: str) -> str:
    return cut(text, 0, len(str.removesuffix(text, suffix)))


def split(text: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    return _located(text, str.split(text, sep, maxsplit), sep)


def rsplit(text: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    return _located(text, str.rsplit(text, sep, maxsplit), sep)


def _located(text: str, parts: list[str], sep: str | None) -> list[str]:
    """Return parts of the text, in their order, as cuts of it. Without `sep`, the blanks between
    them are of any length."""
    cuts: list[str] = []
    place = 0
    for part in parts:
        place = text.index(part, place) if sep is None else place
        cuts.append(cut(text, place, place + len(part)))
        place += len(part) + len(sep or "")
    return cuts


def partition(text: str, sep: str) -> tuple[str, ...]:
    return tuple(_located(text, list(str.partition(text, sep)), ""))


def rpartition(text: str, sep: str) -> tuple[str, ...]:
    return tuple(_located(text, list(str.rpartition(text, sep)), ""))


def splitlines(text: str, keepends: bool = False) -> list[str]:  # noqa: FBT001, FBT002 - as str's
    lines = _located(text, str.splitlines(text, keepends=True), "")
    if keepends:
        return lines
    return [cut(line, 0, len(bare)) for line, bare in zip(lines, str.splitlines(text), strict=True)]


def replace(text: str, old: str, new: str, count: int = -1) -> str:
    """Do what str.replace does, but for an empty `old`, which raises ValueError."""
    if not old:
        raise ValueError("it replaces an empty text")
    return joined(split(text, old, count), new)


def join(between: str, parts: Iterable[str]) -> str:
    return joined(parts, between)
