"""Uses of names and where they were bound: small programs by eye, and ruff's undefined names."""

import ast
import itertools
import json
import sys
from pathlib import Path

import pytest
from conftest import run_process

from bfpack_spark.tokenizing.python_names import Reference, python_references

# Each use of a name that has an earlier binding is written <told by line>: name @ line of the
# binding -> line of the use.
PROGRAMS = {
    "an import and an argument": ("import os\ndef f(a):\n    return os, a, b\n", "os 1>3, a 2>3"),
    "import a.b binds a": ("import a.b\na.b.c\n", "a 1>2"),
    "import as": ("from x import (\n  y as z)\nz, y\n", "z 2>3"),
    "the nearest binding": ("x = 1\nx = 2\nx\nx = 3\n", "x 2>3"),
    "its own old value": ("x = 1\nx = x + 1\nx += 1\nx\n", "x 1>2, x 2>3, x 3>4"),
    "a forward reference": ("def f():\n    return g\ndef g(): pass\n", ""),
    "a local bound later": ("x = 1\ndef f():\n    x\n    x = 2\n", ""),
    "methods skip the class": (
        "x = 1\nclass C:\n    x = 2\n    y = x\n    def m(self):\n        return x, self\n",
        "x 3>4, x 1>6, self 5>6",
    ),
    "a class sees names above": ("x = 1\nclass C:\n    y = x\n    x = 3\n", "x 1>3"),
    "a comprehension": ("y = [1]\nx = 2\n[x for x in y]\nx\n", "y 1>3, x 2>4"),
    "the first iterable only": ("class C:\n  y = [1]\n  [y for z in y]\n", "y 2>3"),
    "walrus": ("[(y := z) for z in ()]\ny\n", "y 1>2"),
    "global": ("def f():\n    global x\n    x = 1\ndef g():\n    return x\n", "x 3>5"),
    "global in a comprehension": (
        "x = 0\ndef f():\n    global x\n    x = 1\n    return [x for _ in ()]\n",
        "x 4>5",
    ),
    "global past a local of a function around": (
        "x = 0\ndef f():\n    x = 1\n    def g():\n        global x\n        return x\n",
        "x 1>6",
    ),
    "nonlocal": (
        "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n    return x\n",
        "x 5>6",
    ),
    "builtins": ("print(len([]))\n", ""),
    "a default is outside": ("a = 1\ndef f(a=a):\n    pass\n", "a 1>2"),
    "lambda": ("k = 1\nf = lambda x: (\n  x, k)\n", "x 2>3, k 1>3"),
    "with, for, except": (
        "with open() as f:\n    f\nfor i in f:\n    i\ntry: pass\nexcept E as e:\n    e\n",
        "f 1>2, f 1>3, i 3>4, e 6>7",
    ),
    "patterns": (
        "match 1:\n  case [a, *b]:\n    a, b\n  case {'k': c, **d}:\n    c, d\n",
        "a 2>3, b 2>3, c 4>5, d 4>5",
    ),
    "an f-string": ("n = 1\nf'{n}'\n", "n 1>2"),
    "annotations and decorators": (
        "import d\nT = int\n@d.x\nclass C(T):\n    y: T = 1\ndef f(a: T) -> C: pass\n",
        "d 1>3, T 2>4, T 2>5, T 2>6, C 4>6",
    ),
    "recursion": ("def f():\n    f()\n", "f 1>2"),
    "del and star import": ("from m import *\nx = 1\ndel x\n", ""),
}


def written(text: str, found: list[Reference] | None) -> str:
    assert found is not None
    lines = [
        (one.name, *(text[:at].count("\n") + 1 for at in (one.told, one.used))) for one in found
    ]
    return ", ".join(f"{name} {told}>{used}" for name, told, used in lines)


@pytest.mark.parametrize("name", PROGRAMS)
def test_small_programs_by_eye(name: str) -> None:
    text, expected = PROGRAMS[name]
    found = python_references(text)
    assert written(text, found) == expected
    for one in found or []:
        for place in (one.told, one.used):
            assert text[place:].startswith((one.name, "f'"))


def test_kinds_are_those_of_the_binding() -> None:
    text = "import i\ndef f(a):\n  x = a\n  i, x\nclass C: pass\nf, C\n"
    found = python_references(text)
    assert {one.name: one.kind for one in found or []} == {
        "i": "import",
        "f": "function",
        "a": "argument",
        "x": "assignment",
        "C": "class",
    }


def test_places_are_characters_however_many_bytes_they_have() -> None:
    text = "é = 'ü'; x = é\r\ny = x\rπ = y\x0c\nπ\n"
    found = python_references(text)
    assert [(one.name, text[one.told], text[one.used]) for one in found or []] == [
        ("é", "é", "é"),
        ("x", "x", "x"),
        ("y", "y", "y"),
        ("π", "π", "π"),
    ]


@pytest.mark.parametrize("text", ["def", "x = \0", "print 'old'", "(" * 300, "-" * 100_000 + "1"])
def test_what_is_no_python_has_no_references(text: str) -> None:
    assert python_references(text) is None


def pieces_of(text: str) -> list[tuple[int, int]]:
    """First and last line, from 0, of pieces of a program that parse: six statements each."""
    body = ast.parse(text).body
    firsts = [min([n.lineno, *(d.lineno for d in getattr(n, "decorator_list", []))]) for n in body]
    cuts = [0, *(first - 1 for first in firsts[6::6]), text.count("\n") + 1]
    return list(itertools.pairwise(cuts))


def test_names_out_of_sight_are_undefined_to_a_linter(tmp_path: Path) -> None:
    """Of the uses in pieces of the standard library whose binding is before the piece, ruff's F821
    (that of pyflakes) reports at least 99 of 100."""
    expected: set[tuple[str, int, int]] = set()
    for source in sorted(Path(ast.__file__).parent.glob("[a-c]*.py")):
        text = source.read_text(encoding="utf-8")
        lines = text.split("\n")
        starts = [0, *itertools.accumulate(len(line) + 1 for line in lines)]
        references = python_references(text)
        assert references is not None
        for first, end in pieces_of(text):
            name = f"{source.stem}_{first}.py"
            (tmp_path / name).write_text("\n".join(lines[first:end]), encoding="utf-8")
            for one in references:
                if one.told < starts[first] <= one.used < starts[end]:
                    row = text.count("\n", 0, one.used)
                    expected.add((name, row - first + 1, one.used - starts[row] + 1))
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821"]
    command += ["--output-format=json", "--exit-zero", "--no-cache", "."]
    ran = run_process(*command, cwd=tmp_path).succeeds()
    said = {
        (Path(one["filename"]).name, one["location"]["row"], one["location"]["column"])
        for one in json.loads(ran.out)
    }
    assert len(expected) > 1000
    assert len(expected & said) >= 0.99 * len(expected)
