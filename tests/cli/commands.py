"""Running commands on a small corpus, and reading what they said."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Bfpack, Corpus, Ran, Run
from inputs import write_input

BASE = ("--bucket", "b", "--seq-len", 64)
GOOD = [{"doc_id": f"d{n}", "text": "some words " * n} for n in range(1, 40)]


def rows(first: int, last: int) -> list[dict[str, Any]]:
    return [{"doc_id": f"d{n}", "text": f"{n} some words " * (n + 1)} for n in range(first, last)]


@pytest.fixture
def run(demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path) -> Run:
    """`bfpack pack` of rows in JSONL to tmp_path/output."""

    def pack(rows: list[Any], *more: object) -> Ran:
        folder = tmp_path / "corpus"
        if not folder.exists():
            write_input(folder / "a.jsonl", rows)
        where = ("--input", folder, "--output", tmp_path / "output")
        return bfpack("pack", *where, "--tokenizer", demo_corpus.tokenizer, *BASE, *more)

    return pack


def error_of(ran: Ran, code: int = 2) -> str:
    """The one line that says what was wrong: the last of stderr, and nothing on stdout."""
    assert (ran.code, ran.out) == (code, "")
    assert "Traceback" not in ran.err
    found = [line for line in ran.err.splitlines() if "bfpack: error:" in line]
    assert len(found) == 1
    assert ran.err.endswith(f"{found[0]}\n")
    assert found[0].startswith("bfpack: error: ")
    return found[0].removeprefix("bfpack: error: ")


def results(output: Path) -> list[str]:
    """What somebody could take for a result."""
    found = [*output.rglob("_manifest.json"), *output.rglob("_current.json")]
    return sorted(str(path.relative_to(output)) for path in found)
