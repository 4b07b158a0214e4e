"""The README files of the repository, their blocks, headings and links."""

import os
import re
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import ROOT, Corpus, Ran, run_process

_NAME = re.compile(r"\w+\.(py|properties)|\w+/")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def readmes() -> list[Path]:
    """Return every README.md that the project wrote, and CONTRIBUTING.md."""
    found = [ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md"]
    for folder in ("bfpack_spark", "conf", "jobs", "scripts", "tests"):
        found += (ROOT / folder).rglob("README.md")
    return sorted(found)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def block(name: str, after: str, language: str) -> str:
    """Return the first fenced block of a language behind a heading or comment of a README."""
    text = read(name)
    match = re.search(rf"```{language}\n(.*?)```", text[text.index(after) :], re.DOTALL)
    assert match, after
    return match.group(1)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def without_blocks(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(text: str) -> list[str]:
    """Return the anchors of the headings: "What it costs" -> "what-it-costs"."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(text), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def links(text: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the anchor of every relative link: "a.md#b" -> ("a.md", "b")."""
    for target in _LINK.findall(without_blocks(text)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def files_in_tree(tree: str) -> list[str]:
    """Return the paths in a tree of rooms and files: "core/", "  rows.py  why" -> core/rows.py."""
    room = ""
    paths: list[str] = []
    for line in tree.splitlines():
        names = list(takewhile(_NAME.fullmatch, line.split()))
        if not line.startswith(" "):
            room = names[0] if names and names[0].endswith("/") else ""
        paths += [room + name for name in names if not name.endswith("/")]
    return paths


@pytest.fixture(scope="module")
def clone(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone after `make demo`: what the repository holds, .venv, and a .demo with a corpus and a
    tokenizer."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("bfpack_spark", "conf", "jobs", "scripts", "Makefile", "pyproject.toml", "dist"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / ".demo" / "corpus").mkdir(parents=True)
    table = pq.read_table(corpus.path)
    for number in range(2):
        part = folder / ".demo" / "corpus" / f"part-0000{number}.parquet"
        pq.write_table(table.slice(number * 30, 30), part)
    (folder / ".demo" / "tokenizer").symlink_to(corpus.tokenizer)
    return folder


def run(clone: Path, commands: str) -> Ran:
    """Run commands of a README there, as printed, in a shell that knows nothing."""
    kept = ("HOME", "TMPDIR", "LANG", "USER")
    known = {"PATH": "/usr/bin:/bin", **{k: os.environ[k] for k in kept if k in os.environ}}
    return run_process("bash", "-euo", "pipefail", "-c", commands, cwd=clone, env=known).succeeds()
