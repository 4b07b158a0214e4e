"""Files by patterns as in a shell: `*` and `?` stay within a folder, `**` crosses folders, `[a-c]`
is one character, `{a,b}` is both. A path that exists stands for itself, whatever its name is."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from bfpack_spark.corpus.listing import Listed, list_below, list_plain
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.files.addresses import start_and_key

_WILDCARD = re.compile(r"[*?\[]")
# A "]" that comes first between brackets is one of the letters.
_PIECES = re.compile(r"([*?]|\[[!^]?+(?:\][^\]]*|[^\]]+)\])")
_GLOB = {"*": "[^/]*", "?": "[^/]"}


def find_files(pattern: str) -> list[Listed]:
    """Return all files that a path or pattern stands for; a folder stands for all files below it.
    Names are relative to the named folder, or for a pattern to the part before anything that may
    vary. Raises InputError if the pattern, or one of its alternatives, matches nothing."""
    plain = list_plain(pattern)
    if plain or access.exists(pattern):
        return plain
    alternatives = expand(pattern)
    if alternatives == [pattern] and not _varies(pattern):
        raise InputError(f"--input {pattern}: no such file or directory; check the path")
    if len(alternatives) == 1 and not _varies(pattern):
        return find_files(alternatives[0])
    root = _root(alternatives)
    by_path = {}
    for alternative in alternatives:
        files = list_plain(alternative)
        if not files and _varies(alternative):
            files = [listed for listed, _ in match_files(alternative, {})]
        if not files:
            which = "" if alternative == pattern else f" ({alternative})"
            raise InputError(f"--input {pattern}: matches no file{which}; check the pattern")
        by_path.update({listed.path: listed for listed in files})
    named = (replace(f, name=f.path.removeprefix(f"{root.rstrip('/')}/")) for f in by_path.values())
    return sorted(named, key=lambda listed: listed.name)


def match_files(pattern: str, named: Mapping[str, str]) -> list[tuple[Listed, re.Match[str]]]:
    """Return the files whose names match a pattern without alternatives. `named` gives pieces of
    the pattern and what they mean as regular expressions (if a piece with a named group occurs
    again, it must match the same text). Below a folder that matches, all files do."""
    start, key = start_and_key(pattern)
    varying = key
    for piece in named:
        varying = varying.replace(piece, "*")
    folder = _fixed(varying)
    wanted = _compiled(pattern, key[len(folder) :].lstrip("/"), named, "(/.*)?")
    every = list_below(_folder(start, folder, key))
    return [(listed, match) for listed in every if (match := wanted.match(listed.name))]


def takes_in(pattern: str, folder: str, resolved: Callable[[str], str]) -> bool:
    """Tell whether a folder lies in what a pattern stands for, whatever files are there. `resolved`
    gives the form of an address in which `folder` is."""
    return any(_takes_in(one, f"{folder}/", resolved) for one in expand(pattern))


def _takes_in(alternative: str, folder: str, resolved: Callable[[str], str]) -> bool:
    if not _varies(alternative):
        return folder.startswith(f"{resolved(alternative).rstrip('/')}/")
    start, key = start_and_key(alternative)
    fixed = _fixed(key)
    root = f"{resolved(_folder(start, fixed, key)).rstrip('/')}/"
    wanted = _compiled(alternative, key[len(fixed) :].lstrip("/"), {}, "/.*")
    return folder.startswith(root) and wanted.match(folder[len(root) :]) is not None


def expand(pattern: str) -> list[str]:
    """Return the alternatives of a pattern, as a shell has them: "a/{b,c{d,e}}" -> a/b, a/cd, a/ce.
    Braces without a comma stand for themselves."""
    start, key = start_and_key(pattern)
    return list(dict.fromkeys(start + expanded for expanded in _expand(key)))


def _expand(key: str) -> list[str]:
    for begin, letter in enumerate(key):
        opens = letter == "{" and key[max(begin - 1, 0) : begin + 2] != "[{]"
        parts = _alternatives(key, begin) if opens else None
        if parts is not None:
            inside, end = parts
            return [key[:begin] + rest for part in inside for rest in _expand(part + key[end:])]
    return [key]


def _alternatives(key: str, begin: int) -> tuple[list[str], int] | None:
    """Return the texts between the commas of the braces that open at `begin`, and their end."""
    depth, parts, at = 0, [], begin + 1
    for end in range(begin, len(key)):
        depth += {"{": 1, "}": -1}.get(key[end], 0)
        if (depth == 1 and key[end] == ",") or depth == 0:
            parts.append(key[at:end])
            at = end + 1
        if depth == 0:
            return (parts, end + 1) if len(parts) > 1 else None
    return None


def _varies(pattern: str) -> bool:
    return _WILDCARD.search(start_and_key(pattern)[1]) is not None


def _fixed(key: str) -> str:
    """Return the part of a key before the folder in which something varies."""
    return _WILDCARD.split(key, maxsplit=1)[0].rpartition("/")[0]


def _folder(start: str, folder: str, key: str) -> str:
    """Return the address of a folder. For the folder "" it is the root if the key begins there, and
    the current folder otherwise."""
    return start + (folder or ("/" if key.startswith("/") else "")) or "."


def _root(alternatives: list[str]) -> str:
    """Return the folder that all alternatives lie in, as far as no part of it varies."""
    heads = [_WILDCARD.split(start_and_key(a)[1], maxsplit=1)[0] for a in alternatives]
    folder = os.path.commonprefix(heads).rpartition("/")[0]  # noqa: RUF071  # of text, not of parts
    start, key = start_and_key(alternatives[0])
    return access.absolute(_folder(start, folder, key))


def _compiled(pattern: str, rest: str, named: Mapping[str, str], end: str) -> re.Pattern[str]:
    expression = _translate(rest)
    for piece, meaning in named.items():
        escaped = re.escape(piece)
        expression = expression.replace(escaped, meaning, 1)
        again = re.sub(r"\(\?P<(\w+)>.*\)", r"(?P=\1)", meaning)
        expression = expression.replace(escaped, again)
    try:
        return re.compile(f"{expression}{end}\\Z", re.DOTALL)
    except re.error as error:
        raise InputError(f"--input {pattern}: not a pattern ({error}); correct it") from None


def _translate(pattern: str) -> str:
    """Return a regular expression on names for a pattern such as `a/**/b?.txt`."""
    parts = (map(_translate_piece, _PIECES.split(part)) for part in pattern.split("/"))
    return "/".join(map("".join, parts)).replace("[^/]*[^/]*/", "(?:[^/]+/)*")


def _translate_piece(piece: str) -> str:
    if _PIECES.fullmatch(piece) and piece not in _GLOB:
        others = piece[1] in "!^"
        letters = re.sub(r"([\[\]\\&~|^])", r"\\\1", piece[1 + others : -1])
        return f"[^/{letters}]" if others else f"[{letters}]"
    return _GLOB.get(piece, re.escape(piece))
